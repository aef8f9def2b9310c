-- wane.quantize: integers, in 1 to 8 bits.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local quantize = wane.quantize

test("eight bits from samples, and the argument stays as it is", function()
  local model, data = samples.trained(), samples.images(256, 2)
  local int8, report = quantize(model, { bits = 8, calibration = data:take(64) })
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
  local int8 = quantize(model, { bits = 8, calibration = noise })
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

test("grouped convolutions and layers over sequences run on integers", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 4, 3 }, nn.conv2d { 4, 3, groups = 4, name = "deep" },
    nn.flatten {}, nn.dense { 4 },
  }
  local data = samples.images(16)
  local int8, report = quantize(model, { bits = 8, calibration = data })
  check.equal(#report.skipped, 0)
  check.near((int8:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
  local x = wane.randn({ 32, 5, 6 }, { seed = 3 })
  local steps = nn.sequential { nn.input { 5, 6 }, nn.dense { 8, activation = "relu" }, nn.dense { 3 } }
  int8, report = quantize(steps, { bits = 8, calibration = wane.data.tensors(x, wane.zeros { 32, 5, 3 }) })
  check.equal(samples.layers(report.layers), "dense dense_1")
  check.near((int8(x) - steps(x)):abs():max(), 0, 0.1)
end)

test("a grid a sample: no samples are needed beforehand", function()
  local model, data = samples.trained(), samples.images(64)
  local dynamic, report = quantize(model, { bits = 8, mode = "dynamic" })
  check.equal(report.options.mode, "dynamic")
  check.equal(report.options.observer, nil)
  check.near((dynamic:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
  local path = os.tmpname()
  dynamic:save(path)
  check.near((wane.load(path):predict(data) - dynamic:predict(data)):abs():max(), 0)
  os.remove(path)
  local trained = quantize(model, { mode = "dynamic", bits = 2, activation_bits = 4, data = data, epochs = 2, batch_size = 16 })
  check.truthy(trained:evaluate(data).accuracy > 0.8)
end)

test("activations of 16 bits are as good as floats", function()
  local model, data = samples.trained(), samples.images(64)
  for _, mode in ipairs { "static", "dynamic" } do
    local wide = quantize(model, { bits = 8, activation_bits = 16, mode = mode, calibration = data })
    local byte = quantize(model, { bits = 8, activation_bits = 8, mode = mode, calibration = data })
    local weights = quantize(model, { bits = 8, mode = "weight_only" })
    local exact = weights:predict(data)
    local function distance(other) return (other:predict(data) - exact):abs():max() end
    check.truthy(distance(wide) < distance(byte), mode)
    check.near(distance(wide), 0, 0.01)
  end
end)

test("groups of inputs and zero points run on integers", function()
  local model, data = samples.trained(), samples.images(64)
  local both = { group_size = 8, symmetric = false, activation_bits = 16 }
  for _, options in ipairs { { group_size = 4 }, { symmetric = false }, both } do
    options.bits, options.calibration = 8, data
    local small = quantize(model, options)
    check.near((small:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
  end
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

--- The different values of a list, in order.
local function distinct(list)
  local seen, values = {}, {}
  for _, value in ipairs(list) do
    if not seen[value] then seen[value], values[#values + 1] = true, value end
  end
  table.sort(values)
  return values
end

test("one bit: the sign times a scale a filter", function()
  local model, data = samples.trained(), samples.images(512)
  for _, bits in ipairs { 1, "binary" } do
    local binary, report = quantize(model, { bits = bits, calibration = data })
    local values = distinct(binary:parameter "dense/kernel":slice(2, 1, 1):flatten():tolist())
    check.equal(#values, 2)
    check.near(values[1], -values[2], 0)
    check.equal(report.layers[1].bits.after, 1)
    check.equal(report.layers[1].action, "weights on a grid of 1 bit")
    local shape = binary:parameter("dense/kernel").shape
    check.equal(report.layers[2].bytes.after, shape[1] * shape[2] // 8 + 4 * shape[2])
  end
  local trained = quantize(model, { bits = 1, data = data, epochs = 6, batch_size = 32, learning_rate = 1e-3 })
  check.truthy(trained:evaluate(data).accuracy > 0.9, trained:evaluate(data).accuracy)
  local values = distinct(trained:parameter "dense/kernel":slice(2, 1, 1):flatten():tolist())
  check.equal(#values, 2)
end)

test("three values: the grid of two bits by another name", function()
  local model, data = samples.trained(), samples.images(64)
  check.truthy(samples.same(quantize(model, { bits = "ternary", calibration = data }),
    quantize(model, { bits = 2, calibration = data })))
  local _, report = quantize(model, { bits = { conv2d = "ternary", dense = "binary", dense_1 = 8 }, calibration = data })
  check.equal(report.layers[1].bits.after, 2)
  check.equal(report.layers[2].bits.after, 1)
end)

test("scales of a layer, of filters and of groups of inputs", function()
  local model, data = samples.trained(), samples.images(64)
  local errors = {}
  for _, options in ipairs { { per = "tensor" }, { per = "channel" }, { per = "group", group_size = 8 }, { group_size = 4 } } do
    options.bits, options.calibration = 4, data
    local small, report = quantize(model, options)
    errors[#errors + 1] = report.layers[2].rounding_error.after
    check.equal(report.options.per, options.per ~= "channel" and (options.per or "group") or nil)
    check.truthy(small:evaluate(data).accuracy > 0.9)
    local path = os.tmpname()
    small:save(path)
    check.truthy(samples.same(small, wane.load(path)))
    os.remove(path)
  end
  for index = 2, #errors do check.truthy(errors[index] < errors[index - 1], table.concat(errors, " ")) end
end)

test("zero points beside the scales", function()
  local model, data = samples.trained(), samples.images(512)
  for bits = 2, 8 do
    local affine, report = quantize(model, { bits = bits, symmetric = false, calibration = data })
    local values = distinct(affine:parameter "dense/kernel":slice(2, 1, 1):flatten():tolist())
    check.truthy(#values <= 2 ^ bits)
    check.equal(report.options.symmetric, "false")
    if bits > 3 then check.truthy(affine:evaluate(data).accuracy > 0.9) end
  end
  local trained = quantize(model, { bits = 2, symmetric = false, data = data, epochs = 3, batch_size = 32 })
  check.truthy(trained:evaluate(data).accuracy > 0.9)
end)

test("activations of fewer bits", function()
  local model, data = samples.trained(), samples.images(512)
  for bits = 1, 7 do
    local small, report = quantize(model,
      { bits = 8, activation_bits = bits, data = data, epochs = bits < 3 and 2 or 0, batch_size = 32 })
    check.equal(report.options.activation_bits, bits)
    check.truthy(small:evaluate(data).accuracy > 0.8, bits)
  end
end)

test("weights alone: floats that are stored on a grid", function()
  local model, data = samples.trained(), samples.images(64)
  local small, report = quantize(model, { bits = 4, mode = "weight_only" })
  check.equal(report.options.mode, "weight_only")
  check.equal(report.options.activation_bits, nil)
  check.truthy(small.bytes < model.bytes / 6, small.bytes)
  check.truthy(small:evaluate(data).accuracy > 0.9)
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
  for _, bits in ipairs { 0, 9, 16, -8, math.maxinteger } do
    check.raises("...quantize: bits must be in 1..8, got " .. bits, with, { bits = bits })
  end
  check.raises("...bad option 'bits' to 'quantize' (integer expected, got 7.5)", with, { bits = 7.5 })
  check.raises("...bad option 'bits' to 'quantize' (...", with, { bits = "8" })
  check.raises("...bad option 'bits' to 'quantize' (bits of 'dense' must be a whole number...", with,
    { bits = { dense = "4" } })
  check.raises("...quantize: bits must be in 1..8, got 12", with, { bits = { dense = 12 } })
  check.raises("...bits...", with, { bits = {} })
  check.raises("...bits...", with, { bits = { 8, 4 } })
  check.raises("...'danse'...", with, { bits = { danse = 4 } })
  check.raises("...quantize: ...", with, { bits = { ["dense.*"] = 4, ["^dense"] = 8 } })
  check.raises("...bad option 'bits' to 'quantize' (integer, 'binary' or 'ternary' expected, got 'tern')", with,
    { bits = "tern" })
  for _, bits in ipairs { 0, 9, -1, 15, 32 } do
    check.raises("...quantize: activation_bits must be in 1..8 or 16, got " .. bits, with, { activation_bits = bits })
  end
  check.raises("...quantize: a grid of 1 bit is symmetric...", with, { bits = 1, symmetric = false })
  check.raises("...bad option 'mode' to 'quantize' (expected one of ...", with, { mode = "lazy" })
  check.raises("...bad option 'per' to 'quantize' (expected one of ...", with, { per = "row" })
  check.raises("...quantize: group_size must be at least 1, got 0", with, { group_size = 0 })
  check.raises("...bad option 'group_size' to 'quantize' (belongs to per 'group', not 'channel')", with,
    { group_size = 8, per = "channel" })
  check.raises("...bad option 'activation_bits' to 'quantize' (belongs to mode 'static' or 'dynamic', not 'weight_only')", with,
    { mode = "weight_only", activation_bits = 8 })
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
