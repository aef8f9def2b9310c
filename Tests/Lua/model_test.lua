-- Models: building, describing, saving and loading.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local function temporary()
  local path = os.tmpname()
  return path, function() os.remove(path) end
end

local function contents(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(bytes))
end

-- ---- Building ---------------------------------------------------------------------------------

test("a sequential model knows its layers, parameters and work", function()
  local model = samples.network()
  check.equal(table.concat(model.layers, " "), "input conv2d max_pool2d flatten dense dense_1")
  check.equal(model.parameters, 3 * 3 * 8 + 8 + 72 * 16 + 16 + 16 * 4 + 4)
  check.equal(model.macs, 36 * 9 * 8 + 72 * 16 + 16 * 4)
  check.equal(table.concat(model:parameter_names(), " "),
    "conv2d/kernel conv2d/bias dense/kernel dense/bias dense_1/kernel dense_1/bias")
  check.equal(table.concat(model:parameter "conv2d/kernel".shape, "x"), "3x3x1x8")
  check.truthy(model.nonzero < model.parameters and model.nonzero >= model.parameters - 28) -- biases
  check.equal(model.bytes, 4 * model.parameters)
  check.truthy(model.memory_bytes > 0 and model.file_bytes > 0)
end)

test("a summary is a table of layers, and what print shows", function()
  local model = samples.network()
  local text = model:summary()
  check.equal(tostring(model), text)
  for _, part in ipairs { "layer", "max_pool2d", "3x3x8", "dense_1", "total", "1 316", "MACs" } do
    check.truthy(text:find(part, 1, true), part .. " is not in\n" .. text)
  end
end)

test("a seed decides the parameters", function()
  check.truthy(samples.same(samples.network { seed = 3 }, samples.network { seed = 3 }))
  check.equal((samples.same(samples.network { seed = 3 }, samples.network { seed = 4 })), false)
end)

test("the functional form makes any graph, and a layer used twice shares its parameters", function()
  local x = nn.input { 6, 6, 2 }
  local same = nn.conv2d { 4, 3, padding = "same", activation = "relu", name = "same" } (x)
  local side = nn.conv2d { 4, 1 } (x)
  local y = nn.add { same, side }
  local twice = nn.conv2d { 4, 3, padding = "same", name = "twice" }
  y = nn.flatten {} (twice(twice(y)))
  local model = nn.model { inputs = x, outputs = { nn.dense { 3 } (y), y } }
  check.equal(model.parameters, (9 * 2 * 4 + 4) + (2 * 4 + 4) + (9 * 4 * 4 + 4) + (144 * 3 + 3))
  local first, second = model:predict(wane.zeros { 5, 6, 6, 2 })
  check.equal(table.concat(first.shape, "x"), "5x3")
  check.equal(table.concat(second.shape, "x"), "5x144")
end)

test("a model with two inputs takes two tensors", function()
  local a, b = nn.input { 3 }, nn.input { 3 }
  local model = nn.model { inputs = { a, b }, outputs = nn.add { a, b } }
  local sum = model:predict(wane.full({ 2, 3 }, 1), wane.full({ 2, 3 }, 2))
  check.equal(sum:sum(), 18)
  check.raises("predict: the model takes 2 inputs, got 1", model.predict, model, wane.zeros { 2, 3 })
end)

test("a name is the layer's place in the model", function()
  local model = nn.sequential { nn.input { 4 }, nn.dense { 3, name = "head" } }
  check.equal(table.concat(model:parameter_names(), " "), "head/kernel head/bias")
  check.raises("...there are two layers called 'a'", nn.sequential,
    { nn.input { 4 }, nn.dense { 3, name = "a" }, nn.dense { 3, name = "a" } })
end)

test("a layer that does not fit says where it stands, and the shapes", function()
  local function chain(...) return nn.sequential { nn.input { 8, 8, 3 }, ... } end
  check.raises("...in layer 'pool': max_pool2d: takes images [height, width, channels], got Nx192",
    chain, nn.flatten {}, nn.max_pool2d { 2, name = "pool" })
  local ok, message = pcall(chain, nn.flatten {}, nn.conv2d { 4, 3, name = "wide" })
  check.equal(ok, false)
  check.truthy(message:find("in layer 'wide': conv2d: ", 1, true), message)
  check.truthy(message:find("192", 1, true), message)
  ok, message = pcall(chain, nn.conv2d { 4, 9, name = "large" })
  check.equal(ok, false)
  check.truthy(message:find("in layer 'large': conv2d: ", 1, true), message)
end)

test("what is no chain of layers is refused", function()
  check.raises("sequential: the first layer must be an input, such as nn.input { 28, 28, 1 }",
    nn.sequential, { nn.dense { 3 } })
  check.raises("sequential: the first layer must be...", nn.sequential, {})
  check.raises("sequential: layer 2 is an input; only the first may be one", nn.sequential,
    { nn.input { 3 }, nn.input { 3 } })
  check.raises("...(element 2 must be a layer or a model, got 'dense')", nn.sequential, { nn.input { 3 }, "dense" })
  check.raises("...(table expected, got no value)", nn.sequential)
  check.raises("bad option 'sead' to 'sequential' (did you mean 'seed'?)", nn.sequential,
    { sead = 1, nn.input { 3 }, nn.dense { 2 } })
  local x = nn.input { 3 }
  check.raises("missing option 'outputs' to 'model'", nn.model, { inputs = x })
  check.raises("...an output depends on an input that is not listed", nn.model,
    { inputs = nn.input { 3 }, outputs = nn.dense { 2 } (x) })
  check.raises("...inputs must be made by nn.input", nn.model,
    { inputs = nn.dense { 2 } (x), outputs = nn.dense { 2 } (x) })
end)

test("absurd sizes are errors", function()
  local function dense(units) return nn.sequential { nn.input { 4 }, nn.dense { units } } end
  for _, units in ipairs { 0, -1, 1.5, 1e12, 1e18, math.maxinteger, math.mininteger, 0 / 0, 1 / 0, "8" } do
    check.raises("...dense...", dense, units)
  end
  local function input(...) return nn.sequential { nn.input { ... }, nn.flatten {}, nn.dense { 4 } } end
  check.raises("...input...", input, 0)
  check.raises("...input: 1099511627776x1099511627776 is too large", input, 1 << 40, 1 << 40)
  check.raises("...", input, 1 << 31, 1 << 31, 3)
  check.raises("...", function()
    return nn.sequential { nn.input { 8, 8, 1 }, nn.conv2d { 1e10, 3 } }
  end)
  check.raises("...", function()
    return nn.sequential { nn.input { 8, 8, 1 }, nn.conv2d { 8, math.maxinteger, padding = "same" } }
  end)
  check.raises("...", function()
    return nn.sequential { nn.input { 8, 8, 1 }, nn.conv2d { 8, 3, dilation = math.maxinteger // 2 } }
  end)
  check.raises("...", function()
    return nn.sequential { nn.input { 8, 8, 1 }, nn.max_pool2d { 2, strides = 1 << 62, padding = "same" },
      nn.max_pool2d { 1 << 62 } }
  end)
end)

test("a copy is a model of its own", function()
  local model = samples.network()
  local copy = model:copy()
  copy:fit(samples.images(64), { batch_size = 32 })
  check.truthy(samples.same(model, samples.network()))
  check.equal((samples.same(model, copy)), false)
end)

test("a closed model says so", function()
  local model = samples.network()
  do local _ <close> = model end
  check.raises("...Model was closed...", function() return model:summary() end)
  check.raises("...Model was closed...", function() return model.parameters end)
  check.raises("...Model was closed...", wane.prune, model, { sparsity = 0.5 })
  check.raises("...Model was closed...", wane.distill, samples.network(), { teacher = model })
  check.truthy(tostring(model):find "closed", tostring(model))
end)

test("fields and methods that are not there are named", function()
  local model = samples.network()
  check.equal(model.parametrs, nil)
  check.raises("...", function() model.parameters = 3 end)
  check.raises("...no parameter 'dense/kernal' (did you mean 'dense/kernel'?))", model.parameter, model,
    "dense/kernal")
end)

-- ---- Files ------------------------------------------------------------------------------------

test("what is saved is loaded bit for bit, whatever the encoding", function()
  local model, data = samples.trained(), samples.images(64, 5)
  local models = {
    plain = model,
    pruned = wane.prune(model, { sparsity = 0.8 }),
    shared = wane.compress(model, { method = "share", clusters = 8 }),
    int8 = wane.quantize(model, { calibration = data }),
    int3 = wane.quantize(model, { bits = 3, calibration = data }),
    mixed = wane.quantize(wane.compress(wane.prune(model, { sparsity = 0.5 }),
      { method = "share", clusters = 8 }), { bits = { ["dense.*"] = 4 }, calibration = data }),
  }
  for name, original in pairs(models) do
    local path, remove = temporary()
    local bytes = original:save(path)
    check.equal(#contents(path), bytes, name)
    check.equal(original.file_bytes, bytes, name)
    local loaded = wane.load(path)
    local same, where = samples.same(original, loaded)
    check.truthy(same, name .. ": " .. tostring(where))
    check.equal(tostring(loaded), tostring(original), name)
    check.equal((original:predict(data) - loaded:predict(data)):abs():max(), 0, name)
    loaded:save(path)
    check.equal(loaded.file_bytes, bytes, name)
    remove()
  end
end)

test("a loaded model trains on", function()
  local path, remove = temporary()
  samples.network():save(path)
  local one, other = samples.network(), wane.load(path)
  remove()
  local data = samples.images(128)
  one:fit(data, { seed = 3 })
  other:fit(data, { seed = 3 })
  check.truthy(samples.same(one, other))
end)

test("a damaged file is refused with its path", function()
  local path, remove = temporary()
  samples.network():save(path)
  local whole = contents(path)
  local function refused(bytes)
    write(path, bytes)
    local ok, message = pcall(wane.load, path)
    check.equal(ok, false)
    check.truthy(tostring(message):find(path, 1, true), message)
    return message
  end
  refused ""
  refused "W"
  refused(("x"):rep(1000))
  refused(whole .. "x")
  for length = 1, #whole - 1, 97 do refused(whole:sub(1, length)) end
  for place = 1, #whole, 61 do
    refused(whole:sub(1, place - 1) .. string.char(whole:byte(place) ~ 0x10) .. whole:sub(place + 1))
  end
  remove()
end)

test("files that cannot be read or written say why", function()
  local model = samples.network()
  check.raises("load: cannot read '/no/such.wane': No such file or directory", wane.load, "/no/such.wane")
  check.raises("...: Is a directory", wane.load, "/")
  check.raises("save: cannot write '/no/such/folder/a.wane': No such file or directory", model.save, model,
    "/no/such/folder/a.wane")
  check.raises("save: cannot write '/': Is a directory", model.save, model, "/")
  check.raises("save: cannot write '': ...", model.save, model, "")
  check.raises("...string expected, got no value...", model.save, model)
  check.raises("...cannot...", wane.load, "a\0b")
  check.raises("...", model.save, model, "\xff\xfe/\0")
  check.raises("...not a regular file", model.save, model, "/dev/null")
end)

test("saving keeps the old file until the new one is whole", function()
  local path, remove = temporary()
  samples.network { seed = 1 }:save(path)
  samples.network { seed = 2 }:save(path)
  check.truthy(samples.same(wane.load(path), samples.network { seed = 2 }))
  remove()
end)

test("a model is a layer of another, with its parameters", function()
  local backbone = nn.sequential { seed = 2, nn.input { 6, 6, 1 }, nn.conv2d { 3, 3, activation = "relu" }, nn.flatten {} }
  local chain = nn.sequential { nn.input { 6, 6, 1 }, backbone, nn.dense { 2, name = "head" } }
  check.equal(table.concat(chain:parameter_names(), " "),
    "model/conv2d/kernel model/conv2d/bias head/kernel head/bias")
  check.equal(chain:parameter "model/conv2d/kernel", backbone:parameter "conv2d/kernel")

  local a, b = nn.input { 6, 6, 1 }, nn.input { 6, 6, 1 }
  local twins = nn.model { inputs = { a, b }, outputs = nn.subtract and nn.subtract { backbone(a), backbone(b) }
    or nn.add { backbone(a), backbone(b) } }
  check.equal(#twins:parameter_names(), 2, "shared parameters")
  local x, y = wane.rand({ 2, 6, 6, 1 }, { seed = 1 }), wane.rand({ 2, 6, 6, 1 }, { seed = 2 })
  local expected = nn.subtract and backbone(x) - backbone(y) or backbone(x) + backbone(y)
  check.truthy((twins:predict(x, y) - expected):abs():max() < 1e-5)

  check.raises("...in layer 'model': model: takes Nx6x6x1, got Nx5x5x1", nn.sequential,
    { nn.input { 5, 5, 1 }, backbone })
  local two = nn.model { inputs = { a, b }, outputs = { backbone(a), backbone(b) } }
  check.equal(select("#", two { a, b }), 2, "a result for each output")
end)
