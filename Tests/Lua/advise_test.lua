-- wane.advise: where bytes and time are, and what pays.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local function advice_of(advice, name)
  for _, row in ipairs(advice.advice) do
    if row.name == name then return row end
  end
end

test("shares of layers add up, and what was tried was measured", function()
  local model, data = samples.trained(), samples.images(200)
  local advice = wane.advise(model, { data = data })
  check.truthy(samples.same(model, samples.trained()))
  local sums = { bytes_share = 0, macs_share = 0, time_share = 0 }
  for _, layer in ipairs(advice.layers) do
    for name in pairs(sums) do sums[name] = sums[name] + layer[name] end
  end
  for name, sum in pairs(sums) do check.near(sum, 1, 1e-6, name) end
  check.equal(advice.original.bytes, model.file_bytes)
  check.equal(advice.original.accuracy, model:evaluate(data).accuracy)
  check.equal(#advice.advice, 6)

  local pruned = wane.prune(model, { sparsity = 0.9 })
  local row = advice_of(advice, "nine in ten weights zero")
  check.equal(row.bytes, pruned.file_bytes)
  check.equal(row.accuracy, pruned:evaluate(data).accuracy)
  check.equal(row.pays, true)
  check.equal(row.verb, "prune")
  check.equal(row.call, 'wane.prune(model, { schedule = "cubic", sparsity = 0.9, data = train, epochs = 3 })')
  check.truthy(row.text:find "times smaller as a file", row.text)
  local again = wane.pipeline(row.recipe):run(model, {})
  check.equal(again.file_bytes, row.bytes)
  local slim = advice_of(advice, "half of the filters")
  check.equal(slim.macs, wane.compress(model, { method = "filters", ratio = 0.5 }).macs)
  check.equal(slim.skipped[1].layer, "dense_1")
  for _, layer in ipairs(advice.layers) do
    if layer.layer == "dense" then check.truthy(layer.loss > -1 and layer.bytes_share > 0.5) end
  end
end)

test("the advice can be read, and its calls run", function()
  local model, data = samples.trained(), samples.images(200)
  local advice = wane.advise(model, { data = data })
  local text = tostring(advice)
  for _, part in ipairs { "pruned alone", "dense holds ", "of the multiplications", "what pays, tried without training",
    "wane.quantize(model, { bits = 8, calibration = train:take(512) })", "points before training",
    "dense_1 by half of the filters: goes into a softmax", "all together:", "wane.optimize(model, { data = train" } do
    check.truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
  end
  check.truthy(#advice.findings >= 2)
  for _, row in ipairs(advice.advice) do
    local call = assert(load("local wane, model, train = ... return " .. row.call))
    check.truthy(call(wane, model, data:take(64)))
  end
end)

test("without data sizes and times are measured all the same", function()
  local model = samples.trained()
  local advice = wane.advise(model)
  check.equal(advice.original.accuracy, nil)
  check.equal(advice.layers[1].loss, nil)
  check.equal(advice_of(advice, "nine in ten weights zero").bytes, wane.prune(model, { sparsity = 0.9 }).file_bytes)
  check.truthy(advice_of(advice, "8 bits").bytes < model.file_bytes / 2)
  check.equal(advice_of(advice, "8 bits").accuracy, nil)
  check.equal(tostring(advice):find "points before", nil)
end)

test("models of other kinds get advice, too", function()
  local words = nn.sequential { nn.input { 6, dtype = "i32" }, nn.embedding { 50, 8 }, nn.gru { 8 }, nn.dense { 2 } }
  check.truthy(tostring(wane.advise(words)):find "embedding holds")
  local a, b = nn.input { 4 }, nn.input { 4 }
  local pair = nn.model { inputs = { a, b }, outputs = nn.dense { 3 } (nn.add { a, b }) }
  local text = tostring(wane.advise(pair))
  check.truthy(text:find("dense holds", 1, true), text)
end)

test("options of advise are checked", function()
  local model = samples.network()
  check.raises("bad option 'dat' to 'advise' (did you mean 'data'?)", wane.advise, model, { dat = 1 })
  check.raises("...(Model expected, got table)", wane.advise, {})
end)
