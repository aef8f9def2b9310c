-- wane.compress with method "entropy", and the option "regularizer".

local samples = require "samples"
local wane = require "wane"

test("a target of bytes is met by one training", function()
  local model, data = samples.trained(), samples.images(512)
  local small, report = wane.compress(model, {
    method = "entropy", target = { bytes = 500 }, data = data, epochs = 20, batch_size = 32, learning_rate = 0.003,
  })
  check.truthy(small.file_bytes <= 500, small.file_bytes)
  check.truthy(small.file_bytes > 440, small.file_bytes)
  check.truthy(samples.same(model, samples.trained()))
  check.truthy(small:evaluate(data).accuracy > 0.9)
  check.equal(report.options.method, "entropy")
  check.equal(report.options.rate, 0.01)
  check.equal(report.options.target.bytes, 500)
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.truthy(report.layers[2].code_bytes.after < report.layers[2].code_bytes.before / 5)
  check.truthy(report.layers[2].zeros.after > 100)
  check.equal(#report.history, 20)
  -- It runs on integers afterwards, and the file stays as small.
  local int8 = wane.quantize(small, { bits = 8, calibration = data:take(64) })
  check.truthy(int8.file_bytes < small.file_bytes + 60, int8.file_bytes)
  check.truthy(int8:evaluate(data).accuracy > 0.9)
end)

test("it is a stage of a pipeline, and takes a teacher", function()
  local model, data = samples.trained(), samples.images(256)
  local small = wane.pipeline {
    { "quantize", bits = 8, epochs = 0 },
    { "compress", method = "entropy", target = { bytes = 600 }, epochs = 4, batch_size = 32 },
  }:run(model, { data = data, teacher = model })
  check.truthy(small.file_bytes <= 600, small.file_bytes)
end)

test("with max_drop the rate is searched for", function()
  local model, data = samples.trained(), samples.images(256)
  local _, report = wane.compress(model, {
    method = "entropy", max_drop = 0.2, data = data, validation = data, epochs = 4, trial_epochs = 1, batch_size = 32,
  })
  check.truthy(report.options.rate > 0)
end)

test("what cannot be is an error", function()
  local model, data = samples.trained(), samples.images(64)
  local function compress(options)
    options.method = "entropy"
    return function() wane.compress(model, options) end
  end
  check.raises("...method 'entropy' works by training: give the options 'data' and 'epochs'...", compress { rate = 0.1 })
  check.raises("...rate must be at least 0, got -1...", compress { rate = -1, data = data })
  check.raises("...a file of 10 bytes cannot be reached: with no weight left it has ...",
    compress { target = { bytes = 10 }, data = data })
  check.raises("...method 'entropy' can be told bytes, and nothing else...", compress { target = { macs = 10 }, data = data })
  check.raises("...takes either a target or max_drop...", compress { target = { bytes = 900 }, max_drop = 0.1, data = data })
end)

test("a target that training itself moves out of reach is an error, not a run without end", function()
  local model, data = samples.network(), samples.images(256)
  local _, message = pcall(wane.compress, model, { method = "entropy", data = data, target = { bytes = 1 } })
  local least = math.tointeger(tonumber(message:match("with no weight left it has (%d+)")))
  -- Biases start as zeros, which take next to nothing; what they learn does not fit.
  check.raises(("...a file of %d bytes cannot be reached: with no weight left it has ..."):format(least),
    wane.compress, model, { method = "entropy", data = data, epochs = 2, batch_size = 32, target = { bytes = least } })
end)

test("regularizers are added to the loss of any training", function()
  local data = samples.images(128)
  local function loss(regularizer)
    local model = samples.network()
    return model:fit(data, { epochs = 1, learning_rate = 1e-9, regularizer = regularizer }).loss[1]
  end
  local l1 = 0
  for name, values in pairs(samples.weights(samples.network())) do
    if name:find "kernel" then for _, value in ipairs(values) do l1 = l1 + math.abs(value) end end
  end
  local plain = loss()
  check.truthy(math.abs(loss { "l1", rate = 0.01 } - plain - 0.01 * l1) < 1e-3)
  check.truthy(math.abs(loss { { "l1", rate = 0.01 }, { "l1", rate = 0.02 } } - plain - 0.03 * l1) < 1e-3)
  check.truthy(loss "l2" > plain)
  check.truthy(loss { "group_lasso", rate = 1e-3 } > plain)

  local model = samples.trained()
  local int4 = wane.quantize(model, { bits = 4, calibration = data })
  local small = wane.quantize(int4, {
    bits = 4, data = data, epochs = 8, batch_size = 32, learning_rate = 0.003, regularizer = { "entropy", rate = 3 },
  })
  check.truthy(small.file_bytes < int4.file_bytes - 50, ("%d, %d"):format(small.file_bytes, int4.file_bytes))
end)

test("a regularizer says what is wrong", function()
  local model, data = samples.network(), samples.images(64)
  local function fit(regularizer)
    return function() model:fit(data, { regularizer = regularizer }) end
  end
  check.raises("...bad option 'regularizer' to 'fit' (expected one of 'l1', 'l2', 'group_lasso', 'entropy', got 'l3'...",
    fit "l3")
  check.raises("...rate must be at least 0, got -1...", fit { "l1", rate = -1 })
  check.raises("...did you mean 'rate'...", fit { "l1", rat = 1 })
  check.raises("...no trained kernel is on a symmetric integer grid...", fit "entropy")
end)
