-- wane.quantize: integers, in 2 to 8 bits.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local quantize = wane.quantize

test("eight bits from samples, and the argument stays as it is", function()
  local model, data = samples.trained(), samples.images(256, 2)
  local int8, report = quantize(model, { calibration = data:take(64) })
  check.truthy(samples.same(model, samples.trained()))
  check.truthy(int8.bytes < model.bytes / 2, int8.bytes)
  check.truthy(int8.file_bytes < model.file_bytes / 2, int8.file_bytes)
  check.near(int8:evaluate(data).accuracy, model:evaluate(data).accuracy, 0.03)
  check.near((int8:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
  check.equal(report.verb, "quantize")
  check.equal(report.options.bits, 8)
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.equal(report.layers[1].bits.before, 32)
  check.equal(report.layers[1].bits.after, 8)
  check.truthy(report.layers[1].rounding_error.after < 0.01)
  check.equal(#report.history, 0)
end)

test("what runs takes hardly more than the weights", function()
  local model = nn.sequential { nn.input { 1600 }, nn.dense { 64, activation = "relu" }, nn.dense { 10 } }
  local noise = wane.data.tensors(wane.rand({ 16, 1600 }, { seed = 1 }), wane.zeros({ 16 }, "i32"))
  local int8 = quantize(model, { calibration = noise })
  check.truthy(int8.memory_bytes < int8.bytes + 20000, ("%d, %d"):format(int8.memory_bytes, int8.bytes))
  check.truthy(int8.memory_bytes < model.memory_bytes / 3, int8.memory_bytes)
end)

test("every number of bits has its levels, a scale a filter", function()
  local model, data = samples.trained(), samples.images(64, 2)
  local last = 0
  for bits = 2, 8 do
    local small = quantize(model, { bits = bits, calibration = data })
    local column = small:parameter "dense/kernel":slice(2, 1, 1):flatten():tolist()
    local seen, levels = {}, 0
    for _, value in ipairs(column) do
      if not seen[value] then seen[value], levels = true, levels + 1 end
    end
    check.truthy(levels <= 2 ^ bits - 1, ("%d levels in %d bits"):format(levels, bits))
    check.truthy(small.bytes > last, "bytes grow with bits")
    last = small.bytes
  end
end)

test("training while rounded", function()
  local model, data = samples.trained(), samples.images(512)
  local int2, report = quantize(model, { bits = 2, data = data, epochs = 3, batch_size = 32, validation = data })
  check.equal(#report.history, 3)
  check.truthy(int2:evaluate(data).accuracy > 0.9, int2:evaluate(data).accuracy)
  check.near(report.history[3].validation_accuracy, int2:evaluate(data).accuracy, 0.02)
end)

test("bits by layer", function()
  local model, data = samples.trained(), samples.images(64)
  local _, report = quantize(model, { bits = { ["conv.*"] = 8, ["^dense"] = 2 }, calibration = data })
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.equal(report.layers[2].bits.after, 2)
  check.equal(report.options.bits["^dense"], 2)
  _, report = quantize(model, { bits = { conv2d = 4 }, calibration = data })
  check.equal(samples.layers(report.skipped), "dense dense_1")
  check.truthy(report.skipped[1].reason:find "bits", report.skipped[1].reason)
  _, report = quantize(model, { bits = 8, except = "dense_1", calibration = data })
  check.equal(samples.layers(report.layers), "conv2d dense")
end)

test("a grouped convolution stays a float and says so", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 4, 3 }, nn.conv2d { 4, 3, groups = 4, name = "deep" },
    nn.flatten {}, nn.dense { 4 },
  }
  local _, report = quantize(model, { calibration = samples.images(16) })
  check.equal(samples.layers(report.skipped), "deep")
end)

test("batch normalization is folded into the weights", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 4, 3, use_bias = false }, nn.batch_norm {},
    nn.activation { "relu" }, nn.flatten {}, nn.dense { 4, activation = "softmax" },
  }
  local data = samples.images(256)
  model:fit(data, { epochs = 2, batch_size = 32 })
  local int8 = quantize(model, { calibration = data })
  check.truthy(int8.parameters < model.parameters)
  check.near((int8:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
end)

test("the observer decides what is clamped", function()
  local model, data = samples.trained(), samples.images(64)
  for _, options in ipairs { { observer = "min_max" }, { percentile = 99 }, { percentile = 100 } } do
    options.calibration = data
    local int8 = quantize(model, options)
    check.truthy(int8:evaluate(data).accuracy > 0.9)
  end
end)

test("floats are calibrated as well as bytes", function()
  local data = samples.images(128)
  local floats = wane.data.tensors(data.inputs:to "f32" / 255, data.labels)
  local int8 = quantize(samples.trained(), { calibration = floats })
  check.truthy(int8:evaluate(floats).accuracy > 0.9)
end)

test("quantizing twice keeps the coarser grid", function()
  local model, data = samples.trained(), samples.images(64)
  local int4 = quantize(model, { bits = 4, calibration = data })
  local again, report = quantize(int4, { bits = 8, calibration = data })
  check.truthy(samples.same(int4, again))
  check.equal(report.layers[1].bits.before, 4)
end)

test("one constant image, and a model that answers nothing", function()
  local flat = wane.data.tensors(wane.zeros({ 4, 8, 8, 1 }, "u8"), wane.zeros({ 4 }, "i32"))
  local int8 = quantize(samples.trained(), { calibration = flat })
  local answer = int8:predict(samples.images(3)):sum()
  check.near(answer, 3, 1e-3)
end)

test("weights that are not numbers are refused or kept out of the way", function()
  local model, data = samples.network(), samples.images(64)
  pcall(model.fit, model, data, { learning_rate = 1e30, epochs = 3, optimizer = "sgd" })
  pcall(quantize, model, { calibration = data }) -- whatever comes, the process lives
  pcall(wane.compress, model, { method = "share", clusters = 4 })
  pcall(wane.prune, model, { sparsity = 0.5 })
  pcall(wane.compress, model, { method = "filters" })
  check.truthy(true)
end)

test("options out of range", function()
  local model, data = samples.network(), samples.images(8)
  local function with(options)
    options.calibration = options.calibration or data
    return quantize(model, options)
  end
  for _, bits in ipairs { 0, 1, 9, 16, -8, math.maxinteger } do
    check.raises("...quantize: bits must be in 2..8, got " .. bits, with, { bits = bits })
  end
  check.raises("...bad option 'bits' to 'quantize' (integer expected, got 7.5)", with, { bits = 7.5 })
  check.raises("...bad option 'bits' to 'quantize' (...", with, { bits = "8" })
  check.raises("...bad option 'bits' to 'quantize' (bits of 'dense' must be a whole number...", with,
    { bits = { dense = "4" } })
  check.raises("...quantize: bits must be in 2..8, got 12", with, { bits = { dense = 12 } })
  check.raises("...bits...", with, { bits = {} })
  check.raises("...bits...", with, { bits = { 8, 4 } })
  check.raises("...'danse'...", with, { bits = { danse = 4 } })
  check.raises("...quantize: ...", with, { bits = { ["dense.*"] = 4, ["^dense"] = 8 } })
  for _, percentile in ipairs { 50, 0, 100.1, -1, 0 / 0, 1 / 0 } do
    check.raises("...quantize: percentile must be in (50, 100]...", with, { percentile = percentile })
  end
  check.raises("...bad option 'observer' to 'quantize' (expected one of ...", with, { observer = "median" })
end)

test("samples are needed, and must fit", function()
  local model, data = samples.network(), samples.images(8)
  check.raises("...give the option 'calibration' or 'data'", quantize, model, {})
  check.raises("...quantize: the calibration data are empty", quantize, model, { calibration = data:take(0) })
  check.raises("...", quantize, model, { data = data:take(0) })
  check.raises("...", quantize, model,
    { calibration = wane.data.tensors(wane.zeros { 4, 9, 9, 1 }, wane.zeros({ 4 }, "i32")) })
  check.raises("...bad option 'calibration' to 'quantize' (Dataset expected, got Model)", quantize, model,
    { calibration = model })
  check.raises("...bad option 'bit' to 'quantize' (did you mean 'bits'?)", quantize, model, { bit = 8 })
end)
