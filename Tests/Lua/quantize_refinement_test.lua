-- wane.quantize: observers, equalization, adaptive rounding, bias correction, and what the report measures.

local samples = require "samples"
local wane = require "wane"

local nn, quantize = wane.nn, wane.quantize

test("every observer by name, or as a table with its options", function()
  local model, data = samples.trained(), samples.images(128)
  for _, observer in ipairs {
    "min_max", "percentile", "moving_average", "kl", "mse",
    { "percentile", percentile = 99.5 }, { "moving_average", momentum = 0.5 },
  } do
    local int8, report = quantize(model, { observer = observer, calibration = data })
    local name = type(observer) == "table" and observer[1] or observer
    check.truthy(int8:evaluate(data).accuracy > 0.9, name)
    check.truthy(report.options.observer:find(name, 1, true), report.options.observer)
  end
  local _, report = quantize(model, { observer = { "moving_average", momentum = 0.5 }, calibration = data })
  check.equal(report.options.observer, "moving_average 0.5")
  _, report = quantize(model, { observer = "percentile", percentile = 99, calibration = data })
  check.equal(report.options.observer, "percentile 99.0")
end)

test("observers say what is wrong with their options", function()
  local model, data = samples.trained(), samples.images(16)
  local function with(options)
    options.calibration = data
    return quantize(model, options)
  end
  check.raises("...bad option 'observer' to 'quantize' (expected one of 'percentile', 'min_max', "
    .. "'moving_average', 'kl', 'mse', got 'minmax' (did you mean 'min_max'?))", with, { observer = "minmax" })
  check.raises("...percentile must be in (50, 100] and momentum in [0, 1), got moving_average 1.0", with,
    { observer = { "moving_average", momentum = 1 } })
  check.raises("...bad option 'momentun' to 'quantize' option 'observer' (did you mean 'momentum'?)", with,
    { observer = { "moving_average", momentun = 0.5 } })
  check.raises("...bad option 'percentile' to 'quantize' (only the observer 'percentile' has it)", with,
    { observer = "kl", percentile = 99 })
  check.raises("...a name or a table expected...", with, { observer = 3 })
end)

test("the report measures what rounding does to each layer", function()
  local model, data = samples.trained(), samples.images(128)
  local _, fine = quantize(model, { bits = 8, calibration = data })
  local _, coarse = quantize(model, { bits = 2, calibration = data })
  for i, layer in ipairs(fine.layers) do
    check.truthy(layer.sqnr > 25, layer.sqnr)
    check.truthy(layer.cosine > 0.99 and layer.cosine <= 1, layer.cosine)
    check.truthy(layer.weight_sqnr > 35, layer.weight_sqnr)
    check.truthy(layer.weight_cosine > 0.999, layer.weight_cosine)
    check.truthy(coarse.layers[i].sqnr < layer.sqnr - 10, coarse.layers[i].sqnr)
    check.truthy(coarse.layers[i].cosine < layer.cosine)
  end
  check.truthy(tostring(fine):find("rounding_error +sqnr +cosine"), tostring(fine))
  check.truthy(tostring(fine):find "32 → 8.* %d%d%.%d+ +[01]%.%d+ ", tostring(fine))
end)

test("adaptive rounding keeps what layers give better than the nearest values", function()
  local model, data = samples.trained(), samples.images(256)
  local nearest, before = quantize(model, { bits = 2, calibration = data })
  local adaptive, after = quantize(model, { bits = 2, calibration = data, rounding = "adaptive" })
  local fresh = samples.images(256, 9)
  check.truthy(adaptive:evaluate(fresh).loss < nearest:evaluate(fresh).loss)
  for i = 1, #before.layers do
    check.truthy(after.layers[i].sqnr > before.layers[i].sqnr - 0.1, before.layers[i].layer)
  end
  check.equal(after.options.rounding, "adaptive")
  check.raises("...quantize: rounding 'adaptive' is for quantization without training: set epochs to 0", quantize,
    model, { data = data, rounding = "adaptive" })
  check.raises("...bad option 'rounding' to 'quantize' (expected one of 'nearest', 'adaptive', got 'up')", quantize,
    model, { calibration = data, rounding = "up" })
end)

test("equalization changes no float model and bias correction only biases", function()
  local model, data = samples.trained(), samples.images(128)
  local equal, report = quantize(model, { calibration = data, equalize = true })
  check.near((equal:predict(data) - model:predict(data)):abs():max(), 0, 0.1)
  check.equal(report.options.equalize, "true")
  local plain = quantize(model, { bits = 3, calibration = data })
  local corrected = quantize(model, { bits = 3, calibration = data, bias_correction = true })
  check.equal((corrected:parameter "dense/kernel" - plain:parameter "dense/kernel"):abs():max(), 0)
  check.truthy((corrected:parameter "dense/bias" - plain:parameter "dense/bias"):abs():max() > 0)
  check.raises("...bad option 'equalize' to 'quantize' (boolean expected, got 1)", quantize, model,
    { calibration = data, equalize = 1 })
end)

test("bits for each layer by themselves", function()
  local model, data = samples.trained(), samples.images(256)
  local mixed, report = quantize(model, { bits = "auto", calibration = data })
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.truthy(report.options.predicted_loss <= 0.003, report.options.predicted_loss)
  check.truthy(mixed.file_bytes < quantize(model, { bits = 8, calibration = data }).file_bytes)
  check.near(mixed:evaluate(data).accuracy, model:evaluate(data).accuracy, 0.03)
  check.raises("...bad option 'bits' to 'quantize' (...", quantize, model, { bits = "few", calibration = data })
  local same = quantize(model, { calibration = data })
  check.truthy(samples.same(same, mixed))
  local _, part = quantize(model, { bits = "auto", only = "dense", calibration = data })
  check.equal(samples.layers(part.layers), "dense")
end)

test("bits for each layer by its weights, where there are no samples", function()
  local model = samples.trained()
  for _, mode in ipairs { "weight_only", "dynamic" } do
    local mixed, report = quantize(model, { bits = "auto", mode = mode })
    check.equal(samples.layers(report.layers), "conv2d dense dense_1")
    check.truthy(report.options.predicted_noise <= 0.03, report.options.predicted_noise)
    check.equal(report.options.predicted_loss, nil)
    check.truthy(mixed.file_bytes < quantize(model, { bits = 8, mode = mode }).file_bytes)
  end
  check.raises("...the ranges of activations are told from samples...", quantize, model, { bits = "auto" })
end)

test("bits for each layer under a budget of bytes, measured", function()
  local model, data = samples.trained(), samples.images(256)
  local least = quantize(model, { bits = 1, calibration = data }).file_bytes
  local most = quantize(model, { bits = 8, calibration = data }).file_bytes
  local budget = (least + most) // 2
  local mixed, report = quantize(model, { target = { bytes = budget }, calibration = data })
  check.truthy(mixed.file_bytes <= budget and mixed.file_bytes > 0.9 * budget, mixed.file_bytes)
  local different = {}
  for _, layer in ipairs(report.layers) do different[layer.bits.after] = true end
  check.truthy(next(different, next(different)), "all layers have the same bits")
  check.equal(report.options.target.bytes, budget)
  check.raises("...quantize: bits does not reach at most 10 bytes; the best reached is " .. least .. " bytes...",
    quantize, model, { target = { bytes = 10 }, calibration = data })
  check.raises("...bad option 'bits' to 'quantize' (bits is searched for when there is a target)", quantize, model,
    { bits = 4, target = { bytes = budget }, calibration = data })
end)

test("bits for each layer within a drop of accuracy", function()
  local model, data, fresh = samples.trained(), samples.images(256), samples.images(256, 5)
  local mixed, report = quantize(model, { max_drop = 0.02, calibration = data, validation = fresh })
  check.truthy(mixed:evaluate(fresh).accuracy >= model:evaluate(fresh).accuracy - 0.02)
  check.truthy(#report.trials > 1)
  check.raises("...max_drop is measured on the option 'validation', or on a tenth of 'data'", quantize, model,
    { max_drop = 0.02, calibration = data })
end)

test("ranges of activations move in training where that is asked for", function()
  local model, data = samples.trained(), samples.images(256)
  for _, range in ipairs { "lsq", "pact" } do
    local int4, report = quantize(model, {
      bits = 4, activation_bits = 4, data = data, epochs = 1, batch_size = 32, range = range, seed = 1,
    })
    check.equal(report.options.range, range)
    check.truthy(int4:evaluate(data).accuracy > 0.9)
  end
  local _, report = quantize(model, { bits = 4, data = data, epochs = 1, learn_scales = false })
  check.equal(report.options.learn_scales, "false")
  check.raises("...bad option 'range' to 'quantize' (expected one of 'fixed', 'lsq', 'pact', got 'learned')", quantize,
    model, { data = data, range = "learned" })
end)

test("batch normalizations follow the batches until late in training", function()
  local model, data = nn.sequential {
    seed = 2, nn.input { 8, 8, 1 }, nn.conv2d { 4, 3 }, nn.batch_norm {}, nn.activation { "relu" }, nn.flatten {},
    nn.dense { 4, activation = "softmax" },
  }, samples.images(256)
  model:fit(data, { epochs = 8, batch_size = 32, learning_rate = 0.01, seed = 1 })
  local small, report = quantize(model, {
    bits = 2, data = data, epochs = 4, batch_size = 32, learning_rate = 0.01, batch_norm = "fold_late", seed = 1,
  })
  check.equal(report.options.batch_norm, "fold_late")
  check.equal(#report.history, 4)
  check.truthy(not tostring(small):find "batch_norm", "it is folded")
  check.truthy(small:evaluate(data).accuracy > 0.9)
  check.raises("...batch_norm 'fold_late' needs grids that are balanced about zero...", quantize, model,
    { bits = 4, symmetric = false, data = data, epochs = 1, batch_norm = "fold_late" })
end)
