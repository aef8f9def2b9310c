-- Streams where data sets are taken: evaluation, prediction, and the verbs that fine-tune.

local wane = require "wane"
local nn = wane.nn

local count = 96
local inputs = wane.rand({ count, 6, 6, 1 }, { seed = 1 })
local labels = wane.randint({ count }, 0, 2, { seed = 2 })
local held = wane.data.tensors(inputs, labels)

--- A stream of the samples of `held`, anew in each epoch; `calls` notes the epochs that are asked for.
local function stream(options, calls)
  options = options or {}
  options.buffer = options.buffer or 1
  options.limit = options.limit or count
  return wane.data.generator(function(epoch)
    if calls then calls[#calls + 1] = epoch end
    local i = 0
    return function()
      i = i + 1
      if i <= count then return inputs[i], labels[i] end
    end
  end, options)
end

local function zeros(model) return model:parameter("dense/kernel"):eq(0):to("f32"):mean() end

local function network()
  return nn.sequential {
    nn.input { 6, 6, 1 }, nn.conv2d { 6, 3, activation = "relu" }, nn.flatten {},
    nn.dense { 3, activation = "softmax" }, seed = 1,
  }
end

test("an epoch of a stream is evaluated and predicted", function()
  local model = network()
  local metrics = { "confusion_matrix", "f1", "top_2" }
  local wanted = model:evaluate(held, { metrics = metrics })
  local found = model:evaluate(stream { limit = 1000 }, { metrics = metrics })
  check.near(found.loss, wanted.loss, 1e-6)
  check.equal(found.accuracy, wanted.accuracy)
  check.near(found.f1, wanted.f1, 1e-9)
  check.equal(found.top_2, wanted.top_2)
  check.truthy(found.confusion_matrix == wanted.confusion_matrix)
  check.near(model:evaluate(stream { limit = 10 }).loss, model:evaluate(held:take(10)).loss, 1e-6)
  check.truthy(model:predict(stream()) == model:predict(held))
  check.truthy(model:predict(stream { limit = 5 }) == model:predict(held:take(5)))
  -- What is random in training is not done.
  check.near(model:evaluate(stream():augment { noise = 0.5 }).loss, wanted.loss, 1e-6)
  check.raises("...generator: epoch 1 has no samples", function()
    model:evaluate(wane.data.generator(function() end, { buffer = 1 }))
  end)
  check.raises("...bad option 'sample_weight' to 'evaluate' (samples of a stream have no weights)",
    function() model:evaluate(stream(), { sample_weight = wane.ones { 3 } }) end)
  check.raises("...bad option 'loss' to 'evaluate' (a function needs a data set; stream:take(n) makes one...",
    function() model:evaluate(stream(), { loss = function(p) return p:mean() end }) end)
  local ok, message = pcall(model.evaluate, model, wane.data.generator(function() error "no more" end, { buffer = 1 }))
  check.truthy(not ok and message:find "no more")
end)

test("verbs fine-tune on a stream as on its samples", function()
  local model = network()
  local function options(data, more)
    more = more or {}
    more.data, more.epochs, more.batch_size, more.seed, more.progress = data, 2, 16, 5, false
    return more
  end
  -- A buffer of one leaves the order as it is, whatever the seed: as a batch of everything does.
  local function whole(data, more)
    more = options(data, more)
    more.batch_size = count
    return more
  end
  local calls = {}
  local verbs = {
    { wane.prune, { sparsity = 0.5 } }, { wane.prune, { sparsity = 0.5, schedule = "cubic" } },
    { wane.prune, { sparsity = 0.5, criterion = "taylor" } },
    { wane.compress, { method = "share", clusters = 4 } },
    { wane.compress, { method = "filters", ratio = 0.5, criterion = "activation" } },
    { wane.quantize, { bits = 8 } },
  }
  for index, verb in ipairs(verbs) do
    local function result(data)
      local copy = {}
      for key, value in pairs(verb[2]) do copy[key] = value end
      return verb[1](model, whole(data, copy))
    end
    local small, report = result(stream({}, calls))
    local expected = result(held)
    check.near(small:evaluate(held).loss, expected:evaluate(held).loss, 2e-5, index)
    check.equal(#report.history, 2)
  end
  check.equal(table.concat(calls, " ", 1, 3), "1 1 2")
  local pipeline = wane.pipeline { { "prune", sparsity = 0.5, epochs = 1 }, { "quantize", bits = 8, epochs = 1 } }
  local tiny = pipeline:run(model, { data = stream(), progress = false })
  check.truthy(zeros(tiny) > 0.3)
end)

test("a teacher is asked about the samples of a stream", function()
  local teacher = network()
  teacher:fit(held, { epochs = 3, seed = 1, progress = false })
  local function student(data)
    local small = nn.sequential { nn.input { 6, 6, 1 }, nn.flatten {}, nn.dense { 3 }, seed = 2 }
    return wane.distill(small, { teacher = teacher, data = data, epochs = 3, batch_size = count, seed = 1, progress = false })
  end
  check.near(student(stream()):evaluate(held).loss, student(held):evaluate(held).loss, 1e-5)
end)

test("calibration takes the first samples of a stream", function()
  local model = network()
  local int8 = wane.quantize(model, { bits = 8, calibration = stream() })
  check.truthy(int8:predict(inputs) == wane.quantize(model, { bits = 8, calibration = held }):predict(inputs))
  -- A function that cannot begin again gives what was looked at all the same.
  local i = 0
  local once = wane.data.generator(function()
    i = i + 1
    if i <= count then return inputs[i], labels[i] end
  end, { buffer = 1, limit = count })
  local sparse, report = wane.prune(model, { sparsity = 0.5, criterion = "taylor", data = once, epochs = 1,
    batch_size = count, seed = 1, progress = false })
  local expected = wane.prune(model, { sparsity = 0.5, criterion = "taylor", data = held, epochs = 1,
    batch_size = count, seed = 1, progress = false })
  check.near(sparse:evaluate(held).loss, expected:evaluate(held).loss, 1e-5)
  check.equal(#report.history, 1)
end)

test("what a stream cannot be is said, and what to do", function()
  local model = network()
  local take = "(Dataset expected, got Stream: stream:take(n) makes one of its first n samples)"
  check.raises("...bad option 'validation' to 'fit' " .. take,
    function() model:fit(held, { validation = stream(), progress = false }) end)
  check.raises("...bad option 'validation' to 'prune' " .. take,
    function() wane.prune(model, { sparsity = 0.5, validation = stream() }) end)
  check.raises("...bad option 'data' to 'compare' " .. take, function() wane.compare({ model }, { data = stream() }) end)
  check.raises("...bad option 'data' to 'sensitivity' " .. take,
    function() wane.sensitivity(model, { data = stream() }) end)
  check.raises("...bad option 'data' to 'optimize' " .. take,
    function() wane.optimize(model, { data = stream(), target = { bytes = 1000 } }) end)
  check.raises("...prune: epochs of a stream without a limit have no length that schedules can follow: give "
    .. "wane.data.generator the option 'limit'", function()
    wane.prune(model, { sparsity = 0.5, progress = false,
      data = wane.data.generator(function() return inputs[1], 0 end, { buffer = 4 }) })
  end)
  check.raises("...prune: epoch 1 of the stream ended after 96 samples, before its limit of 200, which schedules follow",
    function() wane.prune(model, { sparsity = 0.5, data = stream { limit = 200 }, batch_size = 32, progress = false }) end)
  check.raises("...prune: max_drop needs the option 'validation' beside a stream; stream:take(n) makes a data set",
    function() wane.prune(model, { max_drop = 0.1, data = stream(), progress = false }) end)
  local found, report = wane.prune(model, { max_drop = 0.9, data = stream(), validation = held, epochs = 0.2,
    trial_epochs = 0, batch_size = 32, progress = false })
  check.truthy(zeros(found) > 0 and #report.trials > 0)
end)

test("an error of a stream's function passes through a verb", function()
  local calls = 0
  local data = wane.data.generator(function()
    calls = calls + 1
    if calls > 30 then error "the well is dry" end
    return inputs[calls], 0
  end, { buffer = 1, limit = 90 })
  local ok, message = pcall(wane.prune, network(), { sparsity = 0.5, data = data, progress = false })
  check.truthy(not ok and message:find "the well is dry" and message:find "stream_verbs_test.lua", message)
end)
