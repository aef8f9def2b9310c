-- Layers of sequences: embeddings, recurrent layers, attention; alone, in training and under the verbs.

local wane = require "wane"
local nn = wane.nn

local function shape_of(t) return table.concat(t.shape, "x") end

local function sequential(...) return nn.sequential { ... } end

--- Sequences [count, 6, 3] that belong to class 1 when the first element of the first step is positive: a
--- layer has to remember it to the end.
local function memories(count)
  wane.seed(5)
  local x = wane.randn { count, 6, 3 }
  local classes = {}
  local list = x:tolist()
  for i = 1, count do classes[i] = list[i][1][1] > 0 and 1 or 0 end
  return wane.data.tensors(x, wane.tensor(classes, "i32"))
end

--- Five words of a vocabulary of ten; the class is the third word's parity.
local function sentences(count)
  wane.seed(6)
  local x = wane.randint({ count, 5 }, 0, 9)
  local classes = {}
  for i, row in ipairs(x:tolist()) do classes[i] = row[3] % 2 end
  return wane.data.tensors(x, wane.tensor(classes, "i32"))
end

local function fit(model, data, epochs, rate)
  return model:fit(data, { epochs = epochs, batch_size = 32, learning_rate = rate, seed = 1, progress = false })
end

test("recurrent layers return the last state, or all of them", function()
  for _, kind in ipairs { "simple_rnn", "lstm", "gru" } do
    local x = wane.randn { 4, 6, 3 }
    local all = sequential(nn.input { 6, 3 }, nn[kind] { 5, return_sequences = true, name = "layer" })
    local last = sequential(nn.input { 6, 3 }, nn[kind] { 5, name = "layer" })
    check.equal(shape_of(all(x)), "4x6x5", kind)
    check.equal(shape_of(last(x)), "4x5", kind)
    -- Parameters of layers of one name are the same, so the last of all states is the last state.
    local states, state = all(x):tolist(), last(x):tolist()
    for n = 1, 4 do
      for u = 1, 5 do check.near(states[n][6][u], state[n][u], 1e-6) end
    end
  end
end)

test("a layer that goes backwards sees the sequence turned round", function()
  local x = wane.randn { 2, 4, 3 }
  local turned = {}
  for n, rows in ipairs(x:tolist()) do
    turned[n] = { rows[4], rows[3], rows[2], rows[1] }
  end
  for _, kind in ipairs { "simple_rnn", "lstm", "gru" } do
    local options = { 5, return_sequences = true, name = "layer" }
    local forward = sequential(nn.input { 4, 3 }, nn[kind](options))
    options.go_backwards = true
    local backward = sequential(nn.input { 4, 3 }, nn[kind](options))
    local a, b = backward(x):flatten():tolist(), forward(wane.tensor(turned)):flatten():tolist()
    for i = 1, #a do check.near(a[i], b[i], 1e-6) end
  end
end)

test("bidirectional layers see the sequence from both ends", function()
  local x = wane.randn { 2, 4, 3 }
  local shapes = { concat = "2x4x10", sum = "2x4x5", mul = "2x4x5", ave = "2x4x5" }
  local results = {}
  for mode, shape in pairs(shapes) do
    local model = sequential(nn.input { 4, 3 },
      nn.bidirectional { nn.lstm { 5, return_sequences = true }, merge_mode = mode })
    results[mode] = model(x):tolist()
    check.equal(shape_of(model(x)), shape, mode)
  end
  for t = 1, 4 do
    local both = results.concat[1][t]
    for u = 1, 5 do
      check.near(results.sum[1][t][u], both[u] + both[u + 5], 1e-6)
      check.near(results.mul[1][t][u], both[u] * both[u + 5], 1e-6)
      check.near(results.ave[1][t][u], (both[u] + both[u + 5]) / 2, 1e-6)
    end
  end
  local last = sequential(nn.input { 4, 3 }, nn.bidirectional { nn.gru { 5 } })
  check.equal(shape_of(last(x)), "2x10")
  check.equal(shape_of(last:parameter "bidirectional/backward/kernel"), "3x15")
  check.raises("bad option 'layer' to 'bidirectional' (simple_rnn, lstm or gru expected, got dense)",
    nn.bidirectional, { nn.dense { 2 } })
  check.raises("...takes a layer that goes forwards; it goes backwards by itself", nn.bidirectional,
    { nn.gru { 2, go_backwards = true } })
end)

test("units of a bidirectional layer are taken out", function()
  local model = sequential(nn.input { 4, 3 }, nn.bidirectional { nn.lstm { 6 } }, nn.dense { 2 })
  local slim, report = wane.compress(model, { method = "filters", ratio = 0.5 })
  check.equal(shape_of(slim:parameter "bidirectional/forward/kernel"), "3x12")
  check.equal(shape_of(slim:parameter "dense/kernel"), "6x2")
  check.equal(report.layers[1].layer, "bidirectional/forward")
  check.equal(shape_of(slim(wane.randn { 2, 4, 3 })), "2x2")
end)

test("parameters are Keras's", function()
  local model = sequential(nn.input { 6, 3 }, nn.lstm { 5 }, nn.dense { 2 })
  check.equal(shape_of(model:parameter "lstm/kernel"), "3x20")
  check.equal(shape_of(model:parameter "lstm/recurrent_kernel"), "5x20")
  -- The forget gate's bias starts at one.
  check.equal(table.concat(model:parameter "lstm/bias":tolist(), " "):gsub("%.0", ""),
    "0 0 0 0 0 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0")
  local plain = sequential(nn.input { 6, 3 }, nn.lstm { 5, unit_forget_bias = false })
  check.equal(plain:parameter "lstm/bias":sum(), 0)
  local gru = sequential(nn.input { 6, 3 }, nn.gru { 5 })
  check.equal(shape_of(gru:parameter "gru/bias"), "2x15")
  local bare = sequential(nn.input { 6, 3 }, nn.simple_rnn { 5, use_bias = false })
  check.equal(#bare:parameter_names(), 2)
end)

test("recurrent kernels start orthogonal", function()
  local model = sequential(nn.input { 6, 3 }, nn.gru { 7 }, nn.dense { 2 })
  local u = model:parameter "gru/recurrent_kernel"
  local product = u:matmul(u:transpose()):tolist()
  for i = 1, 7 do
    for j = 1, 7 do check.near(product[i][j], i == j and 1 or 0, 1e-5) end
  end
end)

test("recurrent layers learn to remember", function()
  local data = memories(256)
  for _, kind in ipairs { "lstm", "gru", "simple_rnn" } do
    local model = sequential(nn.input { 6, 3 }, nn[kind] { 12 }, nn.dense { 2, activation = "softmax" })
    fit(model, data, 20, 0.01)
    check.truthy(model:evaluate(data).accuracy > 0.9, kind)
  end
end)

test("embeddings turn whole numbers into vectors that are learned", function()
  local model = sequential(nn.input { 5, dtype = "i32" }, nn.embedding { 10, 4 })
  check.equal(shape_of(model:parameter "embedding/embeddings"), "10x4")
  local rows = model:parameter "embedding/embeddings":tolist()
  local y = model(wane.tensor({ { 0, 9, 3, 3, 1 } }, "i32")):tolist()
  for i, word in ipairs { 0, 9, 3, 3, 1 } do
    for c = 1, 4 do check.equal(y[1][i][c], rows[word + 1][c]) end
  end

  local data = sentences(320)
  local classifier = sequential(nn.input { 5, dtype = "i32" }, nn.embedding { 10, 4 }, nn.gru { 12 },
    nn.dense { 2, activation = "softmax" })
  fit(classifier, data, 25, 0.02)
  check.truthy(classifier:evaluate(data).accuracy > 0.9)
end)

test("an index beyond the table is an error, and the model lives on", function()
  local model = sequential(nn.input { 2, dtype = "i32" }, nn.embedding { 3, 2 }, nn.flatten {},
    nn.dense { 2, activation = "softmax" })
  local good = wane.tensor({ { 0, 2 } }, "i32")
  local before = model(good):tolist()[1][1]
  for _, bad in ipairs { 3, -1 } do
    check.raises("...an index is beyond the rows of its embedding", function()
      model(wane.tensor({ { 0, bad } }, "i32"))
    end)
  end
  check.raises("...an index is beyond the rows of its embedding", function()
    fit(model, wane.data.tensors(wane.tensor({ { 0, 7 } }, "i32"), wane.tensor({ 1 }, "i32")), 1)
  end)
  check.equal(model(good):tolist()[1][1], before)
  check.raises("...takes whole numbers (an input of dtype 'i32' or 'u8'), got Nx2", function()
    sequential(nn.input { 2 }, nn.embedding { 3, 2 })
  end)
  check.raises("...the model takes i32 values, got f32", function() model(wane.zeros { 1, 2 }) end)
end)

test("attention looks at a sequence itself, or at another", function()
  local x = nn.input { 4, 6 }
  local y = nn.input { 7, 3 }
  local own = nn.model { inputs = x, outputs = nn.multi_head_attention { 2, 5 } (x) }
  check.equal(shape_of(own(wane.randn { 3, 4, 6 })), "3x4x6")
  check.equal(shape_of(own:parameter "multi_head_attention/query/kernel"), "6x10")
  check.equal(shape_of(own:parameter "multi_head_attention/attention_output/kernel"), "10x6")
  local other = nn.model {
    inputs = { x, y }, outputs = nn.multi_head_attention { num_heads = 2, key_dim = 5, output_dim = 8 } { x, y },
  }
  check.equal(shape_of(other(wane.randn { 3, 4, 6 }, wane.randn { 3, 7, 3 })), "3x4x8")
end)

test("with a causal mask the past does not see the future", function()
  local model = sequential(nn.input { 4, 3 }, nn.multi_head_attention { 2, 3, use_causal_mask = true })
  local x = wane.randn { 1, 4, 3 }
  local changed = x:tolist()
  changed[1][4] = { 9, 9, 9 }
  local a, b = model(x):tolist()[1], model(wane.tensor(changed)):tolist()[1]
  for t = 1, 3 do
    for c = 1, 3 do check.near(a[t][c], b[t][c], 1e-6) end
  end
  check.truthy(math.abs(a[4][1] - b[4][1]) > 1e-4)
end)

test("a transformer learns, with dropout in training only", function()
  local data = sentences(320)
  local x = nn.input { 5, dtype = "i32" }
  local e = nn.embedding { 10, 8 } (x)
  local place = nn.gru { 8, return_sequences = true } (e)
  local a = nn.add { place, nn.multi_head_attention { 2, 4, dropout = 0.1 } (place) }
  local h = nn.add { a, nn.dense { 8 } (nn.dense { 16, activation = "relu" } (a)) }
  local model = nn.model { inputs = x, outputs = nn.dense { 2, activation = "softmax" } (nn.flatten {} (h)) }
  fit(model, data, 15, 0.01)
  check.truthy(model:evaluate(data).accuracy > 0.9)
  local once, again = model(data.inputs):tolist(), model(data.inputs):tolist()
  check.equal(once[1][1], again[1][1])
end)

test("sequence models are saved and loaded", function()
  local path = os.tmpname()
  local x = nn.input { 5, dtype = "i32" }
  local h = nn.multi_head_attention { 2, 4 } (nn.lstm { 6, return_sequences = true } (nn.embedding { 10, 4 } (x)))
  local model = nn.model { inputs = x, outputs = nn.gru { 3 } (h) }
  model:save(path)
  local loaded = wane.load(path)
  os.remove(path)
  local words = wane.tensor({ { 1, 2, 3, 4, 5 } }, "i32")
  check.equal(table.concat(loaded(words):tolist()[1], " "), table.concat(model(words):tolist()[1], " "))
end)

test("options are checked", function()
  check.raises("bad option 'unit' to 'lstm' (did you mean 'units'?)", nn.lstm, { unit = 3 })
  check.raises("missing option 'units' to 'gru'", nn.gru, {})
  check.raises("...units must be in 1..16777216, got 0", nn.simple_rnn, { 0 })
  check.raises("...got 'tan' (did you mean 'tanh'?)...",
    nn.simple_rnn, { 3, activation = "tan" })
  check.raises("...input_dim and output_dim must be positive, got 0 and 2", nn.embedding, { 0, 2 })
  check.raises("...dropout must be in [0, 1), got 1.0", nn.multi_head_attention, { 2, 2, dropout = 1 })
  check.raises("...num_heads, key_dim, value_dim and output_dim must be in 1..65536, got [0, 2, 2, 1]",
    nn.multi_head_attention, { 0, 2 })
  check.raises("...in layer 'lstm': lstm: takes sequences [steps, channels], got Nx9", function()
    sequential(nn.input { 9 }, nn.lstm { 2 })
  end)
  check.raises("bad option 'dtype' to 'input' (expected one of 'f32', 'i32', 'u8', got 'int')...", nn.input,
    { 2, dtype = "int" })
end)

-- ---- The verbs --------------------------------------------------------------------------------

local function classifier()
  return sequential(nn.input { 5, dtype = "i32" }, nn.embedding { 10, 8 }, nn.lstm { 12, return_sequences = true },
    nn.gru { 8 }, nn.dense { 6, activation = "relu" }, nn.dense { 2, activation = "softmax" })
end

local function labels(list)
  local names = {}
  for _, row in ipairs(list) do names[#names + 1] = row.layer end
  return table.concat(names, " ")
end

local kernels = "embedding lstm lstm/recurrent_kernel gru gru/recurrent_kernel dense dense_1"

test("kernels of sequence layers are pruned, and stay so in training", function()
  local data = sentences(64)
  local sparse, report = wane.prune(classifier(), { sparsity = 0.8, data = data, epochs = 1, progress = false })
  check.equal(labels(report.layers), kernels)
  check.equal(#report.skipped, 0)
  local zeros = sparse:parameter "lstm/recurrent_kernel":eq(0):sum()
  check.truthy(zeros > 0)
  fit(sparse, data, 1)
  check.truthy(sparse:parameter "lstm/recurrent_kernel":eq(0):sum() >= zeros)
  local only = select(2, wane.prune(classifier(), { sparsity = 0.5, only = "lstm" }))
  check.equal(labels(only.layers), "lstm lstm/recurrent_kernel")
end)

test("kernels of sequence layers share values", function()
  local shared, report = wane.compress(classifier(),
    { method = "share", clusters = 4, data = sentences(64), epochs = 1, progress = false })
  check.truthy(labels(report.layers):find("lstm lstm/recurrent_kernel", 1, true))
  local seen, count = {}, 0
  for _, value in ipairs(shared:parameter "gru/kernel":flatten():tolist()) do
    if not seen[value] then seen[value], count = true, count + 1 end
  end
  check.equal(count, 4)
end)

test("units and channels are taken out of sequence layers", function()
  local model = classifier()
  local slim, report = wane.compress(model, { method = "filters", ratio = 0.5, only = { "embedding", "lstm", "gru" } })
  check.equal(labels(report.layers), "embedding lstm lstm/recurrent_kernel gru gru/recurrent_kernel")
  check.equal(shape_of(slim:parameter "embedding/embeddings"), "10x4")
  check.equal(shape_of(slim:parameter "lstm/kernel"), "4x24")
  check.equal(shape_of(slim:parameter "lstm/recurrent_kernel"), "6x24")
  check.equal(shape_of(slim:parameter "gru/bias"), "2x12")
  check.equal(report.layers[2].units.after, 6)
  check.equal(shape_of(slim(wane.tensor({ { 1, 2, 3, 4, 5 } }, "i32"))), "1x2")
end)

test("units that are zero can go without a trace", function()
  -- A GRU's unit whose weights are all zero has the state zero, and the rest computes what it did.
  local model = classifier()
  local words = wane.tensor({ { 1, 2, 3, 4, 5 }, { 9, 8, 7, 6, 5 } }, "i32")
  local sparse = wane.prune(model, { sparsity = 0.99, scope = "layer", only = "gru" })
  local slim = wane.compress(sparse, { method = "filters", ratio = 0.5, only = "gru" })
  local a, b = sparse(words):tolist(), slim(words):tolist()
  for n = 1, 2 do check.near(a[n][1], b[n][1], 0.1) end
end)

test("what runs on floats is passed over by quantization, and said so", function()
  local model = classifier()
  local data = sentences(64)
  local int8, report = wane.quantize(model, { bits = 8, calibration = data, data = data, epochs = 1, progress = false })
  check.equal(labels(report.layers), "dense dense_1")
  check.equal(labels(report.skipped), "embedding lstm lstm/recurrent_kernel gru gru/recurrent_kernel")
  check.equal(report.skipped[2].reason, "a layer of kind 'lstm' runs on floats")
  check.equal(shape_of(int8(data.inputs)), "64x2")
end)

test("attention survives the verbs", function()
  local x = nn.input { 4, 6 }
  local h = nn.multi_head_attention { 2, 3 } (nn.dense { 6 } (x))
  local model = nn.model { inputs = x, outputs = nn.dense { 2 } (nn.flatten {} (h)) }
  local sparse, report = wane.prune(model, { sparsity = 0.5 })
  check.equal(labels(report.layers), "dense multi_head_attention/query multi_head_attention/key "
    .. "multi_head_attention/value multi_head_attention/attention_output dense_1")
  check.equal(shape_of(sparse(wane.randn { 3, 4, 6 })), "3x2")
  local slim, filters = wane.compress(model, { method = "filters", ratio = 0.5 })
  check.truthy(labels(filters.layers):find "multi_head_attention/query")
  check.equal(shape_of(slim(wane.randn { 3, 4, 6 })), "3x2")
  local int8, quantized = wane.quantize(model, { bits = 8, calibration = wane.data.tensors(
    wane.randn { 16, 4, 6 }, wane.zeros { 16, 2 }) })
  check.truthy(labels(quantized.layers):find "multi_head_attention/query")
  check.equal(shape_of(int8(wane.randn { 3, 4, 6 })), "3x2")
end)

test("a student learns from a recurrent teacher", function()
  local data = sentences(64)
  local student = wane.distill(
    sequential(nn.input { 5, dtype = "i32" }, nn.embedding { 10, 4 }, nn.gru { 4 }, nn.dense { 2, activation = "softmax" }),
    { teacher = classifier(), data = data, epochs = 1, progress = false })
  check.equal(shape_of(student(data.inputs)), "64x2")
end)
