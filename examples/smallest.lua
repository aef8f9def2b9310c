-- How few bytes a network needs: it is trained, most of its weights are pruned away while it learns
-- from what it was, and then the size of its file becomes a part of the loss until a target is met.
-- Beside it stands the float model that trained as long.
--
--   wane examples/smallest.lua [--model cnn|lenet300|lenet5] [--data DIR] [--seeds N] [--seed N]
--                              [--epochs N] [--quick]
--
-- The recipe is the same for every model and data set. Nothing is decided on the test set: the
-- accuracy on the last 5 000 training images, which are not trained on, stands beside it.

local wane = require "wane"
local nn = wane.nn

local usage = [[
usage: smallest.lua [options]
  --model NAME  cnn (default), lenet300 (LeNet-300-100) or lenet5 (Caffe's, 20-50-500)
  --data DIR    a folder with the four idx files of a 28x28 data set, plain or gzip
                (default: Fashion-MNIST)
  --seeds N     how often all is done, each time with other initial weights and another order of
                samples (default 3)
  --seed N      the first of the seeds (default 1)
  --epochs N    of all training together: 4 parts of 11 for the float model, 4 for pruning,
                3 for the size (default 55, at least 3)
  --quick       a few thousand samples, one seed and 6 epochs: figures of no meaning
]]

local function fail(message)
  io.stderr:write("smallest.lua: ", message, "\n", usage)
  os.exit(2)
end

-- Networks, and what their files are brought to: bytes, or how many times smaller.
local networks = {
  cnn = {
    targets = { 8000, 4000 },
    layers = function(classes)
      return {
        nn.conv2d { 32, 3, activation = "relu" }, nn.max_pool2d { 2 },
        nn.conv2d { 64, 3, activation = "relu" }, nn.max_pool2d { 2 },
        nn.flatten {}, nn.dense { 64, activation = "relu" },
        nn.dense { classes, activation = "softmax" },
      }
    end,
  },
  lenet300 = {
    ratios = { 40, 100 },
    layers = function(classes)
      return {
        nn.flatten {},
        nn.dense { 300, activation = "relu" }, nn.dense { 100, activation = "relu" },
        nn.dense { classes, activation = "softmax" },
      }
    end,
  },
  lenet5 = {
    ratios = { 40, 200 },
    layers = function(classes)
      return {
        nn.conv2d { 20, 5 }, nn.max_pool2d { 2 }, nn.conv2d { 50, 5 }, nn.max_pool2d { 2 },
        nn.flatten {}, nn.dense { 500, activation = "relu" },
        nn.dense { classes, activation = "softmax" },
      }
    end,
  },
}

local given = { model = "cnn", seed = 1, quick = false }
do
  local index = 1
  local function value(name)
    index = index + 1
    return arg[index] or fail(name .. " needs a value")
  end
  local function whole(name, least)
    local text = value(name)
    local number = math.tointeger(tonumber(text))
    if not number or number < least then
      fail(("%s must be a whole number of at least %d, got '%s'"):format(name, least, text))
    end
    return number
  end
  while index <= #arg do
    local name = arg[index]
    if name == "--model" then given.model = value(name)
    elseif name == "--data" then given.data = value(name)
    elseif name == "--seeds" then given.seeds = whole(name, 1)
    elseif name == "--seed" then given.seed = whole(name, 0)
    elseif name == "--epochs" then given.epochs = whole(name, 3)
    elseif name == "--quick" then given.quick = true
    elseif name == "--help" or name == "-h" then
      io.write(usage)
      os.exit(0)
    else
      fail(("unknown option '%s'"):format(name))
    end
    index = index + 1
  end
end
local network = networks[given.model] or fail(("there is no model '%s'"):format(given.model))
local epochs = given.epochs or (given.quick and 6 or 55)
local seeds = given.seeds or (given.quick and 1 or 3)
local floating = math.max(1, epochs * 4 // 11)
local pruning = math.max(1, epochs * 4 // 11)
local shrinking = epochs - floating - pruning

local loaded, all, test
if given.data then
  loaded, all, test = pcall(wane.data.mnist_family, given.data)
else
  loaded, all, test = pcall(wane.datasets.fashion_mnist)
end
if not loaded then
  io.stderr:write("smallest.lua: ", all, "\n")
  os.exit(1)
end
local kept = math.min(5000, #all // 6)
local train, validation = all:take(#all - kept), all:skip(#all - kept)
if given.quick then
  train, validation, test = train:take(3000), validation:take(1000), test:take(1000)
end

local function trained(count, seed)
  local model = nn.sequential {
    seed = seed, nn.input { 28, 28, 1 }, table.unpack(network.layers(all.classes)),
  }
  model:fit(train, {
    epochs = count, batch_size = 128, learning_rate_schedule = "cosine", seed = seed,
  })
  return model
end

-- A weight that is left takes about a byte, its place included.
local function smaller(model, bytes, seed)
  return wane.pipeline {
    {
      "prune", schedule = "cubic", sparsity = math.max(0, 1 - bytes / model.parameters),
      epochs = pruning, seed = seed,
    },
    { "quantize", bits = 8, epochs = 0, calibration = train:take(512) },
    {
      "compress", method = "entropy", target = { bytes = bytes }, epochs = shrinking, seed = seed,
    },
  }:run(model, { data = train, teacher = model, temperature = 2, alpha = 0.5 })
end

-- Rows of all seeds, in order, and what they add up to.
local rows = {}

local function row(name, model, reference)
  local result = {
    bytes = model.file_bytes, validation = 100 * model:evaluate(validation).accuracy,
    test = 100 * model:evaluate(test).accuracy,
  }
  result.points = result.test - (reference or result).test
  result.times = (reference or result).bytes / result.bytes
  local sum = rows[name]
  if not sum then
    sum = { name = name, bytes = 0, times = 0, validation = 0, test = 0, points = 0 }
    rows[name], rows[#rows + 1] = sum, sum
  end
  for key, value in pairs(result) do sum[key] = sum[key] + value end
  return result
end

local function show(name, result, count)
  print(("%-22s %9d %8.1f %11.2f %8.2f %+8.2f"):format(
    name, math.floor(result.bytes / count + 0.5), result.times / count, result.validation / count,
    result.test / count, result.points / count))
  io.stdout:flush()
end

print(("%s, %d epochs: %d of the float model, %d of pruning, %d for the size"):format(
  given.model, epochs, floating, pruning, shrinking))
local heading = ("%-22s %9s %8s %11s %8s %8s"):format(
  "", "bytes", "times", "validation", "test", "points")
for seed = given.seed, given.seed + seeds - 1 do
  print(("seed %d"):format(seed) .. heading:sub(#("seed %d"):format(seed) + 1))
  local function measure(name, model, reference)
    local result = row(name, model, reference)
    show(name, result, 1)
    return result
  end
  local reference = measure(("float, %d epochs"):format(epochs), trained(epochs, seed))
  local model = trained(floating, seed)
  measure(("float, %d epochs"):format(floating), model, reference)
  local targets = network.targets or {}
  for index, ratio in ipairs(network.ratios or {}) do
    targets[index] = 4 * model.parameters // ratio
  end
  for _, bytes in ipairs(targets) do
    measure(("at most %d bytes"):format(bytes), smaller(model, bytes, seed), reference)
  end
end
if seeds > 1 then
  print(("mean of %d"):format(seeds) .. heading:sub(#("mean of %d"):format(seeds) + 1))
  for _, sum in ipairs(rows) do show(sum.name, sum, seeds) end
end
