-- The verbs on layers besides conv2d and dense.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local function shape_of(t) return table.concat(t.shape, "x") end

--- A decoder: images [4, 4, 3] of two classes through a transposed convolution.
local function decoder()
  return nn.sequential {
    nn.input { 4, 4, 3 },
    nn.conv2d_transpose { 6, 3, strides = 2, padding = "same", activation = "relu" },
    nn.flatten {},
    nn.dense { 2, activation = "softmax" },
  }
end

local function some_images()
  return wane.data.tensors(wane.randn { 16, 4, 4, 3 }, wane.randint({ 16 }, 0, 1))
end

local function reason(report, layer)
  for _, skipped in ipairs(report.skipped) do
    if skipped.layer == layer then return skipped.reason end
  end
end

test("filters of transposed convolutions are taken out", function()
  local model = decoder()
  local kernel = model:parameter "conv2d_transpose/kernel"
  local worth = kernel:square():sum { 1, 2, 4 }
  local best = worth:argsort():tolist()
  local kept = { best[4], best[5], best[6] }
  table.sort(kept)

  local slim, report = wane.compress(model, { method = "filters", ratio = 0.5 })
  check.equal(samples.layers(report.layers), "conv2d_transpose")
  check.equal(report.layers[1].filters.before, 6)
  check.equal(report.layers[1].filters.after, 3)
  local narrow = slim:parameter "conv2d_transpose/kernel"
  check.equal(shape_of(narrow), "3x3x3x3")
  check.equal(shape_of(slim:parameter "conv2d_transpose/bias"), "3")
  check.equal(shape_of(slim:parameter "dense/kernel"), "192x2")
  for i, filter in ipairs(kept) do
    check.near((narrow:slice(3, i, i) - kernel:slice(3, filter, filter)):abs():max(), 0, 0)
  end
  check.equal(shape_of(slim(wane.randn { 2, 4, 4, 3 })), "2x2")
end)

test("transposed convolutions are pruned and share weights, and are not quantized for a reason", function()
  local model = decoder()
  local sparse = wane.prune(model, { sparsity = 0.75, scope = "layer" })
  local zeros = sparse:parameter "conv2d_transpose/kernel":eq(0):to("f32"):sum()
  check.near(zeros, 0.75 * 9 * 6 * 3, 1)
  local shared = wane.compress(model, { method = "share", clusters = 4 })
  check.equal(samples.count(shared, "conv2d_transpose/kernel"), 4)
  local _, report = wane.quantize(model, { bits = 8, calibration = some_images() })
  check.equal(reason(report, "conv2d_transpose"), "a layer of kind 'conv2d_transpose' runs on floats")
end)

test("a transposed convolution is not handed over for a reason", function()
  local _, report = wane.distill(decoder(), {
    teacher = decoder(), transfer = "slice", data = some_images(), epochs = 1,
  })
  check.equal(reason(report, "conv2d_transpose"), "a layer of kind 'conv2d_transpose' is not handed over")
end)

test("a batch normalization is folded into a convolution of sequences", function()
  local function model(bias)
    return nn.sequential {
      nn.input { 9, 3 },
      nn.conv1d { 4, 3, padding = "causal", dilation = 2, use_bias = bias },
      nn.batch_norm {},
      nn.relu {},
      nn.global_avg_pool1d {},
      nn.dense { 2, activation = "softmax" },
    }
  end
  local x = wane.randn { 32, 9, 3 }
  local data = wane.data.tensors(x, wane.randint({ 32 }, 0, 1))
  for _, bias in ipairs { true, false } do
    local plain = model(bias)
    plain:fit(data, { epochs = 3, batch_size = 8, learning_rate = 0.05, progress = false, seed = 1 })
    -- Only the fold takes normalizations out of a model; 8 bits change what it predicts by little.
    local int8, report = wane.quantize(plain, { bits = 8, calibration = data })
    check.equal(table.concat(int8:parameter_names(), " "), "conv1d/kernel conv1d/bias dense/kernel dense/bias")
    check.equal(#report.skipped, 0)
    check.truthy((int8(x) - plain(x)):abs():max() < 0.05)
  end
end)

test("models of words are compared", function()
  local model = nn.sequential {
    nn.input { 5, dtype = "i32" }, nn.embedding { 20, 8 }, nn.gru { 8 }, nn.dense { 2, activation = "softmax" },
  }
  local data = wane.data.tensors(wane.randint({ 40, 5 }, 0, 19), wane.randint({ 40 }, 0, 1))
  local comparison = wane.compare({ original = model, sparse = wane.prune(model, { sparsity = 0.5 }) }, { data = data })
  check.truthy(tostring(comparison):find("sparse", 1, true))
end)

test("models of several inputs of several types are profiled", function()
  local steps, words = nn.input { 6, 3 }, nn.input { 5, dtype = "i32" }
  local seen = nn.multi_head_attention { 2, 4 } { steps, nn.embedding { 20, 8 } (words) }
  local model = nn.model { inputs = { steps, words }, outputs = nn.dense { 2 } (nn.flatten {} (seen)) }
  local x, w = wane.randn { 4, 6, 3 }, wane.randint({ 4, 5 }, 0, 19)
  local profile = model:profile(x, w, { runs = 2 })
  check.equal(profile.batch_size, 4)
  check.truthy(tostring(profile):find("attention", 1, true))
  check.raises("...predict: the model takes 2 inputs, got 1", function() model:profile(x) end)
end)
