-- wane.prune: units, criteria, scopes and schedules beyond single weights by magnitude.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local prune = wane.prune
local kernels = { "conv2d/kernel", "dense/kernel", "dense_1/kernel" }

local function zeros(model, name) return select(2, samples.count(model, name)) end

local function reason(report, layer)
  for _, skipped in ipairs(report.skipped) do
    if skipped.layer == layer then return skipped.reason end
  end
end

test("blocks, rows and columns become zero as a whole", function()
  local model = samples.trained()
  local blocks, report = prune(model, { sparsity = 0.5, unit = "block", block = { 8, 4 }, only = "dense" })
  check.equal(report.options.unit, "block 8x4")
  local all = report.layers[1].zero_blocks
  check.equal(all.after, math.floor(72 / 8 * 16 / 4 / 2 + 0.5))
  check.equal(zeros(blocks, "dense/kernel"), all.after * 32)

  local rows = prune(model, { sparsity = 0.75, unit = "row", only = "dense" })
  local dead = rows:parameter("dense/kernel"):abs():sum(2):eq(0):to("f32"):sum()
  check.equal(dead, 54)
  local columns = prune(model, { sparsity = 0.25, unit = "column", only = "dense" })
  check.equal(columns:parameter("dense/kernel"):abs():sum(1):eq(0):to("f32"):sum(), 4)
  -- No class loses its column.
  for _, scope in ipairs { "layer", "global" } do
    local narrow, told = prune(model, { sparsity = 0.75, unit = "column", scope = scope })
    check.equal(zeros(narrow, "dense_1/kernel"), 0)
    check.equal(reason(told, "dense_1"), "its columns are outputs of the model")
    check.equal(samples.layers(told.layers), "conv2d dense")
  end
  -- Blocks of 4 x 4 are usual.
  check.equal(select(2, prune(model, { sparsity = 0.5, unit = "block" })).options.unit, "block 4x4")
end)

test("a pattern leaves n of every m weights along the inputs", function()
  local model = samples.trained()
  local sparse, report = prune(model, { unit = "2:4", only = "dense" })
  check.equal(report.options.unit, "2:4")
  check.equal(report.options.sparsity, nil)
  local groups = sparse:parameter("dense/kernel"):ne(0):to("f32"):reshape(18, 4, 16):sum(2)
  check.equal(groups:min(), 2)
  check.equal(groups:max(), 2)
  check.equal(zeros(prune(model, { unit = "1:8", only = "dense" }), "dense/kernel"), 72 * 16 * 7 // 8)
end)

test("every criterion reaches the share", function()
  local data = samples.images(128)
  local model = samples.trained()
  for _, criterion in ipairs { "magnitude", "lamp", "taylor", "fisher", "error", "activation", "random" } do
    local sparse, report = prune(model, { sparsity = 0.7, criterion = criterion, data = data, epochs = 0, seed = 3 })
    check.equal(report.options.criterion, criterion)
    local total = 0
    for _, name in ipairs(kernels) do total = total + zeros(sparse, name) end
    check.equal(total, math.floor(0.7 * 1288 + 0.5), criterion)
  end
  local moved = prune(model, { sparsity = 0.7, criterion = "movement", schedule = "cubic", data = data, epochs = 2,
    batch_size = 32 })
  check.equal(zeros(moved, "conv2d/kernel") + zeros(moved, "dense/kernel") + zeros(moved, "dense_1/kernel"), 902)
end)

test("scales of batch normalizations judge, where there are some", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 8, 3 }, nn.batch_norm {}, nn.relu {}, nn.flatten {}, nn.dense { 4 },
  }
  local sparse, report = prune(model, { sparsity = 0.5, unit = "column", criterion = "bn_scale" })
  check.equal(samples.layers(report.layers), "conv2d")
  check.equal(reason(report, "dense"), "its columns are outputs of the model")
  check.equal(zeros(sparse, "conv2d/kernel"), 36)
end)

test("layers compete in groups, and a table gives shares", function()
  local model = samples.trained()
  local groups, report = prune(model, { sparsity = 0.5, scope = { "conv.*", { "dense", "dense_1" } } })
  check.equal(report.options.scope, "{ conv.* }, { dense, dense_1 }")
  check.equal(zeros(groups, "conv2d/kernel"), 36)
  check.equal(zeros(groups, "dense/kernel") + zeros(groups, "dense_1/kernel"), 608)

  local table, told = prune(model, { sparsity = { conv2d = 0.25, ["dense$"] = 0.9 } })
  check.equal(zeros(table, "conv2d/kernel"), 18)
  check.equal(zeros(table, "dense/kernel"), math.floor(0.9 * 1152 + 0.5))
  check.equal(zeros(table, "dense_1/kernel"), 0)
  check.equal(reason(told, "dense_1"), "sparsity does not name it")
  check.equal(told.options.sparsity["dense$"], 0.9)
end)

test("rounds of pruning, with and without rewinding", function()
  local data = samples.images(256)
  local options = { sparsity = 0.9, schedule = "iterative", rounds = 2, data = data, epochs = 2, batch_size = 32 }
  local function pruned(more)
    local all = {}
    for name, value in pairs(options) do all[name] = value end
    for name, value in pairs(more) do all[name] = value end
    return prune(samples.trained(), all)
  end
  local total = math.floor(0.9 * 1288 + 0.5)
  for epochs, more in pairs { [4] = {}, [6] = { rewind = "start" }, [5] = { rewind = 1 } } do
    local sparse, report = pruned(more)
    local count = 0
    for _, name in ipairs(kernels) do count = count + zeros(sparse, name) end
    check.equal(count, total)
    check.equal(report.options.rounds, 2)
    check.equal(report.history[#report.history].epoch, more.rewind and 6 or epochs)
  end
  local initial = samples.network()
  local ticket, report = pruned { initial = initial, learning_rate = 1e-30, optimizer = "sgd" }
  check.equal(report.options.rewind, "initial")
  check.equal(#report.history, 4)
  local first, last = initial:parameter "dense/kernel":flatten():tolist(), ticket:parameter "dense/kernel":flatten():tolist()
  for i, value in ipairs(last) do check.truthy(value == 0 or value == first[i]) end
end)

test("weights are exchanged while training, as many as come go", function()
  local sparse, report = prune(samples.trained(), {
    sparsity = 0.8, schedule = "rigl", fraction = 0.5, interval = 4, data = samples.images(256), epochs = 3, batch_size = 32,
  })
  local count = 0
  for _, name in ipairs(kernels) do count = count + zeros(sparse, name) end
  check.equal(count, math.floor(0.8 * 1288 + 0.5))
  check.equal(report.options.interval, 4)
end)

test("all kinds of layers have weights to prune", function()
  local mixer = nn.layer {
    build = function(self, shape)
      self.w = nn.parameter { shape[#shape], 6, name = "w" }
      self.offset = nn.parameter { 1, 6, name = "offset", init = "zeros" }
    end,
    call = function(self, x) return x:matmul(self.w) + self.offset end,
    name = "mixer",
  }
  local model = nn.sequential {
    nn.input { 12, dtype = "i32" },
    nn.embedding { 20, 8 },
    nn.conv1d { 8, 3, padding = "same", activation = "relu" },
    nn.multi_head_attention { 2, 4 },
    nn.lstm { 10, return_sequences = true },
    nn.gru { 6 },
    mixer,
    nn.dense { 3, activation = "softmax" },
  }
  local data = wane.data.tensors(wane.randint({ 64, 12 }, 0, 19, { seed = 1 }), wane.randint({ 64 }, 0, 2, { seed = 2 }))
  local names = {
    "embedding/embeddings", "conv1d/kernel", "multi_head_attention/query/kernel", "multi_head_attention/key/kernel",
    "multi_head_attention/value/kernel", "multi_head_attention/attention_output/kernel", "lstm/kernel",
    "lstm/recurrent_kernel", "gru/kernel", "gru/recurrent_kernel", "mixer/w", "dense/kernel",
  }
  for _, criterion in ipairs { "magnitude", "taylor", "fisher", "error", "activation" } do
    local sparse, report = prune(model, { sparsity = 0.5, criterion = criterion, scope = "layer", data = data, epochs = 0 })
    check.equal(#report.layers, #names)
    for _, name in ipairs(names) do
      check.equal(zeros(sparse, name), sparse:parameter(name).size // 2, criterion .. " " .. name)
    end
  end
  local sparse = prune(model, { sparsity = 0.75, schedule = "cubic", scope = "layer", data = data, epochs = 2, batch_size = 16 })
  for _, name in ipairs(names) do check.near(zeros(sparse, name) / sparse:parameter(name).size, 0.75, 0.03) end
  -- By their own names: one of two kernels, and one that is no matrix.
  local one, report = prune(model, { sparsity = 0.5, only = { "mixer/w", "lstm/recurrent_kernel" } })
  check.equal(samples.layers(report.layers), "lstm/recurrent_kernel mixer/w")
  check.equal(zeros(one, "lstm/kernel"), 0)
  check.equal(zeros(one, "mixer/w") + zeros(one, "lstm/recurrent_kernel"), 218)
end)

test("zeros of units survive saving, loading and what follows", function()
  local data = samples.images(128)
  local path = os.tmpname()
  for _, options in ipairs { { unit = "row", sparsity = 0.5 }, { unit = "2:4" }, { unit = "block", sparsity = 0.6 } } do
    local sparse = prune(samples.trained(), options)
    sparse:save(path)
    local loaded = wane.load(path)
    check.truthy(samples.same(sparse, loaded))
    local tiny = wane.pipeline {
      { "compress", method = "share", clusters = 8 }, { "quantize", bits = 8, epochs = 1 },
    }:run(loaded, { data = data })
    for _, name in ipairs(kernels) do
      check.truthy(tiny:parameter(name):eq(0):logical_or(sparse:parameter(name):ne(0)):all(), name)
    end
  end
  os.remove(path)
end)

test("options that do not go together", function()
  local model, data = samples.network(), samples.images(8)
  local function refused(message, options) check.raises(message, prune, model, options) end
  refused("bad option 'unit' to 'prune' (expected one of 'weight', 'block', 'row', 'column'...",
    { sparsity = 0.5, unit = "colum" })
  refused("bad option 'rounds' to 'prune' (belongs to schedule 'iterative', not 'constant')",
    { ratio = 0.5, unit = "filter", rounds = 3 })
  refused("bad option 'criterion' to 'prune' ('correlation' does not judge units 'row')",
    { sparsity = 0.5, unit = "row", criterion = "correlation" })
  refused("prune: unit n:m must keep 1 or more of more than that, got 4:2", { unit = "4:2" })
  refused("prune: unit '2:4' says how much goes: leave the option 'sparsity' out", { unit = "2:4", sparsity = 0.5 })
  refused("bad option 'block' to 'prune' ({ rows, columns } expected, got 3 numbers)",
    { sparsity = 0.5, unit = "block", block = { 1, 2, 3 } })
  refused("prune: block must have 1 to 1048576 rows and columns, got 0x4",
    { sparsity = 0.5, unit = "block", block = { 0, 4 } })
  refused("bad option 'block' to 'prune' (belongs to unit 'block', not 'weight')", { sparsity = 0.5, block = { 4, 4 } })
  refused("bad option 'rounds' to 'prune' (belongs to schedule 'iterative', not 'constant')", { sparsity = 0.5, rounds = 2 })
  refused("bad option 'fraction' to 'prune' (belongs to schedule 'rigl', not 'cubic')",
    { sparsity = 0.5, schedule = "cubic", fraction = 0.2 })
  refused("prune: fraction must be in (0, 1], got 0.0", { sparsity = 0.5, schedule = "rigl", fraction = 0 })
  refused("prune: interval must be at least 1, got 0", { sparsity = 0.5, schedule = "rigl", interval = 0 })
  refused("prune: rounds must be in 1..1000, got 0", { sparsity = 0.5, schedule = "iterative", rounds = 0 })
  refused("bad option 'rewind' to 'prune' ('start' or a number of epochs expected, got 'end')",
    { sparsity = 0.5, schedule = "iterative", rewind = "end" })
  refused("bad option 'rewind' to 'prune' (the option 'initial' says already what weights return to)",
    { sparsity = 0.5, schedule = "iterative", rewind = 1, initial = model })
  refused("prune: rewind goes back to epoch 3.0, but there are only 2.0",
    { sparsity = 0.5, schedule = "iterative", rewind = 3, epochs = 2, data = data })
  refused("prune: the initial model is not like this one: 'conv2d/kernel' is missing, not of shape 3x3x1x8",
    { sparsity = 0.5, schedule = "iterative", data = data, epochs = 1,
      initial = nn.sequential { nn.input { 8, 8, 1 }, nn.flatten {}, nn.dense { 4 } } })
  refused("prune: criterion 'movement' shows while training: give the schedule 'cubic'",
    { sparsity = 0.5, criterion = "movement", data = data })
  refused("bad option 'sparsity' to 'prune' (the share of 'dense' must be a number)", { sparsity = { dense = "half" } })
  refused("prune: sparsity must be in [0, 1], got 2.0", { sparsity = { dense = 2 } })
  refused("prune: sparsity names no layers", { sparsity = {} })
  refused("bad option 'scope' to 'prune' (expected 'global', 'layer' or a list of groups, got 'local')",
    { sparsity = 0.5, scope = "local" })
  refused("bad option 'scope' to 'prune' (a group is a list of words, got a number in one)",
    { sparsity = 0.5, scope = { { 1 } } })
  refused("prune: scope names layer 'dense' in two groups", { sparsity = 0.5, scope = { "dense", { "dense$" } } })
  refused("prune: no layer is called or of kind 'densest'...", { sparsity = 0.5, scope = { { "densest" } } })
end)
