-- A model of at most so many bytes that loses at most so much accuracy, found within a time: the
-- network of fashion_mnist.lua is trained, then wane.optimize looks for the combination of verbs.
--
--   wane examples/optimize.lua [--bytes N] [--drop POINTS] [--budget TIME] [--epochs N]
--                              [--seed N] [--data DIR] [--html FILE] [--save FILE]
--
-- The search sees training data only: a part of them decides. The test set is looked at once, in
-- the end. It runs in stock lua5.4 as well.

local wane = require "wane"
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: optimize.lua [options]
  --bytes N      the most bytes of the file (default 8000)
  --drop POINTS  the most points of accuracy to lose (default 0.5)
  --budget TIME  how long to search: 90s, 10min, 1h (default 10min)
  --epochs N     epochs of the float model (default 9)
  --seed N       decides initial weights, the split and the order of samples (default 1)
  --data DIR     a folder with the four idx files of a 28x28 data set (default: Fashion-MNIST)
  --html FILE    writes the front as a page
  --save FILE    writes the model
]]

local given = experiment.options(
  usage, { bytes = 8000, drop = 0.5, budget = "10min", epochs = 9, seed = 1 },
  { "data", "html", "save" })

local all, test = experiment.data(given.data)
local train, validation = all:split { 0.9, 0.1, seed = given.seed }

local model = experiment.network("cnn", given.seed, all.classes)
model:fit(train, { epochs = given.epochs, seed = given.seed })

local best, front, why_not = wane.optimize(model, {
  data = train, validation = validation, target = { bytes = given.bytes },
  max_drop = given.drop / 100, budget = given.budget, seed = given.seed,
})
print(front)
if given.html then front:html(given.html) end
if not best then
  io.stderr:write(why_not, "\n")
  os.exit(1)
end

print(front:pipeline(front.best))
local before, after = model:evaluate(test).accuracy, best:evaluate(test).accuracy
print(("on the test set: %.2f %% before, %.2f %% after (%+.2f points), %d bytes"):format(
  100 * before, 100 * after, 100 * (after - before), best.file_bytes))
if given.save then best:save(given.save) end
