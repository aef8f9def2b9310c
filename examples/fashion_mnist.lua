-- The experiment that Wane is for: train a small convolutional network on Fashion-MNIST (or any
-- data set of 28 x 28 images), make it smaller in every way Wane knows, and compare honestly.
--
--   wane examples/fashion_mnist.lua [--epochs N] [--quick] [--seed N] [--data DIR] [--json FILE]
--
-- It runs in stock lua5.4 as well.

local wane = require "wane"
local nn = wane.nn

-- Options ---------------------------------------------------------------------------------------

local usage = [[
usage: fashion_mnist.lua [options]
  --epochs N   epochs of the float model (default 10, at least 1)
  --quick      a few thousand samples and few epochs: under a minute, figures of no meaning
  --seed N     decides initial weights and the order of samples (default 1)
  --data DIR   a folder with the four idx files of a 28x28 data set, plain or gzip
               (default: Fashion-MNIST as Debian installs it)
  --json FILE  writes the rows of the table to a file
]]

local function fail(message)
  io.stderr:write("fashion_mnist.lua: ", message, "\n", usage)
  os.exit(2)
end

local function options(arguments)
  local result = { epochs = nil, quick = false, seed = 1, data = nil, json = nil }
  local index = 1
  local function value(name)
    index = index + 1
    return arguments[index] or fail(name .. " needs a value")
  end
  local function whole(name, least)
    local text = value(name)
    local number = math.tointeger(tonumber(text))
    if not number or number < least then
      fail(("%s must be a whole number of at least %d, got '%s'"):format(name, least, text))
    end
    return number
  end
  while index <= #arguments do
    local name = arguments[index]
    if name == "--epochs" then result.epochs = whole(name, 1)
    elseif name == "--seed" then result.seed = whole(name, 0)
    elseif name == "--quick" then result.quick = true
    elseif name == "--data" then result.data = value(name)
    elseif name == "--json" then result.json = value(name)
    elseif name == "--help" or name == "-h" then
      io.write(usage)
      os.exit(0)
    else
      fail(("unknown option '%s'"):format(name))
    end
    index = index + 1
  end
  return result
end

local given = options(arg or {})
local seed = given.seed
local started = os.time()

-- Opened first: after an hour of work is too late to learn that a file cannot be written.
local json_file
if given.json then
  local message
  json_file, message = io.open(given.json, "w")
  if not json_file then fail(message) end
end

local function section(title) print(("\n== %s"):format(title)) end

-- Data ------------------------------------------------------------------------------------------

local loaded, train, test
if given.data then
  loaded, train, test = pcall(wane.data.mnist_family, given.data)
else
  loaded, train, test = pcall(wane.datasets.fashion_mnist)
end
if not loaded then
  io.stderr:write("fashion_mnist.lua: ", train, "\n")
  os.exit(1)
end
local epochs = given.epochs or 10
if given.quick then
  train, test = train:take(6000), test:take(2000)
  epochs = given.epochs or 3
end
-- How long the steps after the float model last, in epochs; a quick run has shorter ones.
local function after(count) return given.quick and count / 2 or count end
print(train)
print(test)

-- The float model ---------------------------------------------------------------------------------

local classes = train.classes

local function network(from)
  return nn.sequential {
    seed = from,
    nn.input { 28, 28, 1 },
    nn.conv2d { 32, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.conv2d { 64, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { 64, activation = "relu" },
    nn.dense { classes, activation = "softmax" },
  }
end

section(("float: %d epochs"):format(epochs))
local model = network(seed)
print(model)
model:fit(train, {
  epochs = epochs, batch_size = 128, validation = test, seed = seed,
  on_epoch = function(epoch)
    print(("epoch %2d  loss %.4f  accuracy %.4f  test accuracy %.4f  %.1f s"):format(
      epoch.epoch, epoch.loss, epoch.accuracy, epoch.validation_accuracy, epoch.seconds))
  end,
})

-- One technique at a time -----------------------------------------------------------------------

local function apply(title, verb, options_of_verb)
  section(title)
  options_of_verb.seed = seed
  local result, report = wane[verb](model, options_of_verb)
  print(report)
  return result
end

local shared = apply("compression: 16 shared weights a layer", "compress",
  { method = "share", clusters = 16, data = train, epochs = after(1) })
local slim = apply("compression: half of the filters", "compress",
  { method = "filters", ratio = 0.5, data = train, epochs = after(2) })
local int8 = apply("quantization: 8-bit integers, from 512 samples", "quantize",
  { bits = 8, calibration = train:take(512) })
local int4 = apply("quantization: 4-bit weights, trained", "quantize",
  { bits = 4, data = train, epochs = after(1) })
local sparse = apply("pruning: 90 % of the weights", "prune",
  { sparsity = 0.9, schedule = "cubic", data = train, epochs = after(3) })

-- Teacher and student ---------------------------------------------------------------------------

-- A tenth of the parameters.
local function small_network(from)
  return nn.sequential {
    seed = from,
    nn.input { 28, 28, 1 },
    nn.conv2d { 8, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.conv2d { 16, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { 24, activation = "relu" },
    nn.dense { classes, activation = "softmax" },
  }
end

section("distillation: a student taught by the float model, and the same student alone")
local student_epochs = after(given.epochs and math.min(given.epochs, 8) or 8)
local student
local sums = { alone = 0, taught = 0 }
local students = 3
for round = 0, students - 1 do
  local alone = small_network(seed + round)
  alone:fit(train, { epochs = student_epochs, seed = seed + round })
  local taught = wane.distill(small_network(seed + round), {
    teacher = model, data = train, transfer = "slice",
    epochs = student_epochs, seed = seed + round,
  })
  local scores = { alone = alone:evaluate(test).accuracy, taught = taught:evaluate(test).accuracy }
  print(("seed %d  alone %.4f  taught %.4f"):format(seed + round, scores.alone, scores.taught))
  for name, score in pairs(scores) do sums[name] = sums[name] + score end
  student = student or taught
end
print(("mean    alone %.4f  taught %.4f  (%+.2f points)"):format(
  sums.alone / students, sums.taught / students, 100 * (sums.taught - sums.alone) / students))

-- All together ----------------------------------------------------------------------------------

section("pipeline: prune, share, quantize; each keeps what the one before established")
local tiny, report = wane.pipeline {
  { "prune", sparsity = 0.9, schedule = "cubic", epochs = after(3), seed = seed },
  { "compress", method = "share", clusters = 16, epochs = after(2), seed = seed },
  { "quantize", bits = 8, epochs = after(2), seed = seed },
}:run(model, { data = train, teacher = model })
print(report)

-- The result ------------------------------------------------------------------------------------

section("result, measured on this machine with one thread")
local comparison = wane.compare({
  { "original", model }, { "shared", shared }, { "slim", slim }, { "int8", int8 }, { "int4", int4 },
  { "sparse", sparse }, { "student", student }, { "tiny", tiny },
}, { data = test })
print(comparison)
print(("\n%d s in all"):format(os.time() - started))

if json_file then
  assert(json_file:write(comparison:json()))
  assert(json_file:close())
end
