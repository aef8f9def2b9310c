-- How few bits weights and activations need: a network in integers of 8 bits without training, and
-- with 4, 2 and 1 bits after training on, beside the float network that was trained equally long.
--
--   wane examples/low_bits.lua [--model cnn|lenet300|lenet5] [--data DIR] [--seeds N] [--seed N]
--                              [--epochs N] [--tune N] [--quick]
--
-- The recipe is the same for every model and data set: whatever the bits, the network trains on
-- with rounding, from the floats it had, and learns from what it was. Nothing is decided on the
-- test set: the accuracy on the last 5 000 training images, not trained on, is shown, too.

local wane = require "wane"
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: low_bits.lua [options]
  --model NAME  cnn (default), lenet300 (LeNet-300-100) or lenet5 (Caffe's, 20-50-500)
  --data DIR    a folder with the four idx files of a 28x28 data set, plain or gzip
                (default: Fashion-MNIST)
  --seeds N     how often all is done, each time with other initial weights and another order of
                samples (default 3)
  --seed N      the first of the seeds (default 1)
  --epochs N    epochs of floats before anything is rounded (default 20)
  --tune N      epochs with rounding, or of floats for the reference (default 20)
  --quick       a few thousand samples, one seed, one epoch: figures of no meaning
]]

-- What goes to wane.quantize besides the training. Activations have 8 bits where nothing is said.
local recipes = {
  {
    "4-bit weights and activations", { bits = 4, activation_bits = 4, range = "lsq" },
  },
  { "2-bit (ternary) weights", { bits = "ternary" } },
  { "binary weights", { bits = "binary" } },
}

local given = experiment.options(
  usage, { model = "cnn", seeds = 3, seed = 1, epochs = 20, tune = 20 }, { "data" })
if given.quick then given.seeds, given.epochs, given.tune = 1, 1, 1 end

local train, validation, test = experiment.split_data(given.data, given.quick)

local scores = experiment.scores(validation, test)
for seed = given.seed, given.seed + given.seeds - 1 do
  local model = experiment.trained(given.model, seed, train, given.epochs)
  local longer = experiment.trained(given.model, seed, train, given.epochs + given.tune)
  scores.start(seed)
  scores.add(("float, %d epochs"):format(given.epochs + given.tune), longer)
  scores.add(("float, %d epochs"):format(given.epochs), model)
  scores.add("8 bits, no training",
    wane.quantize(longer, { bits = 8, calibration = train:take(512) }))
  for _, recipe in ipairs(recipes) do
    local options = {
      data = train, epochs = given.tune, learning_rate = 1e-3, learning_rate_schedule = "cosine",
      teacher = model, seed = seed,
    }
    for key, value in pairs(recipe[2]) do options[key] = value end
    scores.add(recipe[1], wane.quantize(model, options))
  end
end
scores.finish()
