-- Models that traced functions call: in derivatives, layers and losses.

local wane = require "wane"
local nn = wane.nn

local function shape_of(t) return table.concat(t.shape, "x") end
local function sequential(...) return nn.sequential { ... } end
local near = check.near_tensors

test("a function that calls a model has a derivative", function()
  local model = sequential(nn.input { 3 }, nn.dense { 4, activation = "tanh" }, nn.dropout { 0.5 }, nn.dense { 2 })
  local x = wane.randn { 5, 3 }
  local function energy(v) return (model(v) ^ 2):sum() end
  local value, gradient = wane.value_and_grad(energy)(x)
  check.near(value, energy(x), 1e-4)
  check.equal(shape_of(gradient), "5x3")
  local step = 1e-2
  for _, place in ipairs { { 1, 1 }, { 4, 2 }, { 5, 3 } } do
    local moved = x:tolist()
    moved[place[1]][place[2]] = moved[place[1]][place[2]] + step
    local above = energy(wane.tensor(moved))
    moved[place[1]][place[2]] = moved[place[1]][place[2]] - 2 * step
    check.near(gradient:tolist()[place[1]][place[2]], (above - energy(wane.tensor(moved))) / (2 * step), 1e-2)
  end
  -- The model of the moment, not that of an earlier call.
  local derivative = wane.grad(energy)
  local before = derivative(x)
  local data = wane.data.tensors(x, wane.randn { 5, 2 })
  model:fit(data, { epochs = 3, learning_rate = 0.1, progress = false })
  check.truthy((derivative(x) - before):abs():max() > 1e-4)
  -- Second derivatives, several models, other batches.
  local other = sequential(nn.input { 2 }, nn.dense { 1 })
  local twice = wane.grad(function(v) return (wane.grad(function(u) return other(model(u)):sum() end)(v) ^ 2):sum() end)
  check.equal(shape_of(twice(x)), "5x3")
  check.equal(shape_of(derivative(wane.randn { 2, 3 })), "2x3")

  check.raises("...model: takes Nx3, got 5x4", function() derivative(wane.randn { 5, 4 }) end)
  check.raises("...model: takes 1 inputs, got 2", function()
    wane.grad(function(v) return model(v, v):sum() end)(x)
  end)
  check.raises("...model: is called with 2 samples in a function that calls one with 5; give all models as many, got 2x2",
    function() wane.grad(function(v) return (model(v):sum() + other(wane.ones { 2, 2 } * v:sum()):sum()) end)(x) end)
end)

test("convolutions and sequences have derivatives in functions, too", function()
  local images = sequential(nn.input { 6, 6, 1 }, nn.conv2d { 3, 3, activation = "relu" }, nn.batch_norm {},
    nn.max_pool2d { 2 }, nn.flatten {}, nn.dense { 2, activation = "softmax" })
  local x = wane.randn { 2, 6, 6, 1 }
  check.equal(shape_of(wane.grad(function(v) return (images(v) ^ 2):sum() end)(x)), "2x6x6x1")
  local series = sequential(nn.input { 4, 3 }, nn.masking {}, nn.gru { 5, return_sequences = true })
  local g = wane.grad(function(v) return series(v):sum() end)(wane.randn { 2, 4, 3 })
  check.truthy(g:abs():max() > 0)
  -- Pruned, shared and quantized models are what they are.
  local int8 = wane.quantize(images, { bits = 8, calibration = wane.data.tensors(x, wane.zeros { 2, 2 }) })
  check.equal(shape_of(wane.grad(function(v) return int8(v):sum() end)(x)), "2x6x6x1")
end)

test("layers and losses written in Lua call models", function()
  local fixed = sequential(nn.input { 3 }, nn.dense { 4, activation = "tanh" })
  local model = sequential(nn.input { 3 }, nn.lambda(function(v) return fixed(v) * 2 end), nn.dense { 1 })
  local x = wane.randn { 6, 3 }
  local outer = sequential(nn.input { 3 }, nn.lambda(function(v) return fixed(v) * 2 end))
  near(outer(x), fixed(x) * 2)
  local kernel = fixed:parameter "dense/kernel"
  local history = model:fit(wane.data.tensors(x, wane.randn { 6, 1 }), {
    epochs = 2, progress = false,
    loss = function(predicted, label)
      return (predicted - label):square():mean() + fixed(predicted:tile { 1, 3 }):square():mean()
    end,
  })
  check.equal(#history.loss, 2)
  near(fixed:parameter "dense/kernel", kernel, "a model in a function is constant")
end)
