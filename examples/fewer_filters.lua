-- Fewer filters: the network of fashion_mnist.lua with at least 3.5 times fewer multiply-accumulate
-- operations, over several seeds, beside the float model that trained as long. The last 5 000
-- training images decide which criterion is used; the test set is looked at once, at the end.
--
--   wane examples/fewer_filters.lua [--quick] [--seeds N] [--epochs N] [--tune N] [--times X]
--                                   [--data DIR]

local wane = require "wane"
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: fewer_filters.lua [options]
  --quick     a few thousand samples, one seed, one epoch: figures of no meaning
  --seeds N   how many seeds (default 3)
  --epochs N  epochs before filters are taken out (default 20)
  --tune N    epochs of fine-tuning (default 20)
  --times X   how many times fewer operations (default 3.5)
  --data DIR  a folder with the four idx files of a 28x28 data set (default: Fashion-MNIST)
]]

local given = experiment.options(
  usage, { seeds = 3, epochs = 20, tune = 20, times = 3.5 }, { "data" })

if given.quick then given.seeds, given.epochs, given.tune = 1, 1, 1 end
local train, validation, test = experiment.split_data(given.data, given.quick)

-- Ways to choose filters; a short fine-tuning and the validation images decide between them.
local ways = {
  { criterion = "l2" },
  { criterion = "taylor", scope = "global" },
  { criterion = "reconstruction" },
}

local function narrowed(model, way, epochs, seed)
  return wane.compress(model, {
    method = "filters", criterion = way.criterion, scope = way.scope,
    target = { macs_ratio = given.times }, data = train, epochs = epochs, teacher = model,
    learning_rate_schedule = "cosine", seed = seed,
  })
end

local sums = { float = 0, slim = 0 }
local last
for seed = 1, given.seeds do
  local reference = experiment.trained("cnn", seed, train, given.epochs + given.tune)
  local model = experiment.trained("cnn", seed, train, given.epochs)
  local best
  for _, way in ipairs(ways) do
    local tried = narrowed(model, way, given.quick and 0.5 or 1, seed)
    local accuracy = tried:evaluate(validation).accuracy
    print(("seed %d  %-14s %-6s  %.2fx fewer MACs  validation %.4f"):format(
      seed, way.criterion, way.scope or "layer", model.macs / tried.macs, accuracy))
    if not best or accuracy > best.accuracy then best = { accuracy = accuracy, way = way } end
  end
  local slim, report = narrowed(model, best.way, given.tune, seed)
  local float, score = reference:evaluate(test).accuracy, slim:evaluate(test).accuracy
  if seed == 1 then print(report) end
  print(("seed %d  before, %d epochs: %.4f"):format(
    seed, given.epochs, model:evaluate(test).accuracy))
  print(("seed %d  float, %d epochs: %.4f"):format(seed, given.epochs + given.tune, float))
  print(("seed %d  slim by %s: %.4f (%+.2f points), %.2f times fewer MACs"):format(
    seed, best.way.criterion, score, 100 * (score - float), model.macs / slim.macs))
  sums.float, sums.slim = sums.float + float, sums.slim + score
  last = { { "float", reference }, { "slim", slim } }
end

local float, slim = sums.float / given.seeds, sums.slim / given.seeds
print(("mean of %d seeds: float %.4f, slim %.4f (%+.2f points)"):format(
  given.seeds, float, slim, 100 * (slim - float)))
print(wane.compare(last, { data = test }))
