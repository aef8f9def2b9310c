-- Layers, losses and training loops of one's own.
--
--   lua5.4 examples/research.lua
--
-- Images of 32 x 32 random pixels, to be told apart by the colour that is a little brighter.

local wane = require "wane"
local nn = wane.nn

local labels = wane.randint({ 2048 }, 0, 2, { seed = 2 })
local images = wane.rand({ 2048, 32, 32, 3 }, { seed = 1 })
  + 0.1 * labels:one_hot(3):reshape(2048, 1, 1, 3)
local train = wane.data.tensors(images, labels)

-- A layer with a parameter of its own: a factor for each channel.
local scale = nn.layer {
  build = function(self, shape) self.factor = nn.parameter { shape[#shape], init = "ones" } end,
  call = function(self, x) return x * self.factor end,
}
-- A layer without one.
local swish = nn.lambda(function(v) return v * v:sigmoid() end)

local x = nn.input { 32, 32, 3 }
local y = nn.conv2d { 16, 3, padding = "same" } (x)
y = swish(scale(y))
y = nn.add { y, nn.conv2d { 16, 1 } (x) }
y = nn.avg_pool2d { 8 } (y)
local model = nn.model { inputs = x, outputs = nn.dense { 3 } (nn.flatten {} (y)) }
print(model)

-- The loss is written with the methods of tensors, and compiled when the first batch comes.
local step = wane.trainer(model, {
  optimizer = wane.optim.adamw { learning_rate = 3e-3 },
  loss = function(predicted, label)
    return wane.losses.cross_entropy(predicted, label) + 1e-4 * predicted:square():mean()
  end,
})
for epoch = 1, 3 do
  local total, count = 0, 0
  for batch, classes in train:batches(128, { shuffle = true, seed = epoch }) do
    total, count = total + step(batch, classes), count + 1
  end
  print(("epoch %d  loss %.4f"):format(epoch, total / count))
end
print(("accuracy %.3f"):format(model:evaluate(train).accuracy))

-- Derivatives of any function of tensors, as often as wanted.
local t = wane.tensor { { 1, 2 }, { 3, 4 } }
local dfdx = wane.grad(function(v) return (v ^ 3):sum() end)
print("3 v^2", dfdx(t))
print("6 v", wane.grad(function(v) return dfdx(v):sum() end)(t))
