-- Options that would be ignored beside others are refused, in every verb.

local samples = require "samples"
local wane = require "wane"

local model, data = samples.network(), samples.images(8)

--- Says that an option is refused, and how the reason starts.
local function refused(verb, option, reason, options)
  check.raises(("...bad option '%s' to '%s' (%s..."):format(option, verb, reason), wane[verb], model, options)
end

test("compress refuses what belongs to another method", function()
  local owners = {
    clusters = { 4, { share = true } },
    initial = { "linear", { share = true } },
    per = { "channel", { share = true } },
    ratio = { 0.5, { filters = true, layers = true, low_rank = true } },
    energy = { 0.9, { low_rank = true } },
    rate = { 0.01, { entropy = true } },
    scope = { "layer", { filters = true } },
    round_to = { 2, { filters = true } },
    min_filters = { 2, { filters = true } },
    refit = { true, { filters = true } },
    threshold = { 0.9, { layers = true, tie = true } },
    count = { 1, { layers = true, tie = true } },
    decomposition = { "tucker", { low_rank = true } },
    layers = { {}, { tie = true } },
  }
  for option, owner in pairs(owners) do
    for _, method in ipairs { "share", "tie", "filters", "layers", "merge", "low_rank", "entropy" } do
      if not owner[2][method] then
        refused("compress", option, "belongs to method '", { method = method, [option] = owner[1] })
      end
    end
  end
  refused("compress", "clusters", "belongs to method 'share', not 'low_rank', which takes 'ratio', 'energy', 'decomposition')",
    { method = "low_rank", clusters = 4 })
  refused("compress", "clusters", "belongs to method 'share', not 'merge')", { method = "merge", clusters = 4 })
  refused("compress", "criterion", "belongs to method 'filters' or 'layers', not 'share'",
    { method = "share", criterion = "l1" })
  refused("compress", "threshold", "belongs to criterion 'correlation', not 'cost'",
    { method = "layers", criterion = "cost", threshold = 0.9, data = data })
  check.raises("...missing option 'method' to 'compress'", wane.compress, model, { clusters = 4 })
end)

test("a threshold is one of correlation", function()
  local trained = samples.trained()
  local _, report = wane.compress(trained, { method = "layers", threshold = 1, data = data, epochs = 0 })
  check.equal(report.options.criterion, "correlation")
  check.equal(report.options.threshold, 1)
end)

test("prune refuses what belongs to another unit or schedule", function()
  for _, unit in ipairs { "weight", "block", "row", "column", "2:4" } do
    for option, value in pairs { ratio = 0.5, threshold = 0.5, count = 1 } do
      refused("prune", option, "belongs to unit '", { unit = unit, sparsity = 0.5, [option] = value })
    end
  end
  refused("prune", "ratio", "belongs to unit 'filter', 'head' or 'layer', not '2:4', which takes 'sparsity', 'schedule')",
    { unit = "2:4", ratio = 0.5 })
  for _, unit in ipairs { "filter", "head", "layer" } do
    for option, value in pairs { sparsity = 0.5, schedule = "cubic", block = { 2, 2 } } do
      refused("prune", option, "belongs to unit '", { unit = unit, [option] = value })
    end
  end
  refused("prune", "scope", "belongs to unit '", { unit = "layer", scope = "global", data = data })
  refused("prune", "threshold", "belongs to criterion 'correlation', not 'cost'",
    { unit = "layer", criterion = "cost", threshold = 0.9, data = data })
  for option, value in pairs { rounds = 2, rewind = 1, initial = model } do
    for _, schedule in ipairs { "constant", "one_shot", "cubic", "rigl" } do
      refused("prune", option, "belongs to schedule 'iterative', not '" .. schedule .. "'",
        { sparsity = 0.5, schedule = schedule, [option] = value })
    end
  end
  for option, value in pairs { fraction = 0.2, interval = 2 } do
    refused("prune", option, "belongs to schedule 'rigl', not 'constant')", { sparsity = 0.5, [option] = value })
  end
end)

test("quantize refuses what belongs to another mode", function()
  for _, mode in ipairs { "dynamic", "weight_only" } do
    refused("quantize", "observer", "belongs to mode 'static', not '" .. mode .. "'", { mode = mode, observer = "kl" })
    refused("quantize", "percentile", "belongs to mode 'static', not '" .. mode .. "'",
      { mode = mode, percentile = 99 })
  end
  refused("quantize", "activation_bits", "belongs to mode 'static' or 'dynamic', not 'weight_only'",
    { mode = "weight_only", activation_bits = 4 })
  refused("quantize", "group_size", "belongs to per 'group', not 'tensor')", { per = "tensor", group_size = 8 })
end)

test("lessons need somebody who teaches", function()
  local own = { compress = { method = "share" }, quantize = {}, prune = { sparsity = 0.5 } }
  for verb, options in pairs(own) do
    local function without(option, value, owner)
      local given = { data = data, [option] = value }
      for name, choice in pairs(options) do given[name] = choice end
      refused(verb, option, "does nothing without '" .. owner .. "')", given)
    end
    without("temperature", 2, "teacher")
    without("alpha", 0.5, "teacher")
    without("standardize", true, "teacher")
    without("features", true, "teacher")
    without("attention", true, "teacher")
    without("relations", "distance", "teacher")
    without("keep_answers", true, "teacher")
    without("feature_weight", 2, "features")
    without("attention_weight", 2, "attention")
    without("relation_weight", 2, "relations")
    without("trial_epochs", 2, "target' or 'max_drop")
  end
  refused("distill", "relation_weight", "does nothing without 'relations')",
    { teacher = model, relation_weight = 2, data = data })
  refused("distill", "feature_weight", "does nothing without 'features')",
    { teacher = model, features = false, feature_weight = 2, data = data })
  refused("distill", "temperature", "does nothing without 'teacher' or 'peers')", { temperature = 2, data = data })
  -- What is off asks for nothing.
  check.truthy(wane.prune(model, { sparsity = 0.5, features = false, standardize = false }))
end)

test("stages of a pipeline are checked alike", function()
  check.raises("...bad option 'clusters' to 'compress' (belongs to method 'share', not 'filters'...", wane.pipeline,
    { { "compress", method = "filters", clusters = 4 } })
  check.raises("...bad option 'temperature' to 'prune' (does nothing without 'teacher')", wane.pipeline,
    { { "prune", sparsity = 0.5, temperature = 2 } })
  check.truthy(wane.pipeline { { "prune", sparsity = 0.5, teacher = "original", temperature = 2 } })
end)

test("help says where options belong", function()
  local text = wane.help(wane.compress)
  check.truthy(text:find('with method = "share": distinct weights a layer', 1, true), text)
  check.truthy(text:find("with target or max_drop: fine-tuning of a trial in a search", 1, true), text)
  text = wane.help(wane.prune)
  check.truthy(text:find('with schedule = "iterative": how many rounds', 1, true), text)
end)
