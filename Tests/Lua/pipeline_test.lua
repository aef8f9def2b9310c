-- wane.pipeline: verbs in sequence, each of which keeps what the ones before learned.

local samples = require "samples"
local wane = require "wane"

local recipe = {
  { "prune", sparsity = 0.8, epochs = 2, schedule = "cubic", batch_size = 32, learning_rate = 0.005 },
  { "compress", method = "share", clusters = 8, epochs = 1, batch_size = 32 },
  { "quantize", bits = 4, epochs = 1, batch_size = 32 },
}

test("what one verb learned is kept by the next", function()
  local model, data = samples.trained(), samples.images(256)
  local pipeline = wane.pipeline(recipe)
  check.truthy(tostring(pipeline):find("^wane.pipeline {\n  { \"prune\", batch_size = 32, "), tostring(pipeline))
  local tiny, report = pipeline:run(model, { data = data, teacher = model, validation = data })
  check.truthy(samples.same(model, samples.trained()))
  local distinct, zeros = samples.count(tiny, "dense/kernel")
  check.truthy(distinct <= 8, distinct)
  check.truthy(zeros > 0.5 * 1152, zeros)
  local total = 0
  for _, name in ipairs { "conv2d/kernel", "dense/kernel", "dense_1/kernel" } do
    total = total + select(2, samples.count(tiny, name))
  end
  check.truthy(total >= math.floor(0.8 * 1288 + 0.5), total)
  check.truthy(tiny.file_bytes < model.file_bytes / 6, tiny.file_bytes)
  check.truthy(tiny:evaluate(data).accuracy > 0.8, tiny:evaluate(data).accuracy)

  check.equal(#report.stages, 3)
  check.equal(report.stages[1].verb, "prune")
  check.equal(report.stages[2].options.clusters, 8)
  check.equal(#report.stages[1].history, 2)
  check.truthy(report.stages[1].history[2].validation_accuracy)
  check.equal(report.verb, "quantize")
  check.equal(report.bytes_before, model.file_bytes)
  check.equal(report.bytes_after, tiny.file_bytes)
  local text = tostring(report)
  for _, part in ipairs { "prune (", "compress (", "quantize (", "times smaller" } do
    check.truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
  end
end)

test("a pipeline runs again, with the same result, on this and on other models", function()
  local data = samples.images(128)
  local pipeline = wane.pipeline(recipe)
  local one = pipeline:run(samples.trained(), { data = data })
  local again = pipeline:run(samples.trained(), { data = data })
  check.truthy(samples.same(one, again))
  check.equal((samples.same(one, (pipeline:run(samples.network(), { data = data })))), false)
end)

test("verbs one by one come to the same", function()
  local data = samples.images(128)
  local by_pipeline = wane.pipeline {
    { "prune", sparsity = 0.5 }, { "compress", method = "share", clusters = 6 }, { "quantize", bits = 8 },
  }:run(samples.trained(), { calibration = data })
  local by_hand = wane.prune(samples.trained(), { sparsity = 0.5 })
  by_hand = wane.compress(by_hand, { method = "share", clusters = 6 })
  by_hand = wane.quantize(by_hand, { bits = 8, calibration = data })
  check.truthy(samples.same(by_pipeline, by_hand))
end)

test("constraints hold in any order, and while training on", function()
  local data = samples.images(128)
  local tune = { epochs = 1, batch_size = 32 }
  local stages = {
    prune = { "prune", sparsity = 0.6 },
    share = { "compress", method = "share", clusters = 8 },
    quantize = { "quantize", bits = 4 },
    narrow = { "compress", method = "filters", ratio = 0.25 },
  }
  local orders = {
    { "prune", "share", "quantize" }, { "prune", "quantize", "share" }, { "share", "prune", "quantize" },
    { "share", "quantize", "prune" }, { "quantize", "prune", "share" }, { "quantize", "share", "prune" },
    { "prune", "narrow", "share" }, { "share", "narrow", "quantize" }, { "narrow", "prune", "quantize" },
  }
  for _, order in ipairs(orders) do
    local list, has = {}, {}
    for i, name in ipairs(order) do
      list[i] = { epochs = tune.epochs, batch_size = tune.batch_size }
      for key, value in pairs(stages[name]) do list[i][key] = value end
      has[name] = true
    end
    local what = table.concat(order, " ")
    local model = wane.pipeline(list):run(samples.trained(), { data = data })
    local function holds(when)
      local distinct, zeros = samples.count(model, "dense/kernel")
      if has.share then check.truthy(distinct <= 8, ("%s %s: %d values"):format(what, when, distinct)) end
      if has.prune and not has.narrow then
        check.truthy(zeros > 200, ("%s %s: %d zeros"):format(what, when, zeros))
      end
    end
    holds "after the pipeline"
    model:fit(data, { epochs = 1, batch_size = 32 })
    holds "after training on"
  end
end)

test("distill takes its teacher from the stage or from the run", function()
  local data = samples.images(128)
  local stage = { "distill", epochs = 1, batch_size = 32 }
  local one, report = wane.pipeline { stage }:run(samples.network(), { data = data, teacher = samples.trained() })
  check.equal(report.verb, "distill")
  stage.teacher = samples.trained()
  local other = wane.pipeline { stage }:run(samples.network(), { data = data })
  check.truthy(samples.same(one, other))
  check.raises("...needs the option 'teacher' or 'peers'", function()
    return wane.pipeline { { "distill", epochs = 1 } }:run(samples.network(), { data = data })
  end)
end)

test("stages are checked before anything runs", function()
  local function bad(message, list) check.raises(message, wane.pipeline, list) end
  bad("...a list of stages expected, such as...", {})
  bad("...a list of stages expected, such as...", { prune = {} })
  bad("...stage 1 must start with a verb...", { "prune" })
  bad("...stage 1 must start with a verb...", { {} })
  bad("...stage 2: no verb 'prun' (did you mean 'prune'?)...", { { "quantize" }, { "prun" } })
  bad("bad option 'sparcity' to 'prune' (did you mean 'sparsity'?)", { { "prune", sparcity = 0.5 } })
  bad("missing option 'sparsity' to 'prune'", { { "prune" } })
  bad("prune: sparsity must be in [0, 1], got 1.5", { { "prune", sparsity = 1.5 } })
  bad("quantize: bits must be in 1..8, got 9", { { "quantize", bits = 9 } })
  bad("compress: clusters must be in 2..256, got 0", { { "compress", method = "share", clusters = 0 } })
  bad("bad option 'epochs' to 'prune' ...", { { "prune", sparsity = 0.5, epochs = 1e18 } })
  bad("...temperature...", { { "distill", teacher = samples.network(), temperature = 0 / 0 } })
  check.raises("...(table expected, got no value)", wane.pipeline)
end)

test("a run names its options and what is wrong", function()
  local pipeline, model = wane.pipeline { { "prune", sparsity = 0.5 } }, samples.network()
  check.raises("bad option 'dta' to 'run' (did you mean 'data'?)", pipeline.run, pipeline, model,
    { dta = samples.images(8) })
  check.raises("...(Model expected, got table)", pipeline.run, pipeline, {})
  check.raises("...empty", pipeline.run, wane.pipeline { { "prune", sparsity = 0.5, epochs = 1 } }, model,
    { data = samples.images(8):take(0) })
  check.raises("...needs the option 'data'...", pipeline.run,
    wane.pipeline { { "prune", sparsity = 0.5, epochs = 1 } }, model)
end)
