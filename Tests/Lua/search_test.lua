-- Verbs that are given a target, and search for their strength.

local samples = require "samples"
local wane = require "wane"

local data = samples.images(256)
local validation = samples.images(200, 7)

test("prune finds the sparsity for a file of so many bytes", function()
  local model = samples.trained()
  local small, report = wane.prune(model, { target = { bytes = 3000 }, data = data, epochs = 1, batch_size = 32 })
  check.truthy(small.file_bytes <= 3000, small.file_bytes)
  check.truthy(small.file_bytes > 2700, small.file_bytes)
  check.equal(report.options.target.bytes, 3000)
  check.truthy(#report.trials > 3, #report.trials)
  local last = report.trials[#report.trials]
  check.equal(last.bytes, small.file_bytes)
  check.equal(last.epochs, 1.0)
  check.equal(last.sparsity, report.options.sparsity)
  check.equal(report.trials[1].epochs, 0.25)
  check.truthy(tostring(report):find("sparsity  epochs", 1, true), tostring(report))
  check.truthy(samples.same(model, samples.trained()))
  local again = wane.prune(model, { target = { bytes = 3000 }, data = data, epochs = 1, batch_size = 32 })
  check.truthy(samples.same(small, again))
end)

test("prune goes as far as the accuracy allows", function()
  local model = samples.trained()
  local options = { max_drop = 0.05, data = data, validation = validation, epochs = 2, batch_size = 32 }
  local small, report = wane.prune(model, options)
  local drop = model:evaluate(validation).accuracy - small:evaluate(validation).accuracy
  check.truthy(drop <= 0.05, drop)
  check.truthy(report.options.sparsity > 0.5, report.options.sparsity)
  local found
  for _, trial in ipairs(report.trials) do
    if trial.epochs == 2 and trial.sparsity == report.options.sparsity then found = trial end
    if trial.epochs == 2 and trial.drop <= 0.05 then check.truthy(trial.sparsity <= report.options.sparsity) end
  end
  check.near(found.drop, drop, 1e-9)
  check.equal(found.accuracy, small:evaluate(validation).accuracy)
end)

test("without validation data a tenth of the data is kept for it", function()
  local small, report = wane.prune(samples.trained(),
    { max_drop = 0.2, data = data, epochs = 1, batch_size = 32, trial_epochs = 0.5 })
  check.equal(report.trials[1].epochs, 0.5)
  check.truthy(report.history[1].validation_accuracy)
  check.truthy(small.nonzero < samples.trained().nonzero)
end)

test("every verb with a strength searches for it", function()
  local model = samples.trained()
  local function compress(method, target)
    return wane.compress(model, { method = method, target = target })
  end
  local shared, report = compress("share", { bytes = 1500 })
  check.truthy(shared.file_bytes <= 1500, shared.file_bytes)
  check.truthy(samples.count(shared, "dense/kernel") >= 2)
  check.truthy(report.trials[1].clusters)
  local slim = compress("filters", { macs = 5000 })
  check.truthy(slim.macs <= 5000 and slim.macs > 3000, slim.macs)
  local thin = compress("low_rank", { macs = math.floor(0.9 * model.macs) })
  check.truthy(thin.macs <= 0.9 * model.macs, thin.macs)
  local lean = compress("filters", { memory = 3 * model.memory_bytes // 4 })
  check.truthy(lean.memory_bytes < model.memory_bytes)
  local quick = compress("filters", { latency = 1 })
  check.truthy(quick.macs <= model.macs)
  local coarse = wane.quantize(model, { target = { bytes = 1300 }, calibration = data })
  check.truthy(coarse.file_bytes <= 1300, coarse.file_bytes)
end)

test("what cannot be reached is an error that says how near it came", function()
  local model = samples.trained()
  check.raises(
    "prune: sparsity does not reach at most 10 bytes; the best reached is ...", wane.prune, model,
    { target = { bytes = 10 } })
  check.raises("...with sparsity 0.995", wane.prune, model, { target = { bytes = 10 } })
  check.raises("compress: the target of 1 MACs is out of reach: ...", wane.compress, model,
    { method = "filters", target = { macs = 1 } })
  check.raises("...within 0.00 points of accuracy; ...", wane.compress, model,
    { method = "filters", target = { macs = 300 }, max_drop = 0, validation = validation, data = data, epochs = 0 })
end)

test("targets are checked", function()
  local model = samples.trained()
  local function bad(message, options) check.raises(message, wane.prune, model, options) end
  bad("bad option 'byte' to 'prune' option 'target' (did you mean 'bytes'?)", { target = { byte = 1 } })
  bad("bad option 'target' to 'prune' (names none of bytes, memory, macs, latency)", { target = {} })
  bad("bad option 'target' to 'prune' (bytes must be a positive number, got -1.0)", { target = { bytes = -1 } })
  bad("bad option 'target' to 'prune' (table expected, got 3)", { target = 3 })
  bad("bad option 'max_drop' to 'prune' (a fraction in [0, 1) expected, got 5)", { max_drop = 5 })
  bad("bad option 'sparsity' to 'prune' (sparsity is searched for when there is a target)",
    { target = { bytes = 9 }, sparsity = 0.5 })
  bad("bad option 'trial_epochs' to 'prune' (does nothing without 'target' or 'max_drop')", { sparsity = 0.5, trial_epochs = 1 })
  bad("prune: trial_epochs must be at least 0, got -1.0", { target = { bytes = 9 }, trial_epochs = -1 })
  bad("prune: max_drop is measured on the option 'validation', or on a tenth of 'data'", { max_drop = 0.1 })
  bad("prune: max_drop is of accuracy, and the labels of the data are not classes",
    { max_drop = 0.1, validation = wane.data.tensors(wane.zeros { 8, 8, 8, 1 }, wane.zeros { 8, 4 }) })
  check.raises("bad option 'target' to 'distill' ...", wane.distill, model, { target = { bytes = 9 } })
end)

test("a stage of a pipeline may search, too", function()
  local small, report = wane.pipeline {
    { "prune", target = { bytes = 3000 }, epochs = 0.5, batch_size = 32 },
    { "quantize", bits = 8 },
  }:run(samples.trained(), { data = data, teacher = samples.trained() })
  check.equal(report.stages[1].options.target.bytes, 3000)
  check.truthy(#report.stages[1].trials > 2)
  check.equal(#report.stages[2].trials, 0)
  check.truthy(small.file_bytes < 3000)
end)
