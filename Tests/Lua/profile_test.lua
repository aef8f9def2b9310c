--- Where time goes, and what 16-bit products do.

local wane = require "wane"
local nn = wane.nn

local function network()
  return nn.sequential {
    seed = 3, nn.input { 12, 12, 16 }, nn.conv2d { 16, 3, activation = "relu" }, nn.max_pool2d { 2 },
    nn.flatten {}, nn.dense { 4, activation = "softmax" },
  }
end

local function samples(count)
  local classes = {}
  for i = 1, count do classes[i] = i % 4 end
  return wane.data.tensors(wane.rand({ count, 12, 12, 16 }, { seed = 1 }), wane.tensor(classes, "i32"))
end

test("a profile names each operation and adds up", function()
  local profile = network():profile(samples(8), { runs = 2 })
  check.equal(profile.batch_size, 8)
  local sum, seen = 0, {}
  for _, row in ipairs(profile.rows) do
    check.truthy(row.seconds >= 0)
    sum, seen[row.operation] = sum + row.seconds, row.layer
  end
  check.near(sum, profile.seconds, 1e-9)
  check.equal(#profile, #profile.rows)
  check.equal(seen.conv2d, "conv2d")
  check.equal(seen.dense, "dense")
  check.truthy(tostring(profile):find("share", 1, true))
end)

test("a step of training is profiled without moving the model", function()
  local model, data = network(), samples(16)
  local before = model:parameter "dense/kernel"
  local profile = model:profile(data, { training = true, batch_size = 8, runs = 2 })
  check.equal(profile.batch_size, 8)
  check.truthy(tostring(profile):find("conv2d_weight_gradient", 1, true))
  check.equal(model:parameter "dense/kernel", before)
end)

test("profiles say what is wrong", function()
  local model, data = network(), samples(4)
  check.raises("...bad argument #1 to 'profile' (Tensor or Dataset expected, got number)", function() model:profile(1) end)
  check.raises("...bad argument #1 to 'profile' (Dataset expected, got Tensor)",
    function() model:profile(wane.zeros { 1, 12, 12, 16 }, { training = true }) end)
  check.raises("...bad option 'runs' to 'profile'...", function() model:profile(data, { runs = 0 }) end)
  check.raises("...there are no samples", function() model:profile(data:take(0)) end)
  check.raises("...the model takes Nx12x12x16, got...", function() model:profile(wane.zeros { 1, 2 }) end)
end)

test("products of bf16 are close, in prediction, evaluation and training", function()
  local model, data = network(), samples(32)
  local x = wane.rand({ 5, 12, 12, 16 }, { seed = 2 })
  local full, short = model:predict(x), model:predict(x, { precision = "bf16" })
  check.truthy((full - short):abs():max() < 0.01)
  check.near(model:evaluate(data, { precision = "bf16" }).loss, model:evaluate(data).loss, 0.01)
  local first = model:copy():fit(data, { epochs = 3, seed = 1, precision = "f32" })
  local second = model:copy():fit(data, { epochs = 3, seed = 1, precision = "bf16" })
  check.near(first.loss[3], second.loss[3], 0.02)
  check.raises("...bad option 'precision' to 'fit' (expected one of 'f32', 'bf16', got 'f16'...",
    function() model:fit(data, { precision = "f16" }) end)
end)

test("where bf16 is used is told", function()
  local model = nn.sequential {
    nn.input { 6, 6, 16 }, nn.conv2d { 16, 3, name = "wide" }, nn.flatten {},
    nn.dense { 2, name = "last" },
  }
  local data = wane.data.tensors(wane.rand({ 8, 6, 6, 16 }, { seed = 1 }), wane.zeros({ 8 }, "i32"))
  local history = model:fit(data, { precision = "bf16", batch_size = 8 })
  check.truthy(#history.bf16_layers <= 1)
  check.equal(history.bf16_layers[1] or "wide", "wide")
  check.equal(model:fit(data, { batch_size = 8 }).bf16_layers, nil)
  local rounded = {}
  for _, row in ipairs(model:profile(data, { precision = "bf16", runs = 1 }).rows) do
    if row.precision == "bf16" then rounded[#rounded + 1] = row.layer end
  end
  check.equal(table.concat(rounded), table.concat(history.bf16_layers))
  for _, row in ipairs(model:profile(data, { runs = 1 }).rows) do check.equal(row.precision, "f32") end
end)

test("the summary says where training was in bf16", function()
  local model = nn.sequential { nn.input { 3 }, nn.dense { 2 } }
  local data = wane.data.tensors(wane.randn { 4, 3 }, wane.randn { 4, 2 })
  model:fit(data, { progress = false })
  check.equal(model:summary():find("bf16", 1, true), nil)
  model:fit(data, { precision = "bf16", progress = false })
  check.truthy(model:summary():find("trained with precision bf16: ", 1, true))
end)
