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
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: smallest.lua [options]
  --model NAME  cnn (default), lenet300 (LeNet-300-100) or lenet5 (Caffe's, 20-50-500)
  --data DIR    a folder with the four idx files of a 28x28 data set, plain or gzip
                (default: Fashion-MNIST)
  --seeds N     how often all is done, each time with other initial weights and another order of
                samples (default 3)
  --seed N      the first of the seeds (default 1)
  --epochs N    of all training together: 4 parts of 11 for the float model, 4 for pruning,
                3 for the size (default 55)
  --quick       a few thousand samples, one seed and 6 epochs: figures of no meaning
]]

-- What files are brought to: bytes, or how many times smaller than the weights as floats.
local targets = {
  cnn = { bytes = { 8000, 4000 } },
  lenet300 = { times = { 40, 100 } },
  lenet5 = { times = { 40, 200 } },
}

local given = experiment.options(
  usage, { model = "cnn", seeds = 3, seed = 1, epochs = 55 }, { "data" })
if given.quick then given.seeds, given.epochs = 1, 6 end
local floating = math.max(1, given.epochs * 4 // 11)
local pruning = floating
local shrinking = math.max(1, given.epochs - floating - pruning)

local train, validation, test = experiment.split_data(given.data, given.quick)

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
  }:run(model, { data = train, teacher = model })
end

local scores = experiment.scores(validation, test)
for seed = given.seed, given.seed + given.seeds - 1 do
  local model = experiment.trained(given.model, seed, train, floating)
  scores.start(seed)
  scores.add(("float, %d epochs"):format(given.epochs),
    experiment.trained(given.model, seed, train, given.epochs))
  scores.add(("float, %d epochs"):format(floating), model)
  local wanted = targets[given.model]
  for _, bytes in ipairs(wanted.bytes or {}) do
    scores.add(("at most %d bytes"):format(bytes), smaller(model, bytes, seed))
  end
  for _, times in ipairs(wanted.times or {}) do
    local bytes = 4 * model.parameters // times
    scores.add(("at most %d bytes"):format(bytes), smaller(model, bytes, seed))
  end
end
scores.finish()
