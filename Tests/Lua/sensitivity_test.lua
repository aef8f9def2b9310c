-- wane.sensitivity: each layer alone, at several levels.

local samples = require "samples"
local wane = require "wane"

test("each layer is tried alone, and the model stays as it is", function()
  local model, data = samples.trained(), samples.images(96)
  local found = wane.sensitivity(model, { by = "prune", levels = { 0, 0.5, 0.999 }, data = data })
  check.truthy(samples.same(model, samples.trained()))
  check.equal(#found, 3)
  local original = model:evaluate(data)
  for _, row in ipairs(found.rows) do
    check.equal(#row.results, 3)
    check.equal(row.results[1].accuracy, original.accuracy, row.layer)
    local pruned = wane.prune(model, { sparsity = 0.5, only = row.layer })
    check.equal(row.results[2].loss, pruned:evaluate(data).loss, row.layer)
    check.equal(row.results[2].level, 0.5)
  end
  check.truthy(tostring(found):find("prune 0.50", 1, true))
end)

test("by bits, filters and rank; what cannot be treated says why", function()
  local model, data = samples.trained(), samples.images(64)
  for _, by in ipairs { "quantize", "filters", "low_rank" } do
    local found = wane.sensitivity(model, { by = by, data = data, only = "dense" })
    check.equal(#found.levels, by == "quantize" and 4 or 3)
    check.equal(found.rows[1].layer, "dense")
  end
  local last = wane.sensitivity(model, { by = "filters", data = data, only = "dense_1" })
  check.truthy(last.rows[1].results[1].skipped)
end)

test("bars and a page", function()
  local found = wane.sensitivity(samples.trained(), { by = "filters", data = samples.images(64) })
  local plot = found:plot()
  check.truthy(plot:find "dense    ███" and plot:find "%-%d+%.%d%d points", plot)
  check.truthy(plot:find "dense_1 +not treated", plot)
  local page = found:html()
  check.truthy(page:find "^<!DOCTYPE html>" and page:find("filters 0.25", 1, true), page)
end)

test("wrong options are named", function()
  local model, data = samples.trained(), samples.images(8)
  check.raises("...missing option 'data' to 'sensitivity'", wane.sensitivity, model, {})
  check.raises("...bad option 'by' to 'sensitivity'...", wane.sensitivity, model, { by = "luck", data = data })
  check.raises("...levels of 'quantize' are bits in 1..8, got 9...", wane.sensitivity, model,
    { by = "quantize", levels = { 9 }, data = data })
  check.raises("...sparsity must be in [0, 1], got 1.5...", wane.sensitivity, model, { levels = { 1.5 }, data = data })
  check.raises("...bad option 'levels' to 'sensitivity'...", wane.sensitivity, model, { levels = { "x" }, data = data })
end)
