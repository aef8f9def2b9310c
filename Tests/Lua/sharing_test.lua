-- wane.compress: shared weights of each channel, and layers that share theirs.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local share, narrow = samples.share, samples.narrow

--- The different values of the unit of a kernel that has most.
local function most_values(model, name)
  local kernel, most = model:parameter(name), 0
  local units = kernel.shape[#kernel.shape]
  local columns = kernel:reshape(-1, units):transpose():tolist()
  for _, column in ipairs(columns) do
    local seen, distinct = {}, 0
    for _, value in ipairs(column) do
      if not seen[value] then seen[value], distinct = true, distinct + 1 end
    end
    most = math.max(most, distinct)
  end
  return most
end

test("channels share weights of their own", function()
  local model, data = samples.trained(), samples.images(64)
  local small, report = share(model, { clusters = 4, per = "channel", only = "dense" })
  check.equal(report.options.per, "channel")
  check.equal(report.options.initial, "kmeans++")
  check.equal(report.layers[1].values.after, 4)
  check.equal(most_values(small, "dense/kernel"), 4)
  check.truthy(samples.count(small, "dense/kernel") > 16)
  check.equal(select(2, share(model, { clusters = 4 })).options.per, "tensor")
  -- In a file, in every order of the verbs.
  local tuned = share(model, { clusters = 4, per = "channel", data = data, epochs = 1 })
  local sparse = wane.prune(tuned, { sparsity = 0.6, data = data, epochs = 1 })
  local other = share(wane.prune(model, { sparsity = 0.6 }), { clusters = 4, per = "channel", data = data, epochs = 1 })
  for _, one in ipairs { tuned, sparse, other } do
    local taught = wane.distill(one, { teacher = model, data = data })
    for _, result in ipairs { one, taught, wane.quantize(taught, { bits = 8, data = data }),
      wane.quantize(one, { bits = 4, calibration = data }), (narrow(one, { ratio = 0.5 })) } do
      local path = os.tmpname()
      result:save(path)
      local loaded = wane.load(path)
      check.equal(loaded:predict(data), result:predict(data))
      check.truthy(samples.same(loaded, result))
      check.truthy(result.nonzero <= one.nonzero)
      -- What was loaded goes on as what was saved does.
      for _, verb in ipairs {
        function(before) return wane.prune(before, { sparsity = 0.8, data = data, epochs = 1 }) end,
        function(before) return wane.quantize(before, { bits = 4, data = data, epochs = 1 }) end,
        function(before) return wane.distill(before, { teacher = model, data = data, epochs = 1 }) end,
      } do
        local after = verb(loaded)
        check.truthy(samples.same(after, verb(result)))
        check.truthy(after.nonzero <= result.nonzero)
        check.truthy(most_values(after, "dense/kernel") <= 4)
      end
      os.remove(path)
    end
  end
  check.raises("...bad option 'per' to 'compress' (expected one of 'tensor', 'channel', got 'chanel' " ..
    "(did you mean 'channel'?))", share, model, { per = "chanel" })
  check.raises("...bad option 'per' to 'compress' (belongs to method 'share', not 'filters', ...", narrow, model,
    { per = "channel" })
end)

test("layers of one shape share their weights, in the file as well", function()
  local model = nn.sequential {
    nn.input { 8, 8, 1 }, nn.conv2d { 6, 3, activation = "relu" },
    nn.conv2d { 6, 3, padding = "same", activation = "relu", name = "a" },
    nn.conv2d { 6, 3, padding = "same", activation = "relu", name = "b" }, nn.flatten {},
    nn.dense { 4, activation = "softmax" },
  }
  local data = samples.images(64)
  model:fit(data, { epochs = 1 })
  local function tie(options)
    options.method = "tie"
    return wane.compress(model, options)
  end
  local tied, report = tie { layers = { { "a", "b" } }, data = data, epochs = 1 }
  check.equal(tied.parameters, model.parameters - 9 * 36 - 6)
  check.truthy(tied.file_bytes < model.file_bytes - 4 * 9 * 28)
  check.equal(report.layers[1].layer, "b")
  check.equal(report.layers[1].action, "shares the weights of 'a'")
  check.truthy(math.abs(report.layers[1].similarity) <= 1)
  check.equal(report.options.layers, "{ a, b }")
  check.truthy(tostring(report):find("similarity", 1, true))
  -- All that follows keeps it.
  local books, shared = wane.compress(tied, { method = "share", clusters = 4, per = "channel", data = data, epochs = 1 })
  check.equal(samples.layers(shared.layers), "conv2d a dense")
  check.equal(most_values(books, "a/kernel"), 4)
  books = wane.quantize(books, { bits = 4, data = data, epochs = 1 })
  check.equal(most_values(books, "a/kernel"), 4)
  check.equal(books.parameters, tied.parameters)
  local small = wane.prune(tied, { sparsity = 0.5, data = data })
  small = wane.compress(small, { method = "share", clusters = 8, data = data })
  small = wane.quantize(small, { bits = 8, data = data })
  small = wane.distill(small, { teacher = model, data = data })
  check.equal(table.concat(small:parameter_names(), " "):find("b/kernel", 1, true), nil)
  local path = os.tmpname()
  small:save(path)
  local loaded = wane.load(path)
  check.equal(loaded:predict(data), small:predict(data))
  check.equal(loaded.parameters, tied.parameters)
  os.remove(path)

  check.equal(select(2, tie { threshold = 0.99 }).skipped[2].layer, "a")
  check.equal(#select(2, tie { count = 1 }).layers, 1)
  check.equal(#select(2, tie { threshold = -1 }).layers, 1)
  check.raises("...bad option 'layers' to 'compress' (lists of layers expected, as in ...", tie, { layers = { "a", "b" } })
  check.raises("...bad option 'layers' to 'compress' (the name of a layer expected, got a number)", tie,
    { layers = { { "a", 3 } } })
  check.raises("...bad option 'count' to 'compress' (the option 'layers' says already which share)", tie,
    { layers = { { "a", "b" } }, count = 1 })
  check.raises("...compress: 'conv2d' and 'a' cannot share weights: their weights have shapes ...", tie,
    { layers = { { "a", "conv2d" } } })
  check.raises("...compress: layers has no list of layers", tie, { layers = {} })
  check.raises("...compress: layers has a list of no layers", tie, { layers = { {} } })
  local all, every = tie { layers = { { "conv2d" } } }
  check.equal(all.parameters, tied.parameters)
  check.equal(samples.layers(every.layers), "b")
  check.equal(samples.layers(every.skipped), "conv2d")
  check.equal(every.skipped[1].reason, "no other layer of { conv2d } has its kind and shape")
end)
