-- Steps that are masked: batch normalization and distillation pass over them.

local wane = require "wane"
local nn = wane.nn

--- Sequences [n, 5, 3] with padding of zeros at the end, the rows that count, and a class for each step.
local function sequences(n)
  wane.seed(4)
  local x = wane.randn({ n, 5, 3 }):tolist()
  local rows, classes, targets = {}, {}, {}
  for i, steps in ipairs(x) do
    targets[i] = {}
    for t, step in ipairs(steps) do
      local class = step[1] > step[2] and 1 or 0
      targets[i][t] = class
      if t > 5 - i % 4 then
        x[i][t] = { 0, 0, 0 }
      else
        rows[#rows + 1] = step
        classes[#classes + 1] = class
      end
    end
  end
  return wane.tensor(x), wane.tensor(targets, "i32"), wane.tensor(rows), wane.tensor(classes, "i32")
end

local function near(a, b, what, tolerance)
  check.equal(table.concat(a.shape, "x"), table.concat(b.shape, "x"))
  check.truthy((a - b):abs():max() < (tolerance or 2e-5), what)
end

local function same_parameters(a, b, tolerance)
  for _, name in ipairs(a:parameter_names()) do near(a:parameter(name), b:parameter(name), name, tolerance) end
end

test("batch normalization sees the steps that count", function()
  local x, y, rows, classes = sequences(24)
  local function model(shape, mask)
    local layers = { nn.input(shape) }
    if mask then layers[2] = nn.masking {} end
    for _, layer in ipairs { nn.dense { 4 }, nn.batch_norm { momentum = 0.5 }, nn.relu {}, nn.batch_norm {}, nn.dense { 2 } } do
      layers[#layers + 1] = layer
    end
    layers.seed = 3
    return nn.sequential(layers)
  end
  local fit = { epochs = 4, batch_size = 1000, optimizer = wane.optim.sgd { learning_rate = 0.2 }, seed = 1, progress = false,
    loss = "cross_entropy" }
  local masked, flat, all = model({ 5, 3 }, true), model { 3 }, model { 5, 3 }
  local a, b = masked:fit(wane.data.tensors(x, y), fit), flat:fit(wane.data.tensors(rows, classes), fit)
  for epoch = 1, 4 do
    check.near(a.loss[epoch], b.loss[epoch], 1e-5)
    check.near(a.accuracy[epoch], b.accuracy[epoch], 1e-9)
  end
  same_parameters(masked, flat)
  check.near(masked:evaluate(wane.data.tensors(x, y)).loss, flat:evaluate(wane.data.tensors(rows, classes)).loss, 1e-5)
  all:fit(wane.data.tensors(x, y), fit)
  check.truthy((all:parameter "batch_norm/moving_mean" - masked:parameter "batch_norm/moving_mean"):abs():max() > 1e-3)
  -- Saved and read, folded, pruned and quantized, it is the same model.
  local path = os.tmpname()
  masked:save(path)
  local loaded = wane.load(path)
  os.remove(path)
  near(loaded(x), masked(x))
  fit.epochs = 1
  loaded:fit(wane.data.tensors(x, y), fit)
  flat:fit(wane.data.tensors(rows, classes), fit)
  same_parameters(loaded, flat)
  local data = wane.data.tensors(x, y)
  local int8 = wane.quantize(masked, { bits = 8, calibration = data })
  check.near(int8:evaluate(data).loss, masked:evaluate(data).loss, 0.02)
  local qat = wane.quantize(masked, { bits = 8, data = data, epochs = 1, progress = false })
  check.truthy(qat:evaluate(data).loss < 1)
  local slim, report = wane.compress(masked, { method = "filters", ratio = 0.5, criterion = "bn_scale" })
  check.equal(report.layers[1].layer, "dense")
  check.equal(table.concat(slim(x).shape, "x"), "24x5x2")
  local sparse = wane.prune(masked, { sparsity = 0.5, criterion = "taylor", data = data, epochs = 1, progress = false })
  check.truthy(sparse:evaluate(data).loss > 0)
end)

test("a batch of nothing but padding moves nothing but the averages", function()
  local model = nn.sequential { nn.input { 2, 3 }, nn.masking {}, nn.batch_norm {}, nn.dense { 2 } }
  local kernel = model:parameter "dense/kernel"
  local history = model:fit(wane.data.tensors(wane.zeros { 4, 2, 3 }, wane.zeros({ 4, 2 }, "i32")),
    { progress = false, optimizer = wane.optim.sgd { learning_rate = 1 } })
  check.equal(history.loss[1], 0)
  check.truthy(model:parameter "dense/kernel" == kernel)
end)

test("teachers teach the steps that count", function()
  local x, y, rows, classes = sequences(24)
  local function model(shape, mask, units, seed)
    local layers = { nn.input(shape) }
    if mask then layers[2] = nn.masking {} end
    layers[#layers + 1] = nn.dense { units, activation = "tanh" }
    layers[#layers + 1] = nn.dense { 2, activation = "softmax" }
    layers.seed = seed
    return nn.sequential(layers)
  end
  for _, mask in ipairs { true, false } do
    local steps = wane.data.tensors(x, y)
    local flat = mask and wane.data.tensors(rows, classes)
      or wane.data.tensors(x:reshape(120, 3), y:reshape(120))
    for _, more in ipairs {
      {}, { keep_answers = false }, { standardize = true }, { peer = true }, { loss = "mse" },
    } do
      local function taught(shape, isMasked, data)
        local options = { data = data, epochs = 3, batch_size = 1000, seed = 1, progress = false,
          optimizer = wane.optim.sgd { learning_rate = 0.3 } }
        for key, value in pairs(more) do options[key] = value end
        options.teacher = model(shape, isMasked, 16, 7)
        if options.peer then
          options.peers, options.peer = { model(shape, isMasked, 3, 9) }, nil
        end
        if options.loss == "mse" then options.data = wane.data.tensors(data.inputs, data.labels:one_hot(2)) end
        return wane.distill(model(shape, isMasked, 4, 3), options)
      end
      -- Standardized logits of two classes are hardly more than a sign, which rounding moves.
      same_parameters(taught({ 5, 3 }, mask, steps), taught({ 3 }, false, flat), more.standardize and 2e-4)
    end
  end
end)

test("masks reach the layers of nested models", function()
  local x = sequences(12)
  local function inner(name)
    local forms = {
      lstm = { nn.lstm { 4, name = "a" }, nn.dense { 2, name = "b" } },
      gru = { nn.gru { 4, return_sequences = true, zero_output_for_mask = true, name = "a" },
        nn.simple_rnn { 3, name = "b" } },
      bidirectional = { nn.bidirectional { nn.gru { 3, return_sequences = true }, name = "a" },
        nn.lstm { 3, name = "b" } },
      backwards = { nn.lstm { 4, go_backwards = true, return_sequences = true, name = "a" }, nn.gru { 3, name = "b" } },
      pooled = { nn.dense { 4, activation = "tanh", name = "a" }, nn.global_avg_pool1d { name = "b" } },
      kept = { nn.layer_norm { name = "a" }, nn.global_avg_pool1d { keep_dims = true, name = "b" } },
      largest = { nn.dense { 4, name = "a" }, nn.global_max_pool1d { name = "b" } },
      normalized = { nn.dense { 4, name = "a" }, nn.batch_norm { name = "b" }, nn.dropout { 0.1, name = "c" },
        nn.leaky_relu { name = "d" }, nn.lstm { 3, name = "e" } },
      lost = { nn.conv1d { 4, 2, padding = "same", name = "a" }, nn.lstm { 3, name = "b" } },
      own = { nn.masking { 0.5, name = "a" }, nn.lstm { 3, name = "b" } },
    }
    return forms[name]
  end
  local names = { "lstm", "gru", "bidirectional", "backwards", "pooled", "kept", "largest", "normalized", "lost", "own" }
  for _, name in ipairs(names) do
    local layers = { nn.input { 5, 3 } }
    for _, layer in ipairs(inner(name)) do layers[#layers + 1] = layer end
    layers.seed = 5
    local part = nn.sequential(layers)
    local nested = nn.sequential { nn.input { 5, 3 }, nn.masking { name = "mask" }, part, seed = 5 }
    local plain = { nn.input { 5, 3 }, nn.masking { name = "mask" } }
    for _, layer in ipairs(inner(name)) do plain[#plain + 1] = layer end
    -- Parameters of the same names and seed begin the same.
    plain.seed = 5
    plain = nn.sequential(plain)
    near(nested(x), plain(x), name)
    -- Through a file, and trained.
    local path = os.tmpname()
    part:save(path)
    local again = nn.sequential { nn.input { 5, 3 }, nn.masking { name = "mask" }, wane.load(path) }
    os.remove(path)
    near(again(x), plain(x), name)
    local target = wane.randn(plain(x).shape, { seed = 9 })
    for _, model in ipairs { nested, plain } do
      model:fit(wane.data.tensors(x, target), { epochs = 2, loss = "mse", batch_size = 12, seed = 2, progress = false })
    end
    if name ~= "normalized" then near(nested(x), plain(x), name) end
  end
end)

test("masks of several inputs reach merges, attention and outputs of nested models", function()
  local x = sequences(12)
  local y = sequences(12)
  local function apply(a, b)
    local seen = nn.multi_head_attention { 2, 4, name = "attention" } (a, b)
    local sum = nn.add { nn.dense { 3, name = "left" } (seen), nn.dense { 3, name = "right" } (a) }
    return nn.concat { sum, b, axis = 2 }
  end
  local a, b = nn.input { 5, 3 }, nn.input { 5, 3 }
  local part = nn.model { inputs = { a, b }, outputs = apply(a, b), seed = 4 }
  local function whole(body)
    local p, q = nn.input { 5, 3 }, nn.input { 5, 3 }
    return nn.model { inputs = { p, q }, outputs = nn.lstm { 3, return_sequences = true, name = "last" }
      (body(nn.masking {} (p), nn.masking {} (q))), seed = 4 }
  end
  local nested, plain = whole(function(p, q) return part { p, q } end), whole(apply)
  near(nested:predict(x, y), plain:predict(x, y))
  -- The mask of the result is that of the merge: losses count the same steps.
  local data = wane.data.tensors({ x, y }, { wane.randn({ 12, 10, 3 }, { seed = 3 }) })
  check.near(nested:evaluate(data, { loss = "mse" }).loss, plain:evaluate(data, { loss = "mse" }).loss, 1e-6)
end)
