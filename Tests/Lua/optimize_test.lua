-- wane.optimize: combinations of verbs within a time.

local samples = require "samples"
local wane = require "wane"

local data, validation = samples.images(512), samples.images(200, 7)

local found

--- A search that several tests look at.
local function search()
  if not found then
    local model = samples.trained()
    local best, front = wane.optimize(model,
      { data = data, validation = validation, target = { bytes = 1200 }, max_drop = 0.1, budget = "30s", epochs = 1,
        batch_size = 32 })
    found = { best = best, front = front, model = model }
  end
  return found.best, found.front, found.model
end

test("the best model meets target and drop, and the front has it", function()
  local best, front, model = search()
  check.truthy(samples.same(model, samples.trained()))
  check.truthy(best, tostring(front))
  check.truthy(best.file_bytes <= 1200, best.file_bytes)
  local drop = model:evaluate(validation).accuracy - best:evaluate(validation).accuracy
  check.truthy(drop <= 0.1, drop)
  local row = front[front.best]
  check.equal(row.bytes, best.file_bytes)
  check.equal(row.macs, best.macs)
  check.near(row.drop, drop, 1e-9)
  check.equal(row.accuracy, best:evaluate(validation).accuracy)
  check.truthy(samples.same(row.model, best))
  check.truthy(row.latency > 0 and row.memory > 0 and row.seconds > 0 and row.epochs > 0)
  check.equal(front.original.bytes, model.file_bytes)
  check.equal(front.interrupted, false)
  check.truthy(front.seconds < 33, front.seconds)
end)

test("nothing in the front is beaten", function()
  local _, front = search()
  check.truthy(#front >= 1)
  check.truthy(#front.all >= #front)
  for _, row in ipairs(front.rows) do
    for _, other in ipairs(front.all) do
      check.truthy(not (other.bytes < row.bytes and other.accuracy >= row.accuracy)
        and not (other.bytes <= row.bytes and other.accuracy > row.accuracy), row.name .. " by " .. other.name)
    end
  end
end)

test("a row's recipe makes its model again", function()
  local _, front = search()
  local row = front[front.best]
  local again = front:pipeline(front.best):run(samples.trained(), { data = data })
  check.truthy(samples.same(again, row.model))
  check.truthy(samples.same((wane.pipeline(row.recipe):run(samples.trained(), { data = data })), row.model))
  check.raises("...must be between 1 and " .. #front .. ", got 99...", front.pipeline, front, 99)
end)

test("the front as table, JSON, CSV, plot and page", function()
  local _, front = search()
  local text = tostring(front)
  for _, part in ipairs { "recipe", "accuracy", "original", "at most 1200 bytes within 10.00 points" } do
    check.truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
  end
  local json = front:json()
  check.truthy(json:find('"recipe": [{"1": "', 1, true), json)
  check.truthy(json:find('"bytes": %d+, "memory": %d+, "macs": %d+, "latency": '), json)
  local header = front:csv():match "^(.-)\n"
  check.equal(header, "name,accuracy,drop,bytes,memory,macs,latency,epochs,seconds,recipe")
  local plot = front:plot()
  check.truthy(plot:find "accuracy" and plot:find "o original, numbers the front", plot)
  local path = os.tmpname()
  local page = front:html(path)
  local file <close> = assert(io.open(path))
  check.equal(file:read "a", page)
  os.remove(path)
  check.truthy(page:find "^<!DOCTYPE html>" and page:find "<svg" and page:find "</html>\n$")
  check.truthy(page:find("wane.pipeline {\n  { &quot;", 1, true))
  check.equal(page:find "<script", nil)
  check.equal(page:find("https?://"), nil)
end)

test("without a target the smallest within the drop; validation is split off", function()
  local best, front = wane.optimize(samples.trained(), { data = data, max_drop = 0.15, budget = 20, epochs = 1, batch_size = 32 })
  check.truthy(best, tostring(front))
  for _, row in ipairs(front.all) do
    if row.drop <= 0.15 then check.truthy(row.bytes >= best.file_bytes) end
  end
  check.truthy(best.file_bytes < samples.trained().file_bytes / 3)
end)

test("multiplications and memory can be the target, or what is minimized", function()
  local model = samples.trained()
  local best, front = wane.optimize(model, { data = data, validation = validation,
    target = { macs = model.macs // 2 }, budget = 30, epochs = 0.5, batch_size = 32 })
  check.truthy(best and best.macs <= model.macs // 2, tostring(front))
  local quick = wane.optimize(model, { data = data, validation = validation, minimize = "macs", max_drop = 0.5,
    budget = 20, epochs = 0.5, batch_size = 32 })
  check.truthy(quick and quick.macs < model.macs)
end)

test("what cannot be found is nil, with the front and the reason", function()
  local best, front, reason = wane.optimize(samples.trained(),
    { data = data, validation = validation, target = { bytes = 10 }, budget = 2 })
  check.equal(best, nil)
  check.equal(#front, 0)
  check.equal(front.best, nil)
  check.equal(front[1], nil)
  check.equal(reason, "optimize: no combination of verbs reaches at most 10 bytes")
  check.truthy(tostring(front):find("no model is at most 10 bytes", 1, true))
  check.truthy(#front:html() > 1000 and #front:plot() > 10 and front:csv() == "" and front:json())
  check.raises("...the front is empty...", front.pipeline, front, 1)

  best, front, reason = wane.optimize(samples.trained(),
    { data = data:take(64), validation = validation, target = { macs = 700 }, max_drop = 0, budget = 30, epochs = 0.1 })
  check.equal(best, nil, tostring(front))
  check.truthy(reason:find "^optimize: no model is at most 700 MACs within 0.00 points of accuracy; the nearest takes %d+ MACs",
    reason)
end)

test("options of optimize are checked", function()
  local model = samples.trained()
  local function bad(message, options)
    options.data = options.data or data
    check.raises(message, wane.optimize, model, options)
  end
  check.raises("missing option 'data' to 'optimize'", wane.optimize, model, {})
  local time = "a time such as 90, '90s', '10min' or '1h 30min' expected, got "
  bad("bad option 'budget' to 'optimize' (" .. time .. "'soon')", { budget = "soon" })
  bad("bad option 'budget' to 'optimize' (" .. time .. "-3)", { budget = -3 })
  bad("bad option 'budget' to 'optimize' (" .. time .. "inf)", { budget = math.huge })
  bad("bad option 'budget' to 'optimize' (" .. time .. "table)", { budget = {} })
  bad("bad option 'byts' to 'optimize' option 'target' (did you mean 'bytes'?)",
    { target = { byts = 3 } })
  bad("bad option 'max_drop' to 'optimize' (...", { max_drop = -1 })
  bad("bad option 'minimize' to 'optimize' (expected one of 'bytes', ...", { minimize = "byte" })
  bad("bad option 'epochs' to 'optimize' (must be more than 0)", { epochs = 0 })
  bad("bad option 'data' to 'optimize' (5 samples are too few to keep some for validation)", { data = data:take(5) })
  bad("optimize: needs labels that are classes, and some to measure on", { validation = data:take(0) })
end)
