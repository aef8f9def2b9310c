-- Pruning: what each criterion, schedule and unit leaves of the network of fashion_mnist.lua at the
-- same sparsity, over several seeds. Nothing is chosen by the figures, so they are of the test set.
--
--   wane examples/pruning.lua [--quick] [--seeds N] [--samples N] [--epochs N] [--tune N]
--                             [--long N] [--only criteria|schedules|units] [--data DIR]

local wane = require "wane"
local experiment = dofile((arg and arg[0]:match "^.*/" or "") .. "experiment.lua")

local usage = [[
usage: pruning.lua [options]
  --quick      a thousand samples, one seed, few epochs: figures of no meaning
  --seeds N    how many seeds (default 3)
  --samples N  training images (default 20000)
  --epochs N   epochs of the float model (default 5)
  --tune N     epochs of fine-tuning (default 3)
  --long N     epochs of the long comparison of schedules (default 15)
  --only PART  criteria, schedules or units
  --data DIR   a folder with the four idx files of a 28x28 data set (default: Fashion-MNIST)
]]

local given = experiment.options(
  usage, { seeds = 3, samples = 20000, epochs = 5, tune = 3, long = 15 }, { "data", "only" })

local train, test = experiment.data(given.data)
local classes = train.classes
if given.quick then
  test = test:take(500)
  given.samples, given.seeds, given.epochs, given.tune, given.long = 1000, 1, 1, 1, 3
end
train = train:take(math.min(given.samples, #train))

local function network(seed) return experiment.network("cnn", seed, classes) end

-- Accuracies and bytes by table, row and column; rows in the order in which they came.
local tables = {}

local function note(title, row, column, model)
  local part = tables[title] or { rows = {}, columns = {} }
  tables[title] = part
  local cells = part[row]
  if not cells then
    cells = {}
    part[row] = cells
    part.rows[#part.rows + 1] = row
  end
  local cell = cells[column]
  if not cell then
    cell = { accuracy = 0, bytes = 0, count = 0 }
    cells[column] = cell
    if not part.columns[column] then
      part.columns[column] = true
      part.columns[#part.columns + 1] = column
    end
  end
  local accuracy, bytes = model:evaluate(test).accuracy, model.file_bytes
  cell.accuracy, cell.bytes = cell.accuracy + accuracy, cell.bytes + bytes
  cell.count = cell.count + 1
  io.stderr:write(("%s  %s  %s: %.4f, %d bytes\n"):format(title, row, column, accuracy, bytes))
end

local function show(title)
  local part = tables[title]
  if not part then return end
  print(("\n%s; accuracy, and bytes of the file"):format(title))
  local line = ("%-26s"):format ""
  for _, column in ipairs(part.columns) do line = line .. ("%18s"):format(column) end
  print(line)
  for _, row in ipairs(part.rows) do
    line = ("%-26s"):format(row)
    for _, column in ipairs(part.columns) do
      local cell = part[row][column] or { count = 0 }
      line = line .. (cell.count == 0 and ("%18s"):format ""
        or ("%10.2f %7.0f"):format(100 * cell.accuracy / cell.count, cell.bytes / cell.count))
    end
    print(line)
  end
end

local function prune(model, options, seed)
  options.data, options.seed = train, seed
  return (wane.prune(model, options))
end

local criteria = {
  { "magnitude" }, { "magnitude", scope = "layer" }, { "lamp" }, { "taylor" }, { "fisher" },
  { "error" }, { "activation" }, { "movement" }, { "random" },
}
local sparsities = given.quick and { 0.9 } or { 0.8, 0.9, 0.95, 0.98 }

local at_once = "criteria, at once and without training"
local tuned = ("criteria, cubic, %g epochs"):format(given.tune)

local function compare_criteria(model, seed)
  for _, criterion in ipairs(criteria) do
    local row = criterion[1] .. (criterion.scope and ", each layer" or "")
    for _, sparsity in ipairs(sparsities) do
      local function options(more)
        more.sparsity, more.criterion, more.scope = sparsity, criterion[1], criterion.scope
        return more
      end
      -- Movement shows in training only.
      if criterion[1] ~= "movement" then
        note(at_once, row, sparsity, prune(model, options { epochs = 0 }, seed))
      end
      local gradual = options { epochs = given.tune, schedule = "cubic" }
      note(tuned, row, sparsity, prune(model, gradual, seed))
    end
  end
end

local schedules = "schedules, sparsity 0.95"

local function compare_schedules(model, seed)
  local function with(row, epochs, more)
    more.sparsity, more.epochs = 0.95, epochs
    local all = ("%g epochs"):format(epochs * (more.rounds or 1))
    note(schedules, row, all, prune(model, more, seed))
  end
  for _, epochs in ipairs { given.tune, given.long } do
    with("one_shot", epochs, { schedule = "one_shot" })
    with("cubic", epochs, { schedule = "cubic" })
    with("iterative, 3 rounds", epochs / 3, { schedule = "iterative", rounds = 3 })
    with("rigl", epochs, { schedule = "rigl" })
  end
  -- Lottery tickets are drawn by a training from the start, which comes first.
  for _, rewind in ipairs { "start", 1 } do
    local ticket = prune(network(seed), {
      sparsity = 0.95, schedule = "iterative", rounds = 3, rewind = rewind, epochs = given.long / 3,
    }, seed)
    local name = "rewinding to " .. (rewind == 1 and "epoch 1" or rewind)
    note(schedules, name, ("%g epochs"):format(given.long), ticket)
  end
  local dense = network(seed)
  dense:fit(train, { epochs = given.epochs + given.long, batch_size = 128, seed = seed })
  note(schedules, "not pruned", ("%g epochs"):format(given.long), dense)
end

local units = ("units, cubic, %g epochs"):format(given.tune)

local function compare_units(model, seed)
  for _, sparsity in ipairs { 0.5, 0.75 } do
    local kept = sparsity == 0.5 and "2:4" or "1:4"
    local function with(row, more)
      more.schedule, more.epochs = "cubic", given.tune
      note(units, row, sparsity, prune(model, more, seed))
    end
    with("n:m", { unit = kept })
    for _, unit in ipairs { "weight", "block", "row", "column" } do
      with(unit, { unit = unit, sparsity = sparsity })
      with(unit .. ", lamp", { unit = unit, sparsity = sparsity, criterion = "lamp" })
    end
    with("column, each layer", { unit = "column", sparsity = sparsity, scope = "layer" })
    -- The same share of filters taken out, so that the model really becomes narrower.
    note(units, "filter, taken out", sparsity, prune(model, {
      unit = "filter", ratio = sparsity, epochs = given.tune,
    }, seed))
  end
end

local parts = { criteria = compare_criteria, schedules = compare_schedules, units = compare_units }
if given.only and not parts[given.only] then
  io.stderr:write(usage)
  os.exit(2)
end

for seed = 1, given.seeds do
  local model = network(seed)
  model:fit(train, { epochs = given.epochs, batch_size = 128, seed = seed })
  note("not pruned", "float", ("%g epochs"):format(given.epochs), model)
  for _, name in ipairs { "criteria", "schedules", "units" } do
    if not given.only or given.only == name then parts[name](model, seed) end
  end
end

print(("mean of %d seeds, %d training images"):format(given.seeds, #train))
for _, title in ipairs { "not pruned", at_once, tuned, schedules, units } do show(title) end
