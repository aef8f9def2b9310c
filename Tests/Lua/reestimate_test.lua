-- wane.reestimate: statistics of batch normalizations from data.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local function network()
  return nn.sequential {
    seed = 2, nn.input { 8, 8, 1 }, nn.conv2d { 4, 3 }, nn.batch_norm { name = "first" },
    nn.activation { "relu" }, nn.conv2d { 4, 3 }, nn.batch_norm { name = "second" }, nn.flatten {},
    nn.dense { 4, activation = "softmax" },
  }
end

test("statistics are those of the data, layer after layer", function()
  local model, data = network(), samples.images(200)
  local new = wane.reestimate(model, { data = data })
  check.equal(model:parameter("first/moving_mean"):abs():max(), 0)
  check.truthy(new:parameter("first/moving_mean"):abs():max() > 0)
  -- Each layer sees those before it with their new statistics, so that a second time changes nothing.
  local again = wane.reestimate(new, { data = data })
  check.truthy(samples.same(new, again))
  check.near(new:predict(data):sum(), 200, 1e-2)
end)

test("a pruned model gets its accuracy back in part", function()
  local model, data = network(), samples.images(512)
  model:fit(data, { epochs = 6, batch_size = 32, learning_rate = 0.01, seed = 1 })
  local sparse = wane.prune(model, { sparsity = 0.6, only = "conv2d" })
  local mended = wane.reestimate(sparse, { data = data })
  check.truthy(mended:evaluate(data).loss < sparse:evaluate(data).loss)
end)

test("a model without normalizations stays, and data are needed", function()
  local model, data = samples.network(), samples.images(16)
  check.truthy(samples.same(model, wane.reestimate(model, { data = data })))
  check.raises("...missing option 'data' to 'reestimate'", wane.reestimate, model, {})
  check.raises("...reestimate: the data set is empty", wane.reestimate, model, { data = data:take(0) })
end)
