-- What several examples share: how they read their options, their data, and the networks they work
-- on.

local wane = require "wane"
local nn = wane.nn

local experiment = {}

-- The name of the script that runs.
local program = (arg and arg[0] or "experiment.lua"):match "[^/]*$"

-- Reads the command line into a copy of `defaults`. Options are --quick, the keys of `defaults`,
-- whose values tell what they take (whole numbers, numbers or texts), and `texts`, which have none.
-- Anything else shows the usage and ends the program.
function experiment.options(usage, defaults, texts)
  local given, kinds = {}, {}
  for name, value in pairs(defaults) do
    given[name], kinds[name] = value, math.type(value) or "text"
  end
  for _, name in ipairs(texts or {}) do kinds[name] = "text" end

  local function fail(message, ...)
    io.stderr:write(program, ": ", message:format(...), "\n", usage)
    os.exit(2)
  end
  local function read(name, text)
    if kinds[name] == "text" then return text end
    local number = tonumber(text)
    if kinds[name] == "float" then
      if number and number >= 0 and number < math.huge then return number + 0.0 end
      fail("--%s must be a number of at least 0, got '%s'", name, text)
    end
    local least = name == "seed" and 0 or 1
    number = math.tointeger(number)
    if number and number >= least then return number end
    fail("--%s must be a whole number of at least %d, got '%s'", name, least, text)
  end

  local words = arg or {}
  local index = 1
  while words[index] do
    local word = words[index]
    local name = word:match "^%-%-(%a+)$"
    if name == "help" or word == "-h" then
      io.write(usage)
      os.exit(0)
    elseif name == "quick" then
      given.quick = true
      index = index + 1
    elseif name and kinds[name] then
      if not words[index + 1] then fail("--%s needs a value", name) end
      given[name] = read(name, words[index + 1])
      index = index + 2
    else
      fail("unknown option '%s'", word)
    end
  end
  return given
end

-- Training and test images of Fashion-MNIST, or of the 28x28 data set in a folder.
function experiment.data(dir)
  local loaded, train, test
  if dir then
    loaded, train, test = pcall(wane.data.mnist_family, dir)
  else
    loaded, train, test = pcall(wane.datasets.fashion_mnist)
  end
  if loaded then return train, test end
  io.stderr:write(program, ": ", train, "\n")
  os.exit(1)
end

-- The same with the last 5 000 training images held out, to decide with: training, validation and
-- test images.
function experiment.split_data(dir, is_quick)
  local all, test = experiment.data(dir)
  local kept = math.min(5000, #all // 6)
  local train, validation = all:take(#all - kept), all:skip(#all - kept)
  if not is_quick then return train, validation, test end
  return train:take(3000), validation:take(1000), test:take(1000)
end

-- Networks for 28x28 images by name.
local networks = {
  -- That of fashion_mnist.lua, or one of other widths: filters, filters, units.
  cnn = function(widths)
    local first, second, units = table.unpack(widths or { 32, 64, 64 })
    return {
      nn.conv2d { first, 3, activation = "relu" }, nn.max_pool2d { 2 },
      nn.conv2d { second, 3, activation = "relu" }, nn.max_pool2d { 2 },
      nn.flatten {}, nn.dense { units, activation = "relu" },
    }
  end,
  -- LeNet-300-100.
  lenet300 = function()
    return {
      nn.flatten {},
      nn.dense { 300, activation = "relu" }, nn.dense { 100, activation = "relu" },
    }
  end,
  -- LeNet-5 as Caffe has it: 20 and 50 filters, 500 units.
  lenet5 = function()
    return {
      nn.conv2d { 20, 5 }, nn.max_pool2d { 2 }, nn.conv2d { 50, 5 }, nn.max_pool2d { 2 },
      nn.flatten {}, nn.dense { 500, activation = "relu" },
    }
  end,
}

-- One of the networks with an answer for so many classes.
function experiment.network(name, seed, classes, widths)
  local make = networks[name]
  if not make then
    io.stderr:write(program, ": there is no model '", name, "': cnn, lenet300 or lenet5\n")
    os.exit(2)
  end
  local layers = make(widths)
  layers[#layers + 1] = nn.dense { classes, activation = "softmax" }
  return nn.sequential { seed = seed, nn.input { 28, 28, 1 }, table.unpack(layers) }
end

-- The same, trained with a step size that falls along a cosine.
function experiment.trained(name, seed, train, epochs)
  local model = experiment.network(name, seed, train.classes)
  model:fit(train, {
    epochs = epochs, batch_size = 128, learning_rate_schedule = "cosine", seed = seed,
  })
  return model
end

-- A table of results of models over seeds: what each is called, its bytes, its accuracy on
-- validation and test images, and how it compares with the first of its seed.
function experiment.scores(validation, test)
  local scores, rows, reference = {}, {}, nil
  local layout = "%-30s %9s %8s %11s %8s %8s"

  local function show(name, row, count)
    print(layout:format(
      name, ("%.0f"):format(row.bytes / count), ("%.1f"):format(row.times / count),
      ("%.2f"):format(row.validation / count), ("%.2f"):format(row.test / count),
      ("%+.2f"):format(row.points / count)))
    io.stdout:flush()
  end
  local function heading(text)
    print(layout:format(text, "bytes", "times", "validation", "test", "points"))
  end

  function scores.start(seed)
    reference = nil
    heading(("seed %d"):format(seed))
  end

  function scores.add(name, model)
    local row = {
      bytes = model.file_bytes, validation = 100 * model:evaluate(validation).accuracy,
      test = 100 * model:evaluate(test).accuracy,
    }
    reference = reference or row
    row.times, row.points = reference.bytes / row.bytes, row.test - reference.test
    show(name, row, 1)
    local sum = rows[name]
    if not sum then
      sum = { count = 0, name = name }
      rows[name], rows[#rows + 1] = sum, sum
    end
    for key, value in pairs(row) do sum[key] = (sum[key] or 0) + value end
    sum.count = sum.count + 1
    return model
  end

  function scores.finish()
    if not rows[1] or rows[1].count < 2 then return end
    heading(("mean of %d"):format(rows[1].count))
    for _, sum in ipairs(rows) do show(sum.name, sum, sum.count) end
  end

  return scores
end

return experiment
