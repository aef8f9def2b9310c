--- Small synthetic data and networks for the tests of models and verbs.
--
-- An image of 8 x 8 bytes has a bright bar in one of four places, which is its class, and noise.

local wane = require "wane"
local nn = wane.nn

local samples = { classes = 4 }

--- Images and classes; the same seed gives the same.
function samples.images(count, seed)
  local kinds = wane.randint({ count }, 0, samples.classes - 1, { seed = seed or 1 })
  local noise = wane.rand({ count, 8, 8, 1 }, { high = 120, seed = (seed or 1) + 1000 })
  local rows = kinds:one_hot(samples.classes):reshape(count, samples.classes, 1, 1, 1)
  local bars = rows:broadcast_to(count, samples.classes, 2, 8, 1):reshape(count, 8, 8, 1)
  return wane.data.tensors((noise + bars * 100):to "u8", kinds)
end

--- A convolutional network of 1 400 parameters; `options` may have `seed`.
function samples.network(options)
  return nn.sequential {
    seed = options and options.seed or 1,
    nn.input { 8, 8, 1 },
    nn.conv2d { 8, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { 16, activation = "relu" },
    nn.dense { samples.classes, activation = "softmax" },
  }
end

local trained

--- The network after some training: the same model each time, as values may be kept.
function samples.trained()
  if not trained then
    trained = samples.network()
    trained:fit(samples.images(512), { epochs = 6, batch_size = 32, learning_rate = 0.01, seed = 1 })
  end
  return trained:copy()
end

--- Every parameter of a model as a list of numbers, by name.
function samples.weights(model)
  local weights = {}
  for _, name in ipairs(model:parameter_names()) do
    weights[name] = model:parameter(name):flatten():tolist()
  end
  return weights
end

--- The two models have the same parameters, bit for bit.
function samples.same(one, other)
  local left, right = samples.weights(one), samples.weights(other)
  for name, values in pairs(left) do
    if not right[name] or #right[name] ~= #values then return false, name end
    for i, value in ipairs(values) do
      if right[name][i] ~= value then return false, ("%s[%d]"):format(name, i) end
    end
  end
  return true
end

--- How many different values a parameter has, and how many zeros.
function samples.count(model, name)
  local seen, distinct, zeros = {}, 0, 0
  for _, value in ipairs(model:parameter(name):flatten():tolist()) do
    if not seen[value] then seen[value], distinct = true, distinct + 1 end
    if value == 0 then zeros = zeros + 1 end
  end
  return distinct, zeros
end

--- The names of the layers in a list of a report's rows or skipped layers.
function samples.layers(rows)
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.layer end
  return table.concat(names, " ")
end

--- `wane.compress` by shared weights.
function samples.share(model, options)
  options.method = "share"
  return wane.compress(model, options)
end

--- `wane.compress` by fewer filters.
function samples.narrow(model, options)
  options.method = "filters"
  return wane.compress(model, options)
end

return samples
