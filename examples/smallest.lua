-- How few bytes a network needs: it is trained, brought to a target of bytes by training on with
-- the size in the loss, and compared with the float model that trained as long.
--
--   wane examples/smallest.lua [--model cnn|lenet300|lenet5] [--data DIR] [--seed N] [--epochs N]
--                              [--quick]
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
  --seed N      decides initial weights and the order of samples (default 1)
  --epochs N    of all training together, a third of it before the size counts
                (default 30, at least 3)
  --quick       a few thousand samples and 6 epochs: figures of no meaning
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
local epochs = given.epochs or (given.quick and 6 or 30)
local before = epochs // 3
local seed = given.seed

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

local function build()
  return nn.sequential {
    seed = seed, nn.input { 28, 28, 1 }, table.unpack(network.layers(all.classes)),
  }
end

local function trained(count)
  local model = build()
  model:fit(train, {
    epochs = count, batch_size = 128, learning_rate_schedule = "cosine", seed = seed,
  })
  return model
end

local largest
local function row(name, model, reference)
  local result = {
    bytes = model.file_bytes, validation = model:evaluate(validation).accuracy,
    test = model:evaluate(test).accuracy,
  }
  largest = largest or result.bytes
  print(("%-22s %9d %8.1f %11.2f %8.2f %+8.2f"):format(
    name, result.bytes, largest / result.bytes, 100 * result.validation, 100 * result.test,
    100 * (result.test - (reference or result).test)))
  return result
end

print(("%s, seed %d, %d epochs"):format(given.model, seed, epochs))
print(("%-22s %9s %8s %11s %8s %8s"):format(
  "model", "bytes", "times", "validation", "test", "points"))
local reference = row(("float, %d epochs"):format(epochs), trained(epochs))

local model = trained(before)
row(("float, %d epochs"):format(before), model, reference)
local targets = network.targets or {}
for index, ratio in ipairs(network.ratios or {}) do targets[index] = model.file_bytes // ratio end
for _, bytes in ipairs(targets) do
  local small = wane.pipeline {
    { "quantize", bits = 8, epochs = 0, calibration = train:take(512) },
    {
      "compress", method = "entropy", target = { bytes = bytes }, epochs = epochs - before,
      seed = seed,
    },
  }:run(model, { data = train, teacher = model, temperature = 2, alpha = 0.5 })
  row(("at most %d bytes"):format(bytes), small, reference)
end
