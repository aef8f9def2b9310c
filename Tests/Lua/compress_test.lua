-- wane.compress: shared weights, and fewer filters.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local function share(model, options)
  options.method = "share"
  return wane.compress(model, options)
end

local function narrow(model, options)
  options.method = "filters"
  return wane.compress(model, options)
end

-- ---- Shared weights ---------------------------------------------------------------------------

test("shared weights have few values, and the argument stays as it is", function()
  local model = samples.trained()
  local small, report = share(model, { clusters = 8 })
  check.truthy(samples.same(model, samples.trained()))
  check.equal(samples.count(small, "dense/kernel"), 8)
  check.equal(samples.count(small, "conv2d/kernel"), 8)
  check.truthy(small.file_bytes < model.file_bytes / 3, small.file_bytes)
  check.truthy(small.bytes < model.bytes / 3, small.bytes)
  check.equal(report.verb, "compress")
  check.equal(report.options.clusters, 8)
  check.equal(report.options.method, "share")
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.equal(report.layers[2].values.after, 8)
  check.equal(report.bytes_before, model.file_bytes)
  check.equal(report.bytes_after, small.file_bytes)
  check.equal(#report.history, 0)
  check.truthy(tostring(report):find("values 1 152 → 8", 1, true), tostring(report))
end)

test("fine-tuning moves the values, and shares them still", function()
  local model, data = samples.trained(), samples.images(256)
  local plain = share(model, { clusters = 4 })
  local tuned, report = share(model, { clusters = 4, data = data, validation = data, epochs = 1.5 })
  check.equal(samples.count(tuned, "dense/kernel"), 4)
  check.equal((samples.same(plain, tuned)), false)
  check.equal(#report.history, 2)
  check.equal(report.history[2].epoch, 1.5)
  check.truthy(report.history[2].validation_accuracy > 0.9)
end)

test("every start of the clusters works, and a seed repeats it", function()
  local model = samples.trained()
  for _, initial in ipairs { "linear", "density", "random", "kmeans++" } do
    local one = share(model, { clusters = 5, initial = initial, seed = 7 })
    check.equal(samples.count(one, "dense/kernel"), 5, initial)
    check.truthy(samples.same(one, share(model, { clusters = 5, initial = initial, seed = 7 })), initial)
  end
end)

test("a kernel too small for a codebook is skipped with the reason", function()
  local model = nn.sequential { nn.input { 2 }, nn.dense { 40 }, nn.dense { 1 } }
  local small, report = share(model, { clusters = 64, only = "dense_1" })
  check.equal(samples.layers(report.skipped), "dense_1")
  check.truthy(report.skipped[1].reason:find "more bytes", report.skipped[1].reason)
  check.truthy(samples.same(model, small))
  check.truthy(tostring(report):find("skipped dense_1: ", 1, true))
end)

-- ---- Fewer filters ----------------------------------------------------------------------------

test("filters are really taken out", function()
  local model = samples.trained()
  local slim, report = narrow(model, { ratio = 0.5 })
  check.truthy(samples.same(model, samples.trained()))
  check.equal(table.concat(slim:parameter "conv2d/kernel".shape, "x"), "3x3x1x4")
  check.equal(table.concat(slim:parameter "dense/kernel".shape, "x"), "36x8")
  check.equal(table.concat(slim:parameter "dense_1/kernel".shape, "x"), "8x4")
  check.truthy(slim.macs < model.macs / 2)
  check.equal(samples.layers(report.layers), "conv2d dense")
  check.equal(report.layers[1].filters.before, 8)
  check.equal(report.layers[1].filters.after, 4)
  check.equal(samples.layers(report.skipped), "dense_1")
  check.equal(#slim:predict(samples.images(3)), 3)
  check.truthy(samples.same(slim, (narrow(model, { ratio = 0.5, criterion = "l2" }))))
end)

test("a ratio of 0 takes nothing, and one near 1 leaves a filter", function()
  local model = samples.trained()
  check.truthy(samples.same(model, (narrow(model, { ratio = 0 }))))
  local thin = narrow(model, { ratio = 0.999, criterion = "l1" })
  check.equal(table.concat(thin:parameter "dense/kernel".shape, "x"), "9x1")
end)

test("fine-tuning brings the accuracy back", function()
  local model, data = samples.trained(), samples.images(512)
  local slim, report = narrow(model, { ratio = 0.5, data = data, epochs = 3, batch_size = 32, learning_rate = 0.01 })
  check.truthy(slim:evaluate(data).accuracy > 0.9)
  check.equal(#report.history, 3)
end)

-- ---- Layers -----------------------------------------------------------------------------------

test("only and except choose layers by name, kind and pattern", function()
  local model = samples.trained()
  local function treated(options)
    options.clusters = 4
    local _, report = share(model, options)
    return samples.layers(report.layers)
  end
  check.equal(treated { only = "dense" }, "dense")
  check.equal(treated { only = "conv2d" }, "conv2d")
  check.equal(treated { only = "^dense" }, "dense dense_1")
  check.equal(treated { only = { "conv2d", "dense_1" } }, "conv2d dense_1")
  check.equal(treated { except = "conv2d" }, "dense dense_1")
  check.equal(treated { only = "dense.*", except = { "dense_%d" } }, "dense")
  local _, report = share(model, { clusters = 4, only = { "flatten", "dense" } })
  check.equal(samples.layers(report.skipped), "flatten")
  check.raises("...no layer is called or of kind 'danse'...", treated, { only = "danse" })
  check.raises("...compress: no layer with weights is selected", treated, { only = "flatten" })
  check.raises("...compress: no layer with weights is selected", treated, { except = ".*" })
  check.raises("...", treated, { only = "[" })
  check.raises("...bad option 'only' to 'compress' (string or list of them expected, got 3)", treated, { only = 3 })
  check.raises("...bad option 'only' to 'compress' (string expected, got true)", treated, { only = { true } })
end)

-- ---- Errors -----------------------------------------------------------------------------------

test("options out of range", function()
  local model = samples.network()
  for _, clusters in ipairs { 0, 1, 257, -3, math.maxinteger } do
    check.raises("...compress: clusters must be in 2..256, got " .. clusters, share, model, { clusters = clusters })
  end
  check.raises("...bad option 'clusters' to 'compress' (integer expected, got 2.5)", share, model, { clusters = 2.5 })
  check.raises("...bad option 'clusters' to 'compress' (integer expected, got nan)", share, model, { clusters = 0 / 0 })
  check.raises("...bad option 'clusters' to 'compress' (integer expected, got '8')", share, model, { clusters = "8" })
  for _, ratio in ipairs { -0.1, 1, 1.5, 1e300, 0 / 0 } do
    check.raises("...compress: ratio must be in [0, 1), got ...", narrow, model, { ratio = ratio })
  end
end)

test("options that are not there, missing or wrong", function()
  local model = samples.network()
  check.raises("...missing option 'method' to 'compress'", wane.compress, model, {})
  check.raises("...missing option 'method' to 'compress'", wane.compress, model)
  check.raises("...bad option 'cluster' to 'compress' (did you mean 'clusters'?)", share, model, { cluster = 3 })
  check.raises("...bad option 'method' to 'compress' (expected one of 'share', 'filters', 'low_rank', got 'filter' " ..
    "(did you mean 'filters'?))", wane.compress, model, { method = "filter" })
  check.raises("...(Model expected, got table)", wane.compress, {}, { method = "share" })
  check.raises("...(Model expected, got no value)", wane.compress)
  check.raises("...(Model expected, got Tensor)", wane.compress, wane.zeros { 2 }, { method = "share" })
  check.raises("...(table of options expected, got number)", wane.compress, model, 3)
  check.raises("...bad option 'data' to 'compress' (Dataset expected, got Tensor)", share, model,
    { data = wane.zeros { 2 } })
  check.raises("...bad option 'teacher' to 'compress' (Model expected, got Dataset)", share, model,
    { teacher = samples.images(2) })
  check.raises("...bad option [1] to 'compress' ...", share, model, { 3 })
end)

test("fine-tuning refuses what it cannot use", function()
  local model, data = samples.network(), samples.images(8)
  local function tune(options)
    options.data = options.data or data
    return share(model, options)
  end
  check.raises("...bad option 'epochs' to 'compress' (a number from 0 to a million expected, got ...", tune,
    { epochs = 1e18 })
  check.raises("...bad option 'epochs' ...", tune, { epochs = -1 })
  check.raises("...bad option 'epochs' ...", tune, { epochs = 0 / 0 })
  check.raises("...bad option 'batch_size' to 'compress' (must be at least 1, got 0)", tune, { batch_size = 0 })
  check.raises("...learning_rate must be greater than 0, got ...", tune, { learning_rate = -1 })
  check.raises("...learning_rate must be greater than 0, got ...", tune, { learning_rate = 0 / 0 })
  check.raises("...learning_rate must be greater than 0, got ...", tune, { learning_rate = 1e300 })
  check.raises("...alpha...", tune, { teacher = model, alpha = 2 })
  check.raises("...temperature...", tune, { teacher = model, temperature = 0 / 0 })
  check.raises("...empty", tune, { data = data:take(0) })
  check.raises("...", tune, { data = wane.data.tensors(wane.zeros { 4, 5 }, wane.zeros({ 4 }, "i32")) })
  check.raises("...", tune, { data = wane.data.tensors(data.inputs, wane.full({ 8 }, 9, "i32")) })
  check.raises("...needs the option 'data'...", share, model, { epochs = 1 })
  local whole = tune { batch_size = math.maxinteger, epochs = 1 }
  check.equal(whole.parameters, model.parameters)
end)

test("a model without weights", function()
  local model = nn.sequential { nn.input { 8, 8, 1 }, nn.max_pool2d { 2 }, nn.flatten {} }
  check.raises("...compress: the model has no layer with weights", share, model, {})
  check.raises("...compress: the model has no layer with weights", narrow, model, {})
end)

test("low rank makes two thin layers of one, and other verbs go on from there", function()
  local model, data = samples.trained(), samples.images(64)
  local before = model:parameter "dense/kernel"
  local small, report = wane.compress(model, { method = "low_rank", ratio = 0.6, only = "dense", data = data, epochs = 1 })
  check.equal(model:parameter "dense/kernel", before)
  check.truthy(small.parameters < model.parameters)
  check.truthy(table.concat(small:parameter_names(), " "):find("dense/reduce/kernel", 1, true))
  check.truthy(tostring(report):find("split in two", 1, true))
  local tiny = wane.quantize(wane.prune(small, { sparsity = 0.5 }), { bits = 8, calibration = data })
  check.truthy(tiny.file_bytes < small.file_bytes)
  local path = os.tmpname()
  tiny:save(path)
  check.equal(wane.load(path):predict(data), tiny:predict(data))
  os.remove(path)
  check.raises("...energy must be in (0, 1], got 2...", wane.compress, model, { method = "low_rank", energy = 2 })
  check.raises("...bad option 'ratio' to 'compress' (either ratio or energy, not both)", wane.compress, model,
    { method = "low_rank", energy = 0.5, ratio = 0.5 })
end)
