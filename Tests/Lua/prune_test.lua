-- wane.prune: weights that become zero and stay so.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local prune = wane.prune
local kernels = { "conv2d/kernel", "dense/kernel", "dense_1/kernel" }
local weights = 72 + 1152 + 64

local function zeros(model)
  local total = 0
  for _, name in ipairs(kernels) do total = total + select(2, samples.count(model, name)) end
  return total
end

test("a share of all weights becomes zero, and the argument stays as it is", function()
  local model = samples.trained()
  local sparse, report = prune(model, { sparsity = 0.9 })
  check.truthy(samples.same(model, samples.trained()))
  check.equal(zeros(sparse), math.floor(0.9 * weights + 0.5))
  check.truthy(sparse.file_bytes < model.file_bytes / 2, sparse.file_bytes)
  check.equal(report.verb, "prune")
  check.equal(report.options.sparsity, 0.9)
  check.equal(report.options.criterion, "magnitude")
  check.equal(report.options.scope, "global")
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  local after = 0
  for _, row in ipairs(report.layers) do after = after + row.zeros.after end
  check.equal(after, zeros(sparse))
  check.equal(sparse.nonzero, sparse.parameters - zeros(sparse) - (model.parameters - model.nonzero - zeros(model)))
end)

test("single weights are the usual unit", function()
  local model = samples.trained()
  check.truthy(samples.same(prune(model, { sparsity = 0.6 }), (prune(model, { sparsity = 0.6, unit = "weight" }))))
end)

test("the smallest go", function()
  local model = samples.trained()
  local sparse = prune(model, { sparsity = 0.5, only = "dense" })
  local old = model:parameter "dense/kernel":flatten():tolist()
  local new = sparse:parameter "dense/kernel":flatten():tolist()
  local smallest_kept, largest_gone = math.huge, 0
  for i, value in ipairs(new) do
    if value == 0 then largest_gone = math.max(largest_gone, math.abs(old[i]))
    else
      check.equal(value, old[i])
      smallest_kept = math.min(smallest_kept, math.abs(value))
    end
  end
  check.truthy(largest_gone <= smallest_kept)
  check.equal(select(2, samples.count(sparse, "dense_1/kernel")), 0)
end)

test("each layer gives its share when asked to", function()
  local sparse, report = prune(samples.trained(), { sparsity = 0.75, scope = "layer" })
  for _, row in ipairs(report.layers) do check.near(row.sparsity.after, 0.75, 0.01) end
  check.equal(select(2, samples.count(sparse, "dense_1/kernel")), 48)
end)

test("zeros stay zero in training", function()
  local data = samples.images(256)
  local sparse = prune(samples.trained(), { sparsity = 0.8 })
  local before = {}
  for _, name in ipairs(kernels) do before[name] = sparse:parameter(name):eq(0) end
  sparse:fit(data, { epochs = 2, batch_size = 32, learning_rate = 0.01 })
  for _, name in ipairs(kernels) do
    check.truthy(sparse:parameter(name):eq(0):logical_or(before[name]:logical_not()):all(), name)
  end
end)

test("a schedule reaches the share while training", function()
  local data = samples.images(512)
  local sparse, report = prune(samples.trained(),
    { sparsity = 0.9, schedule = "cubic", data = data, epochs = 3, batch_size = 32, learning_rate = 0.005 })
  check.equal(zeros(sparse), math.floor(0.9 * weights + 0.5))
  check.equal(#report.history, 3)
  check.truthy(sparse:evaluate(data).accuracy > 0.9, sparse:evaluate(data).accuracy)
end)

test("by effect on the loss, at once and gradually", function()
  local data = samples.images(256)
  for _, options in ipairs { { epochs = 0 }, { epochs = 2, schedule = "cubic" } } do
    options.sparsity, options.criterion, options.data, options.batch_size = 0.7, "taylor", data, 32
    local sparse = prune(samples.trained(), options)
    check.equal(zeros(sparse), math.floor(0.7 * weights + 0.5))
  end
end)

test("the ends: nothing, all, and all but one weight of each kernel", function()
  local model = samples.trained()
  check.truthy(samples.same(model, (prune(model, { sparsity = 0 }))))
  check.equal(zeros((prune(model, { sparsity = 1 }))), weights)
  check.equal(zeros((prune(model, { sparsity = 0.9999 }))), weights - 3)
end)

test("pruning again with a lower share takes nothing away", function()
  local sparse = prune(samples.trained(), { sparsity = 0.8 })
  local again, report = prune(sparse, { sparsity = 0.3 })
  check.truthy(samples.same(sparse, again))
  check.equal(report.layers[2].action, "kept all weights")
  check.equal(zeros((prune(sparse, { sparsity = 0.9 }))), math.floor(0.9 * weights + 0.5))
end)

test("skipped layers, unknown ones and a chosen few", function()
  local model = samples.trained()
  local _, report = prune(model, { sparsity = 0.5, only = { "dense", "max_pool2d" } })
  check.equal(samples.layers(report.layers), "dense")
  check.equal(samples.layers(report.skipped), "max_pool2d")
  check.truthy(report.skipped[1].reason:find "no kernel", report.skipped[1].reason)
  check.raises("prune: no layer is called or of kind 'densest'...", prune, model, { sparsity = 0.5, only = "densest" })
end)

test("options out of range", function()
  local model, data = samples.network(), samples.images(8)
  for _, sparsity in ipairs { 1.5, -0.1, 1e300, 0 / 0, 1 / 0 } do
    check.raises("prune: sparsity must be in [0, 1], got ...", prune, model, { sparsity = sparsity })
  end
  check.raises("missing option 'sparsity' to 'prune'", prune, model, {})
  check.raises("bad option 'sparsity' to 'prune' (number expected, got '0.5')", prune, model, { sparsity = "0.5" })
  check.raises("bad option 'sparcity' to 'prune' (did you mean 'sparsity'?)", prune, model, { sparcity = 0.5 })
  check.raises("bad option 'schedule' to 'prune' (expected one of 'constant', 'one_shot', 'cubic'...", prune,
    model, { sparsity = 0.5, schedule = "cube" })
  check.raises("bad option 'unit' to 'prune' (expected one of 'weight'...", prune, model,
    { sparsity = 0.5, unit = "wait" })
  check.raises("prune: schedule 'cubic' prunes while training: give the options 'data' and 'epochs'", prune, model,
    { sparsity = 0.5, schedule = "cubic" })
  check.raises("prune: schedule 'cubic' ...", prune, model,
    { sparsity = 0.5, schedule = "cubic", data = data, epochs = 0 })
  check.raises("prune: criterion 'taylor' needs the option 'data'", prune, model,
    { sparsity = 0.5, criterion = "taylor" })
  check.raises("...empty", prune, model, { sparsity = 0.5, criterion = "taylor", data = data:take(0), epochs = 0 })
  check.raises("prune: the model has no layer with weights", prune,
    nn.sequential { nn.input { 4 }, nn.activation { "relu" } }, { sparsity = 0.5 })
end)

-- ---- Units that go whole ------------------------------------------------------------------------

test("filters, heads and layers go whole", function()
  local model, data = samples.trained(), samples.images(128)
  local slim, report = wane.prune(model, { unit = "filter", ratio = 0.5 })
  check.equal(slim:parameter("dense/kernel").shape[2], 8)
  check.equal(report.verb, "prune")
  check.raises("...missing option 'ratio' to 'prune'", wane.prune, model, { unit = "filter" })
  check.raises("...bad option 'sparsity' to 'prune' (belongs to unit 'weight', 'block', 'row', 'column' or 'n:m', not...",
    wane.prune, model, { unit = "filter", sparsity = 0.5 })
  check.raises("...prune: ratio must be in [0, 1), got 1...", wane.prune, model, { unit = "filter", ratio = 1 })
  check.raises("...bad option 'criterion' to 'prune' ('cost' does not judge filters)", wane.prune, model,
    { unit = "filter", ratio = 0.5, criterion = "cost" })
  check.raises("...prune: there is no attention in the model, or none is selected", wane.prune, model,
    { unit = "head", ratio = 0.5 })

  local small
  small, report = wane.prune(model, { unit = "layer", threshold = -1, count = 1, data = data, epochs = 0 })
  check.truthy(small.macs < model.macs)
  check.equal(report.verb, "prune")
  check.equal(report.options.criterion, "correlation")
  check.raises("...prune: layers are judged on samples: give the option 'data'", wane.prune, model, { unit = "layer" })
  check.raises("...bad option 'sparsity' to 'prune' (belongs to unit 'weight', 'block', 'row', 'column' or 'n:m', not...",
    wane.prune, model, { unit = "layer", sparsity = 0.5 })

  local x = wane.nn.input { 5, 8 }
  local y = wane.nn.multi_head_attention { num_heads = 4, key_dim = 2, name = "attention" } (x)
  local seeing = wane.nn.model { inputs = x, outputs = wane.nn.dense { 2 } (wane.nn.flatten {} (y)) }
  small, report = wane.prune(seeing, { unit = "head", ratio = 0.5 })
  check.equal(report.layers[1].layer, "attention")
  check.equal(report.layers[1].heads.after, 2)
  check.equal(table.concat(small:parameter "attention/query/kernel".shape, "x"), "8x4")
  check.equal(table.concat(small:parameter "attention/attention_output/kernel".shape, "x"), "4x8")
end)
