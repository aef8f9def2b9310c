-- wane.compress: shared weights, and fewer filters.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local share, narrow = samples.share, samples.narrow

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
  check.truthy(tostring(report):find("1 152 → 8", 1, true), tostring(report))
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
  check.raises("...bad option 'method' to 'compress' (expected one of 'share', 'tie', 'filters', 'layers', 'merge', " ..
    "'low_rank', 'entropy', got 'filter' " ..
    "(did you mean 'filters'?))", wane.compress, model, { method = "filter" })
  check.raises("...(Model expected, got table)", wane.compress, {}, { method = "share" })
  check.raises("...(Model expected, got no value)", wane.compress)
  check.raises("...(Model expected, got Tensor)", wane.compress, wane.zeros { 2 }, { method = "share" })
  check.raises("...(table of options expected, got number)", wane.compress, model, 3)
  check.raises("...bad option 'data' to 'compress' (Dataset expected, got Tensor)", share, model,
    { data = wane.zeros { 2 } })
  check.raises("...bad option 'teacher' to 'compress' (Model or list of them expected, got Dataset)", share, model,
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

test("convolutions are split in several ways, by energy, ratio and budget", function()
  local model = nn.sequential {
    nn.input { 8, 8, 4 }, nn.conv2d { 12, 3, padding = "same", activation = "relu" },
    nn.conv2d { 16, 3, strides = 2 }, nn.flatten {}, nn.dense { 4, activation = "softmax" },
  }
  local inputs = wane.rand({ 40, 8, 8, 4 }, { seed = 1 })
  local data = wane.data.tensors(inputs, wane.randint({ 40 }, 0, 3, { seed = 2 }))
  local function split(options)
    options.method = "low_rank"
    return wane.compress(model, options)
  end
  local parts = {
    svd = "reduce expand", spatial_svd = "vertical horizontal", tucker = "reduce core expand",
  }
  for decomposition, names in pairs(parts) do
    local small, report = split { decomposition = decomposition, ratio = 0.7, only = "conv2d_1" }
    check.equal(report.options.decomposition, decomposition)
    check.equal(#report.layers, 1)
    check.equal(report.layers[1].macs.after < report.layers[1].macs.before, true)
    local found = table.concat(small:parameter_names(), " ")
    for name in names:gmatch "%a+" do
      check.truthy(found:find("conv2d_1/" .. name .. "/kernel", 1, true), decomposition .. " " .. name)
    end
    local row = report.layers[1]
    check.truthy(decomposition == "tucker" and row.input_rank and row.output_rank or row.rank)
    -- What comes after goes on from there, and a file holds it.
    local tiny = wane.quantize(wane.compress(wane.prune(small, { sparsity = 0.5 }), { method = "share", clusters = 8 }),
      { bits = 8, calibration = data })
    local path = os.tmpname()
    tiny:save(path)
    check.equal(wane.load(path):predict(data), tiny:predict(data))
    os.remove(path)
  end
  local thin, report = split { decomposition = "auto", target = { macs_ratio = 2 }, data = data, epochs = 1 }
  check.truthy(2 * thin.macs <= model.macs, thin.macs)
  check.equal(report.options.macs_ratio, 2)
  check.equal(#report.history, 1)
  thin = split { target = { parameters = 2000 } }
  check.truthy(thin.parameters <= 2000, thin.parameters)
  check.raises("...compress: the target of 100 parameters is out of reach: ...", split, { target = { parameters = 100 } })
  check.raises("...bad option 'decomposition' to 'compress' (expected one of 'svd', 'spatial_svd', 'tucker', 'auto', " ..
    "got 'tuckr' (did you mean 'tucker'?))", split, { decomposition = "tuckr" })
  check.raises("...bad option 'energy' to 'compress' (ranks are chosen by the target)", split,
    { energy = 0.5, target = { macs = 1000 } })
  check.raises("...bad option 'target' to 'compress' (macs must be a positive number, got -1)", split,
    { target = { macs = -1 } })
  check.raises("...bad option 'target' to 'compress' (parameters is for low rank, and stands alone)", split,
    { target = { parameters = 1000, macs = 1000 } })
end)

-- ---- Fewer filters: criteria, numbers, targets --------------------------------------------------

test("every criterion, with what it needs", function()
  local model, data = samples.trained(), samples.images(128)
  for _, criterion in ipairs { "l1", "l2", "geometric_median", "random" } do
    check.equal(narrow(model, { criterion = criterion, ratio = 0.5 }):parameter("dense/kernel").shape[2], 8)
  end
  for _, criterion in ipairs { "taylor", "activation", "apoz", "reconstruction" } do
    local slim, report = narrow(model, { criterion = criterion, ratio = 0.5, data = data, epochs = 0 })
    check.equal(slim:parameter("dense/kernel").shape[2], 8)
    check.equal(report.options.criterion, criterion)
    check.raises("...compress: criterion '" .. criterion .. "' needs the option 'data'", narrow, model,
      { criterion = criterion })
  end
  local report = select(2, narrow(model, { criterion = "bn_scale" }))
  check.equal(#report.layers, 0)
  check.equal(report.skipped[#report.skipped].reason, "has no batch normalization behind it")
  check.raises("...bad option 'criterion' to 'compress' (expected one of 'l1', ...", narrow, model,
    { criterion = "l3" })
end)

test("ratios by layer, useful multiples, least numbers, global scope", function()
  local model = samples.trained()
  local slim, report = narrow(model, { ratio = { conv2d = 0.25, ["dense.*"] = 0.5 } })
  check.equal(report.layers[1].filters.after, 6)
  check.equal(report.layers[2].units.after, 8)
  check.equal(report.options.ratios.conv2d, 0.25)
  check.equal(slim:parameter("dense_1/kernel").shape[1], 8)
  slim = narrow(model, { ratio = 0.9, round_to = 4, min_filters = 5 })
  check.equal(slim:parameter("conv2d/kernel").shape[4], 8)
  check.equal(slim:parameter("dense/kernel").shape[2], 8)
  report = select(2, narrow(model, { ratio = 0.5, scope = "global" }))
  check.equal(report.layers[1].filters.after + report.layers[2].units.after, 12)
  check.raises("...bad option 'ratio' to 'compress' (the share of 'conv2d' must be a number)", narrow, model,
    { ratio = { conv2d = "half" } })
  check.raises("...bad option 'ratio' to 'compress' (a number, or a table such as ...", narrow, model, { ratio = { 0.5 } })
  check.raises("...compress: round_to must be in 1..1048576, got 0", narrow, model, { round_to = 0 })
  check.raises("...no layer is called or of kind 'konv'...", narrow, model, { ratio = { konv = 0.5 } })
end)

test("a target of MACs is reached at once", function()
  local model = samples.trained()
  local slim, report = narrow(model, { target = { macs_ratio = 3.5 } })
  check.truthy(model.macs / slim.macs >= 3.5 and model.macs / slim.macs < 6, slim.macs)
  check.equal(report.options.macs_ratio, 3.5)
  slim = narrow(model, { target = { macs = 2000 }, scope = "global" })
  check.truthy(slim.macs <= 2000 and slim.macs > 1000, slim.macs)
  check.raises("...compress: the target of 5 MACs is out of reach: ...", narrow, model, { target = { macs = 5 } })
  check.raises("...compress: target macs_ratio must be at least 1, got 0.5", narrow, model,
    { target = { macs_ratio = 0.5 } })
  check.raises("...bad option 'ratio' to 'compress' (ratio is searched for when there is a target)", narrow, model,
    { target = { macs_ratio = 2 }, ratio = 0.5 })
  check.raises("...bad option 'target' to 'compress' (macs_ratio is for fewer filters and low rank, and stands alone)", share,
    model, { target = { macs_ratio = 2 } })
end)

-- ---- Merging ----------------------------------------------------------------------------------

test("layers that make one are one", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 8, 3 }, nn.batch_norm {}, nn.relu {}, nn.flatten {},
    nn.dense { 64 }, nn.dense { 4, activation = "softmax" },
  }
  model:fit(samples.images(64), { epochs = 1 })
  local merged, report = wane.compress(model, { method = "merge" })
  check.equal(samples.layers(report.layers), "batch_norm dense_1")
  check.equal(report.layers[2].action, "took 'dense' in")
  check.equal(table.concat(merged:parameter "dense_1/kernel".shape, "x"), "288x4")
  local data = samples.images(20)
  local distance = (merged:predict(data) - model:predict(data)):abs():max()
  check.truthy(distance < 1e-5, distance)
  check.raises("...nothing here can be stronger or weaker...", wane.compress, model,
    { method = "merge", target = { bytes = 100 } })
end)

-- ---- Fewer layers -------------------------------------------------------------------------------

test("layers that are like their operand, or cost least, go", function()
  local x = nn.input { 8, 8, 1 }
  local y = nn.conv2d { 6, 3, padding = "same", activation = "relu", name = "first" } (x)
  local block = nn.conv2d { 6, 3, padding = "same", name = "inner" } (y)
  y = nn.add { name = "sum" } { y, block }
  y = nn.conv2d { 8, 3, activation = "relu", name = "last" } (y)
  local model = nn.model { inputs = x, outputs = nn.dense { 4, activation = "softmax" } (nn.flatten {} (y)) }
  local data = samples.images(256)
  model:fit(data, { epochs = 4, learning_rate = 0.01, batch_size = 32 })
  local small, report = wane.compress(model, { method = "layers", data = data, epochs = 1 })
  check.truthy(small.macs < model.macs)
  check.equal(report.options.criterion, "cost")
  check.equal(report.options.count, 1)
  check.truthy(report.layers[1].loss.after)
  check.truthy(report.layers[1].correlation.after <= 1)
  check.equal(#report.history, 1)
  check.equal(samples.layers(report.skipped), "dense")
  check.equal(report.skipped[1].reason, "gives the model's result")
  small, report = wane.compress(model, { method = "layers", criterion = "correlation", threshold = -1, count = 1,
    only = "inner", data = data, epochs = 0 })
  check.equal(report.layers[1].layer, "sum")
  check.equal(report.layers[2].layer, "inner")
  check.equal(small.macs, model.macs - 64 * 9 * 36)
  small, report = wane.compress(model, { method = "layers", criterion = "correlation", threshold = 1, data = data,
    epochs = 0 })
  check.truthy(samples.same(small, model))
  check.equal(report.layers[1].action, "kept")
  small, report = wane.compress(model, { method = "layers", ratio = 0.5, data = data, epochs = 0 })
  check.equal(report.options.ratio, 0.5)
  check.equal(report.options.count, nil)
  check.truthy(small.macs < model.macs - 64 * 9 * 36)
  small, report = wane.prune(model, { unit = "layer", ratio = 0.25, data = data, epochs = 0 })
  check.truthy(small.macs < model.macs)
  check.truthy(report.layers[1].action ~= "kept")
  check.equal(report.options.threshold, nil)
  local function fewer(options)
    options.method = "layers"
    return wane.compress(model, options)
  end
  check.raises("...compress: layers are judged on samples: give the option 'data'", fewer, {})
  check.raises("...compress: threshold must be in [-1, 1], got 2...", fewer, { data = data, threshold = 2 })
  check.raises("...compress: count must be at least 1, got 0", fewer, { data = data, count = 0 })
  check.raises("...compress: ratio must be in [0, 1), got 1...", fewer, { data = data, ratio = 1 })
  check.raises("...bad option 'count' to 'compress' (either count or ratio, not both)", fewer,
    { data = data, ratio = 0.5, count = 1 })
  check.raises("...bad option 'criterion' to 'compress' ('l2' does not judge layers)", fewer,
    { data = data, criterion = "l2" })
  check.raises("...bad option 'criterion' to 'compress' ('cost' does not judge filters)", narrow, model,
    { criterion = "cost" })
end)
