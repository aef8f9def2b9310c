-- Streams: samples that a function makes while a model is trained on them.

local wane = require "wane"
local nn = wane.nn

local function list(t) return table.concat(t:flatten():tolist(), " ") end

local count = 50
local inputs = wane.rand({ count, 6, 6, 1 }, { seed = 1 })
local labels = wane.randint({ count }, 0, 2, { seed = 2 })

--- A function that returns an iterator over `count` samples, and notes the epochs it is asked for.
local function source(epochs)
  return function(epoch)
    if epochs then epochs[#epochs + 1] = epoch end
    local i = 0
    return function()
      i = i + 1
      if i <= count then return inputs[i], labels[i] end
    end
  end
end

local function stream(options, epochs)
  options = options or {}
  options.buffer = options.buffer or 16
  return wane.data.generator(source(epochs), options)
end

local function network()
  return nn.sequential {
    nn.input { 6, 6, 1 }, nn.conv2d { 4, 3, activation = "relu" }, nn.flatten {},
    nn.dense { 3, activation = "softmax" }, seed = 1,
  }
end

local function fit(data, options)
  options.batch_size, options.progress = options.batch_size or 8, false
  options.seed = options.seed or 3
  local model = network()
  local history = model:fit(data, options)
  return list(model:parameter "conv2d/kernel"), history, model
end

local function resident()
  local file <close> = io.open "/proc/self/status"
  return file and tonumber((file:read("a"):match "RssAnon:%s*(%d+)"))
end

test("a stream in order is the data set of its samples", function()
  local held = wane.data.tensors(inputs, labels)
  local epochs = {}
  local there, history = fit(stream({}, epochs), { epochs = 3, shuffle = false, metrics = { "precision" } })
  local here, expected = fit(held, { epochs = 3, shuffle = false, metrics = { "precision" } })
  check.equal(there, here)
  check.equal(list(wane.tensor(history.loss)), list(wane.tensor(expected.loss)))
  check.equal(list(wane.tensor(history.precision)), list(wane.tensor(expected.precision)))
  check.equal(#history.wait_seconds, 3)
  check.equal(table.concat(epochs, " "), "1 2 3")
  -- What is random about a sample depends on its number.
  local change = { flip = "both", shift = 0.2, rotate = 20, noise = 0.1, seed = 4 }
  check.equal(fit(stream():augment(change), { epochs = 2, shuffle = false }),
    (fit(held:augment(change), { epochs = 2, shuffle = false })))
  check.truthy(fit(stream(), { epochs = 2 }) == fit(stream(), { epochs = 2 }))
  check.truthy(fit(stream(), { epochs = 2 }) ~= fit(stream(), { epochs = 2, seed = 4 }))
  check.truthy(fit(stream(), { epochs = 2 }) ~= fit(stream { buffer = 2 }, { epochs = 2 }))
end)

test("samples of a batch are mixed", function()
  local mixed = stream():augment { mixup = 0.4 }
  check.equal(fit(mixed, { epochs = 2 }), (fit(mixed, { epochs = 2 })))
  check.truthy(fit(mixed, { epochs = 2 }) ~= fit(stream(), { epochs = 2 }))
  local x, y = mixed:batches(10, { seed = 1 })()
  check.equal(x.shape[1], 10)
  check.equal(table.concat(y.shape, "x"), "10x3")
  for i = 1, 10 do check.near(y[i]:sum(), 1) end
end)

test("the buffer bounds how far samples move", function()
  local function numbers(buffer, options)
    local made = 0
    local data = wane.data.generator(function()
      made = made + 1
      if made <= 100 then return { made }, 0 end
    end, { buffer = buffer })
    local order = {}
    for x in data:batches(7, options) do
      for _, number in ipairs(x:flatten():tolist()) do order[#order + 1] = math.tointeger(number) end
    end
    return order
  end
  local order, seen = numbers(10, { shuffle = true, seed = 1 }), {}
  check.equal(#order, 100)
  for place, number in ipairs(order) do
    check.truthy(number <= place + 9, number)
    check.truthy(not seen[number])
    seen[number] = true
  end
  local function text(...) return table.concat(numbers(...), " ") end
  check.equal(text(10, { shuffle = true, seed = 1 }), table.concat(order, " "))
  check.truthy(text(10, { shuffle = true, seed = 2 }) ~= table.concat(order, " "))
  check.equal(text(10), text(1, { shuffle = true, seed = 1 }))
  -- All of them in the buffer: any order.
  check.truthy(numbers(1000, { shuffle = true, seed = 1 })[1] ~= 1)
end)

test("functions make samples anew in each epoch", function()
  local calls = 0
  local endless = wane.data.generator(function(epoch)
    calls = calls + 1
    return { calls, epoch }, 0.5
  end, { buffer = 4, limit = 10 })
  check.equal(tostring(endless), "generator: a stream, up to 10 samples an epoch, shuffled among 4")
  check.equal(endless.limit .. " " .. endless.buffer .. " " .. endless.name, "10 4 generator")
  local model = nn.sequential { nn.input { 2 }, nn.dense { 1 } }
  local steps = {}
  model:fit(endless, { epochs = 2.5, batch_size = 4, learning_rate_schedule = "cosine", progress = false,
    on_batch = function(batch) steps[#steps + 1] = batch.epoch .. ":" .. batch.step end })
  check.equal(table.concat(steps, " "), "1:1 1:2 1:3 2:4 2:5 2:6 3:7 3:8")
  -- A function that begins again by itself.
  local turn = 0
  local again = wane.data.generator(function()
    turn = (turn + 1) % 5
    if turn ~= 0 then return { turn }, 1.0 end
  end, { buffer = 2 })
  local one = nn.sequential { nn.input { 1 }, nn.dense { 1 } }
  check.equal(#one:fit(again, { epochs = 3, batch_size = 3, progress = false }).loss, 3)
  check.equal(turn, 0)
  -- The same functions make data sets in memory.
  check.equal(#wane.data.generator(source()), count)
  check.equal(#wane.data.generator(source(), { limit = 7, cache = "disk" }), 7)
  check.equal(list(stream():take(9).inputs), list(wane.data.tensors(inputs, labels):take(9).inputs))
end)

test("hooks see a stream's steps and end them", function()
  local steps = 0
  local _, history = fit(stream(), { epochs = 5, on_batch = function(batch)
    steps = steps + 1
    return batch.step < 9
  end })
  check.equal(steps, 9)
  check.equal(#history.loss, 2)
  _, history = fit(stream(), { epochs = 5, validation = wane.data.tensors(inputs, labels),
    on_epoch = function(epoch) return epoch.epoch < 2 and epoch.validation_loss > 0 end })
  check.equal(#history.validation_loss, 2)
end)

test("functions may compute with tensors while workers train", function()
  local weights = wane.rand({ 36, 36 }, { seed = 3 })
  local function made(buffer)
    return wane.data.generator(function()
      local i = 0
      return function()
        i = i + 1
        if i > count then return end
        local mixed = inputs[i]:reshape(1, 36):matmul(weights):reshape(6, 6, 1)
        return (mixed - mixed:mean()) / 10, labels[i]
      end
    end, { buffer = buffer })
  end
  check.equal(fit(made(8), { epochs = 3, shuffle = false }), (fit(made(1), { epochs = 3 })))
end)

test("streams of several inputs and outputs", function()
  local a, b = nn.input { 2, name = "a" }, nn.input { 3, name = "b" }
  local joined = nn.concat {} { a, b }
  local model = nn.model { inputs = { a, b }, outputs = {
    nn.dense { 2, activation = "softmax", name = "kind" } (joined), nn.dense { 1, name = "height" } (joined),
  } }
  local data = wane.data.generator(function()
    return { b = wane.ones { 3 }, a = wane.zeros { 2 } }, { kind = 1, height = wane.tensor { 0.5 } }
  end, { buffer = 4, limit = 12 })
  local history = model:fit(data, { epochs = 2, batch_size = 5, progress = false })
  check.equal(#history.kind_loss, 2)
  local x, y = data:batches(5)()
  check.equal(table.concat(x.a.shape, "x") .. " " .. table.concat(y.height.shape, "x"), "5x2 5x1")
end)

test("memory does not grow with a stream", function()
  collectgarbage()
  local row = wane.zeros { 512, 512, 1 }
  local before, most = resident(), 0
  local data = wane.data.generator(function() return row + 1, 1 end, { buffer = 8, limit = 200 })
  local model = nn.sequential {
    nn.input { 512, 512, 1 }, nn.avg_pool2d { 64 }, nn.flatten {}, nn.dense { 2, activation = "softmax" },
  }
  -- 200 MB.
  model:fit(data, { epochs = 1, batch_size = 8, progress = false,
    on_batch = function() most = math.max(most, resident() or 0) end })
  if before then check.truthy(most - before < 100 * 1024, most - before) end
end)

test("what is wrong with a stream is said", function()
  local model, steps = network(), 0
  local function failing()
    steps = steps + 1
    if steps == 20 then error "oh dear" end
    return inputs[1], labels[1]
  end
  local before = list(model:parameter "conv2d/kernel")
  local ok, message = pcall(model.fit, model, wane.data.generator(failing, { buffer = 2 }),
    { batch_size = 4, progress = false, learning_rate = 0.1 })
  check.truthy(not ok)
  check.truthy(message:find "stream_test.lua:%d+: oh dear\nstack traceback:\n", message)
  check.truthy(message:find "\n\t[^\n]*stream_test.lua:%d+: in [^\n]*function", message)
  -- The steps before it count.
  check.truthy(list(model:parameter "conv2d/kernel") ~= before)
  local object = setmetatable({}, { __tostring = function() return "an object" end })
  ok, message = pcall(model.fit, model, wane.data.generator(function() error(object) end, { buffer = 2 }))
  check.truthy(not ok and message == object)

  local function raises(expected, body, options, fitting)
    options = options or {}
    options.buffer = options.buffer or 2
    fitting = fitting or {}
    fitting.progress = false
    check.raises(expected, model.fit, model, wane.data.generator(body, options), fitting)
  end
  raises("...generator: epoch 1 has no samples", function() end)
  local turn = 0
  raises("...generator: epoch 2 has no samples: a function that returns an iterator can begin again", function()
    turn = turn + 1
    if turn < 4 then return inputs[1], 0 end
  end, {}, { epochs = 2 })
  raises("...sample 2 is 6x6x1 u8 with label scalar i32, sample 1 is 6x6x1 f32 with label scalar i32", function()
    turn = turn + 1
    return turn % 2 == 1 and inputs[1]:to "u8" or inputs[1], 0
  end, { buffer = 1 })
  raises("...bad result #1 of a callback of 'fit' (Tensor or number expected, got string)", function() return "x" end)
  raises("...bad result #2 of a callback of 'fit' (Tensor or number expected, got no value)",
    function() return inputs[1] end)
  raises("...the model takes ...", function() return wane.ones { 2 }, 1 end)
  raises("...cannot resume dead coroutine...", coroutine.wrap(function() coroutine.yield(inputs[1], 0) end), {},
    { epochs = 2 })
  raises("...bad option 'epochs' to 'fit' (must be whole for a stream without a limit, got 1.5)",
    function() return inputs[1], 0 end, {}, { epochs = 1.5 })
  raises("...train: the schedule follows the length of an epoch, which the stream does not tell: give it a limit",
    function() return inputs[1], 0 end, {}, { learning_rate_schedule = "cosine" })
  raises("...bad option 'sample_weight' to 'fit' (samples of a stream have no weights)",
    function() return inputs[1], 0 end, {}, { sample_weight = wane.ones { 2 } })
  check.raises("...bad option 'buffer' to 'generator' (must be at least 1, got 0)", stream, { buffer = 0 })
  check.raises("...bad option 'limit' to 'generator' (must be at least 1, got 0)", stream, { limit = 0 })
  check.raises("...bad option 'buffer' to 'generator' (a stream keeps no samples, so it takes no 'cache')", stream,
    { cache = "disk" })
  check.raises("...augment: rotate must be in [0, 180], got 500", function() stream():augment { rotate = 500 } end)
end)

test("a run on a stream goes on bit for bit", function()
  local file = os.tmpname()
  local function run(options, data)
    options.reduce_on_plateau = { patience = 1, monitor = "loss" }
    return (fit(data or stream():augment { noise = 0.1, mixup = 0.2 }, options))
  end
  local expected = run { epochs = 4 }
  run { epochs = 2, checkpoint = file }
  check.equal(run { epochs = 4, checkpoint = file, resume = true }, expected)
  check.equal(run { epochs = 4, checkpoint = file, resume = true }, expected)
  check.raises("...resume: the content of the data set was a limit of nothing and a buffer of 16...", run,
    { epochs = 4, checkpoint = file, resume = true }, stream { buffer = 15 })
  check.raises("...resume: the data set was a stream of 6x6x1 in the checkpoint, and is 50 samples of 6x6x1 now", run,
    { epochs = 4, checkpoint = file, resume = true }, wane.data.tensors(inputs, labels))
  os.remove(file)
end)
