-- Distillation: a student of about 10 % of the parameters of the network of fashion_mnist.lua,
-- alone and taught in every way, over several seeds. Nothing is chosen by the figures, so they are
-- of the test set.
--
--   wane examples/distillation.lua [--quick] [--seeds N] [--samples N] [--epochs N] [--tune N]
--                                  [--data DIR]

local wane = require "wane"
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: distillation.lua [options]
  --quick      a thousand samples, one seed, one epoch: figures of no meaning
  --seeds N    how many seeds (default 3)
  --samples N  training images (default 20000)
  --epochs N   epochs of the teacher (default 8)
  --tune N     epochs of a student (default 8)
  --data DIR   a folder with the four idx files of a 28x28 data set (default: Fashion-MNIST)
]]

local given = experiment.options(
  usage, { seeds = 3, samples = 20000, epochs = 8, tune = 8 }, { "data" })

local train, test = experiment.data(given.data)
local classes = train.classes
if given.quick then
  test = test:take(500)
  given.samples, given.seeds, given.epochs, given.tune = 1000, 1, 1, 1
end
train = train:take(math.min(given.samples, #train))

local function student(seed) return experiment.network("cnn", seed, classes, { 8, 16, 24 }) end

-- What a student learns from besides the labels, beside the defaults.
local ways = {
  { "answers, T = 4, alpha = 0.9", function() return { temperature = 4, alpha = 0.9 } end },
  { "answers, T = 2, alpha = 0.5", function() return {} end },
  { "standardized answers", function() return { standardize = true } end },
  { "features", function() return { features = true } end },
  { "attention", function() return { attention = true } end },
  { "relations: distance", function() return { relations = "distance" } end },
  { "relations: similarity", function() return { relations = "similarity" } end },
  { "itself", function() return { teacher = "self" } end },
  { "a peer", function(seed) return { teacher = false, peers = student(seed + 100) } end },
  { "transfer: slice", function() return { transfer = "slice" } end },
  { "transfer: average", function() return { transfer = "average" } end },
  { "transfer: match", function() return { transfer = "match" } end },
  { "transfer: layers", function() return { transfer = "layers" } end },
  { "slice, labels alone", function() return { transfer = "slice", alpha = 0 } end },
  { "slice and features", function() return { transfer = "slice", features = true } end },
}

local names, sums = {}, {}
local function note(name, accuracy)
  if not sums[name] then
    names[#names + 1] = name
    sums[name] = { total = 0, least = 1, most = 0 }
  end
  local sum = sums[name]
  sum.total = sum.total + accuracy
  sum.least, sum.most = math.min(sum.least, accuracy), math.max(sum.most, accuracy)
  io.stderr:write(("%s: %.4f\n"):format(name, accuracy))
end

for seed = 1, given.seeds do
  local teacher = experiment.network("cnn", seed, classes)
  teacher:fit(train, { epochs = given.epochs, batch_size = 128, seed = seed })
  note("teacher", teacher:evaluate(test).accuracy)
  local alone = student(seed)
  alone:fit(train, { epochs = given.tune, batch_size = 128, seed = seed })
  note("labels alone", alone:evaluate(test).accuracy)
  for _, way in ipairs(ways) do
    local options = way[2](seed)
    if options.teacher == nil then options.teacher = teacher end
    if options.teacher == false then options.teacher = nil end
    options.data, options.epochs, options.seed = train, given.tune, seed
    local taught = wane.distill(student(seed), options)
    note(way[1], taught:evaluate(test).accuracy)
  end
end

print(("mean of %d seeds, %d training images"):format(given.seeds, #train))
print "accuracy on the test set, lowest, highest, and the part of the way from alone to teacher\n"
local alone, teacher = sums["labels alone"].total, sums.teacher.total
for _, name in ipairs(names) do
  local sum = sums[name]
  print(("%-28s %6.2f %%  %6.2f %6.2f  %5.0f %%"):format(
    name, 100 * sum.total / given.seeds, 100 * sum.least, 100 * sum.most,
    100 * (sum.total - alone) / (teacher - alone)))
end
