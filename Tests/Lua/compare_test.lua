-- wane.compare: models side by side.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local data = samples.images(128)

local function quick(options)
  options = options or {}
  options.data, options.seconds = options.data or data, 0.02
  return options
end

test("a row a model, the first of which the others are compared with", function()
  local model = samples.trained()
  local sparse = wane.prune(model, { sparsity = 0.9 })
  local comparison = wane.compare({ sparse = sparse, original = model }, quick())
  check.equal(#comparison, 2)
  check.equal(comparison[1].name, "original")
  check.equal(comparison.rows[2].name, "sparse")
  local row = comparison.sparse
  check.equal(row.accuracy, sparse:evaluate(data).accuracy)
  check.near(row.difference, row.accuracy - comparison.original.accuracy, 1e-12)
  check.equal(comparison.original.difference, 0.0)
  check.equal(comparison.original.agreement, 1.0)
  check.truthy(row.agreement <= 1)
  check.equal(row.parameters, sparse.parameters)
  check.equal(row.nonzero, sparse.nonzero)
  check.equal(row.file_bytes, sparse.file_bytes)
  check.near(row.ratio, model.file_bytes / sparse.file_bytes, 1e-9)
  check.equal(row.macs, sparse.macs)
  check.truthy(row.memory_bytes > 0)
  check.truthy(row.latency_b1_s > 0 and row.latency_b1_p95_s >= row.latency_b1_s)
  check.truthy(row.throughput_b256 > 0)
  check.equal(comparison.nosuch, nil)
  check.equal(comparison[3], nil)
  check.equal(comparison[0], nil)
end)

test("a list keeps its order, and a baseline comes first", function()
  local model = samples.trained()
  local list = { { "b", model }, { "a", model }, { "c", model } }
  local function names(options)
    local found = {}
    for i, row in ipairs(wane.compare(list, quick(options)).rows) do found[i] = row.name end
    return table.concat(found, " ")
  end
  check.equal(names(), "b a c")
  check.equal(names { baseline = "c" }, "c b a")
  check.raises("...no model 'd' (did you mean ...", names, { baseline = "d" })
end)

test("the table, JSON, CSV and bars", function()
  local comparison = wane.compare({ { 'say "x", y', samples.trained() } }, quick())
  local text = tostring(comparison)
  for _, part in ipairs { "model", "accuracy", 'say "x", y', "100.00 %", "batch 256", "/s" } do
    check.truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
  end
  local json = comparison:json()
  check.truthy(json:find([["name": "say \"x\", y", "accuracy": 1]], 1, true), json)
  check.truthy(json:find('"throughput_b256": ', 1, true), json)
  local header, row = comparison:csv():match "^(.-)\n(.-)\n$"
  check.truthy(header:find "^name,accuracy,loss,difference,agreement,parameters,", header)
  check.truthy(row:find([["say ""x"", y",1]], 1, true), row)
  check.truthy(comparison:plot():find '1 say "x", y  ████', comparison:plot())
  check.truthy(comparison:plot():find("accuracy\n", 1, true), comparison:plot())
end)

test("a page that needs nothing else", function()
  local model = samples.trained()
  local comparison = wane.compare({
    original = model, ["a <b> & \"c\""] = wane.prune(model, { sparsity = 0.9 }),
    few = wane.quantize(wane.compress(model, { method = "share", clusters = 5 }), { bits = 4, calibration = data }),
  }, quick())
  local path = os.tmpname()
  local page = comparison:html(path)
  local file <close> = assert(io.open(path))
  check.equal(file:read "a", page)
  os.remove(path)
  check.truthy(page:find "^<!DOCTYPE html>" and page:find "</html>\n$")
  for _, part in ipairs { "a &lt;b&gt; &amp; &quot;c&quot;", "<svg viewBox", "prefers-color-scheme: dark", "100.00 %",
    "conv2d + relu", "3 bits", "32 bits", "128 samples" } do
    check.truthy(page:find(part, 1, true), part .. " is not in the page")
  end
  check.equal(page:find "<script", nil)
  check.equal(page:find "https?://", nil)
  check.equal(page:find "<b>", nil)
  for tag in page:gmatch "<(%a+)" do
    if not ({ meta = true, line = true, DOCTYPE = true, polyline = true })[tag] then
      local _, opened = page:gsub("<" .. tag .. "[ >]", "")
      local _, closed = page:gsub("</" .. tag .. ">", "")
      check.equal(opened, closed, tag)
    end
  end
  check.raises("...cannot write '/nowhere/x.html': No such file or directory", comparison.html, comparison,
    "/nowhere/x.html")
end)

test("models of numbers are compared by their loss", function()
  local targets = wane.data.tensors(wane.rand({ 32, 3 }, { seed = 1 }), wane.rand({ 32, 2 }, { seed = 2 }))
  local model = nn.sequential { nn.input { 3 }, nn.dense { 2 } }
  local comparison = wane.compare({ only = model }, quick { data = targets })
  check.equal(comparison.only.accuracy, nil)
  check.near(comparison.only.loss, model:evaluate(targets).loss, 1e-9)
  check.truthy(tostring(comparison):find("loss", 1, true))
  check.truthy(comparison:json():find('"accuracy": null', 1, true), comparison:json())
end)

test("an empty data set", function()
  local comparison = wane.compare({ only = samples.trained() }, quick { data = data:take(0) })
  check.equal(comparison.only.accuracy, nil)
  check.equal(comparison.only.agreement, nil)
  check.truthy(#tostring(comparison) > 0)
end)

test("what cannot be compared", function()
  local model = samples.trained()
  check.raises("missing option 'data' to 'compare'", wane.compare, { model = model })
  check.raises("...no models to compare...", wane.compare, {}, quick())
  check.raises("...'x' must be a Model, got 3...", wane.compare, { x = 3 }, quick())
  check.raises("...'x' must be a Model, got Tensor...", wane.compare, { x = wane.zeros { 1 } }, quick())
  check.raises("...element 1 must be { name, model }...", wane.compare, { model }, quick())
  check.raises("...(table expected, got Model)", wane.compare, model, quick())
  check.raises("bad option 'seconds' to 'compare' (...", wane.compare, { m = model }, { data = data, seconds = -1 })
  check.raises("bad option 'seconds' to 'compare' (...", wane.compare, { m = model }, { data = data, seconds = 0 / 0 })
  check.raises("bad option 'baselin' to 'compare' (did you mean 'baseline'?)", wane.compare, { m = model },
    { data = data, baselin = "m" })
  check.raises("...", wane.compare, { m = nn.sequential { nn.input { 3 }, nn.dense { 4 } } }, quick())
  local closed = samples.network()
  do local _ <close> = closed end
  check.raises("...Model was closed...", wane.compare, { m = closed }, quick())
end)
