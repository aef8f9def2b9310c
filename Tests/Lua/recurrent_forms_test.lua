-- What recurrent layers do besides the usual: activations, states in and out, dropout, masks; and layers
-- with several results.

local wane = require "wane"
local nn = wane.nn

local function shape_of(t) return table.concat(t.shape, "x") end
local function sequential(...) return nn.sequential { ... } end
local near = check.near_tensors

--- Sequences of words with 0 as padding, and the class of each: whether a 7 is in it.
local function sentences(count)
  wane.seed(3)
  local words = wane.randint({ count, 6 }, 1, 9):tolist()
  local classes = {}
  for i, row in ipairs(words) do
    for t = 7 - i % 4, 6 do row[t] = 0 end
    classes[i] = 0
    for _, word in ipairs(row) do if word == 7 then classes[i] = 1 end end
  end
  return wane.data.tensors(wane.tensor(words, "i32"), wane.tensor(classes, "i32"))
end

test("cells take other activations", function()
  local x = wane.randn { 2, 4, 3 }
  local function run(layer) return sequential(nn.input { 4, 3 }, layer)(x) end
  for _, kind in ipairs { "lstm", "gru" } do
    local usual = run(nn[kind] { 5, name = "r" })
    near(usual, run(nn[kind] { 5, name = "r", activation = "tanh", recurrent_activation = "sigmoid" }), kind)
    for _, activation in ipairs { "relu", "softsign", "elu" } do
      check.truthy((usual - run(nn[kind] { 5, name = "r", activation = activation })):abs():max() > 1e-4)
    end
    check.truthy((usual - run(nn[kind] { 5, name = "r", recurrent_activation = "hard_sigmoid" })):abs():max() > 1e-4)
  end
  check.raises("...expected one of 'linear', 'relu', 'sigmoid', 'tanh', 'relu6', 'leaky_relu', 'elu', 'selu', "
    .. "'hard_sigmoid', 'softplus', 'softsign', got 'gelu'...", nn.lstm, { 3, activation = "gelu" })
end)

test("a gru resets before or after the product", function()
  local x = wane.randn { 2, 4, 3 }
  local after = sequential(nn.input { 4, 3 }, nn.gru { 5, name = "r" })
  local before = sequential(nn.input { 4, 3 }, nn.gru { 5, name = "r", reset_after = false })
  check.equal(shape_of(before:parameter "r/bias"), "15")
  check.truthy((after(x) - before(x)):abs():max() > 1e-4)
end)

test("states go in and come out", function()
  local x, h, c = nn.input { 4, 3 }, nn.input { 5 }, nn.input { 5 }
  local y, state, cell = nn.lstm { 5, return_state = true } { x, h, c }
  local model = nn.model { inputs = { x, h, c }, outputs = { y, state, cell } }
  local values = wane.randn { 2, 4, 3 }
  local first, second = model:predict(values, wane.zeros { 2, 5 }, wane.zeros { 2, 5 })
  near(first, second)
  -- Two halves of a sequence, the second from where the first ended.
  local a, b = nn.input { 2, 3 }, nn.input { 2, 3 }
  local layer = nn.gru { 5, return_state = true, name = "r" }
  local _, middle = layer(a)
  local last = layer { b, middle }
  local halves = nn.model { inputs = { a, b }, outputs = last }
  local whole = sequential(nn.input { 4, 3 }, nn.gru { 5, name = "r" })
  near(halves:predict(values[{ {}, { 1, 2 } }], values[{ {}, { 3, 4 } }]), whole(values))

  check.raises("...in layer 'lstm': lstm: takes sequences, and a state of 2 values if any, got 2 values", function()
    nn.model { inputs = { x, h }, outputs = nn.lstm { 5 } { x, h } }
  end)
  check.raises("...in layer 'gru': gru: initial state Nx5 is not of Nx6", function()
    nn.model { inputs = { x, h }, outputs = nn.gru { 6 } { x, h } }
  end)
  check.raises("...sequential: layer 2 (gru) has 2 results; nn.model can take them apart", function()
    sequential(nn.input { 4, 3 }, nn.gru { 5, return_state = true })
  end)
end)

test("both directions are results, and their states", function()
  local x = nn.input { 4, 3 }
  local forward, backward = nn.bidirectional { nn.gru { 5, return_sequences = true }, merge_mode = "none", name = "b" } (x)
  local both = nn.model { inputs = x, outputs = { forward, backward } }
  local joined = sequential(nn.input { 4, 3 }, nn.bidirectional { nn.gru { 5, return_sequences = true }, name = "b" })
  local values = wane.randn { 2, 4, 3 }
  local a, b = both(values)
  near(wane.concat({ a, b }, -1), joined(values))

  local y, h, c, back_h, back_c = nn.bidirectional { nn.lstm { 5, return_state = true } } (x)
  local model = nn.model { inputs = x, outputs = { y, h, c, back_h, back_c } }
  local all, first, _, second = model(values)
  near(all, wane.concat({ first, second }, -1))
end)

test("a model of several outputs is a layer of several results", function()
  local x = nn.input { 3 }
  local two = nn.model { inputs = x, outputs = { nn.dense { 2 } (x), nn.dense { 4 } (x) } }
  local input = nn.input { 3 }
  local a, b = two(input)
  local outer = nn.model { inputs = input, outputs = nn.concat { b, a } }
  local values = wane.randn { 5, 3 }
  local left, right = two(values)
  near(outer(values), wane.concat({ right, left }, -1))
end)

test("dropout of inputs and state acts in training only, and repeats", function()
  local data = sentences(64)
  local function trained(seed)
    local model = sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 4 },
      nn.lstm { 6, dropout = 0.3, recurrent_dropout = 0.3 }, nn.dense { 2, activation = "softmax" })
    local x = data.inputs
    near(model(x), model(x))
    model:fit(data, { epochs = 1, batch_size = 16, seed = seed, progress = false })
    return model:parameter "lstm/recurrent_kernel"
  end
  near(trained(1), trained(1))
  check.truthy((trained(1) - trained(2)):abs():max() > 1e-6)
  check.raises("bad option 'recurrent_dropout' to 'gru' (must be in [0, 1), got 1.0)", nn.gru,
    { 3, recurrent_dropout = 1 })
  check.raises("bad option 'dropout' to 'simple_rnn' (must be in [0, 1), got -0.5)", nn.simple_rnn,
    { 3, dropout = -0.5 })
end)

-- ---- Masks ------------------------------------------------------------------------------------

test("padding changes nothing", function()
  local short = wane.tensor({ { 1, 2, 3 } }, "i32")
  local long = wane.tensor({ { 1, 2, 3, 0, 0 } }, "i32")
  local layers = {
    lstm = function() return nn.lstm { 5 } end, gru = function() return nn.gru { 5 } end,
    simple_rnn = function() return nn.simple_rnn { 5 } end,
    both = function() return nn.bidirectional { nn.gru { 5 } } end,
    mean = function() return nn.global_avg_pool1d {} end,
  }
  for name, layer in pairs(layers) do
    local function model(steps)
      return sequential(nn.input { steps, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true }, nn.dense { 4 },
        layer())
    end
    near(model(3)(short), model(5)(long), name)
  end
  local function attention(steps)
    return sequential(nn.input { steps, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true },
      nn.multi_head_attention { 2, 3 }, nn.layer_norm {}, nn.global_avg_pool1d {})
  end
  near(attention(3)(short), attention(5)(long), "attention")
end)

test("masking says which steps are padding", function()
  local model = sequential(nn.input { 4, 2 }, nn.masking { -1 }, nn.lstm { 3, return_sequences = true })
  local y = model(wane.tensor { { { 1, 2 }, { -1, -1 }, { -1, 3 }, { -1, -1 } } }):tolist()[1]
  for u = 1, 3 do
    check.equal(y[1][u], y[2][u])
    check.equal(y[3][u], y[4][u])
  end
  check.truthy(y[2][1] ~= y[3][1])
  local zero = sequential(nn.input { 4, 2 }, nn.masking { -1 },
    nn.lstm { 3, return_sequences = true, zero_output_for_mask = true })
  local z = zero(wane.tensor { { { 1, 2 }, { -1, -1 }, { -1, 3 }, { -1, -1 } } }):tolist()[1]
  check.equal(z[2][1], 0)
  check.raises("...in layer 'masking': masking: takes sequences [steps, channels], got Nx4", function()
    sequential(nn.input { 4 }, nn.masking {})
  end)
  check.raises("...masking: mask_value must be finite, got inf", nn.masking, { math.huge })
  check.raises("...in layer 'embedding': embedding: mask_zero takes sequences of whole numbers, got Nx2x3 i32", function()
    sequential(nn.input { 2, 3, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true })
  end)
end)

test("masked models learn, are saved, and go through the verbs", function()
  local data = sentences(256)
  local model = sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 8, mask_zero = true },
    nn.bidirectional { nn.gru { 12 } }, nn.dense { 2, activation = "softmax" })
  model:fit(data, { epochs = 25, batch_size = 32, learning_rate = 0.02, seed = 1, progress = false })
  check.truthy(model:evaluate(data).accuracy > 0.95)
  local path = os.tmpname()
  model:save(path)
  near(wane.load(path)(data.inputs), model(data.inputs))
  os.remove(path)
  local sparse = wane.prune(model, { sparsity = 0.5 })
  check.truthy(sparse:evaluate(data).loss > 0)
  local slim, report = wane.compress(model, { method = "filters", ratio = 0.5 })
  check.truthy(#report.layers > 0)
  check.equal(shape_of(slim(data.inputs)), "256x2")
  local int8 = wane.quantize(model, { bits = 8, calibration = data })
  check.truthy(int8:evaluate(data).accuracy > 0.9)
  local student = wane.distill(sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true },
    nn.lstm { 4 }, nn.dense { 2, activation = "softmax" }), { teacher = model, data = data, epochs = 1, progress = false })
  check.equal(shape_of(student(data.inputs)), "256x2")
end)

-- ---- Axes -------------------------------------------------------------------------------------

test("normalizations and slopes are along any axes", function()
  local x = wane.randn { 2, 5, 3 }
  for _, kind in ipairs { "layer_norm", "rms_norm" } do
    local steps = sequential(nn.input { 5, 3 }, nn[kind] { axis = 2 })
    check.equal(shape_of(steps:parameter(steps:parameter_names()[1])), "5")
    local turned = sequential(nn.input { 3, 5 }, nn[kind] {})
    near(steps(x):transpose(2, 3), turned(x:transpose(2, 3)), kind)
    local whole = sequential(nn.input { 5, 3 }, nn[kind] { axis = { 2, 3 } })
    check.equal(shape_of(whole:parameter(whole:parameter_names()[1])), "5x3")
    local flat = sequential(nn.input { 15 }, nn[kind] {})
    near(whole(x):reshape(2, 15), flat(x:reshape(2, 15)), kind)
  end
  check.raises("bad option 'axis' to 'layer_norm' (axes of a sample, from 2 or -1, expected, got [1])", nn.layer_norm,
    { axis = 1 })
  check.raises("...in layer 'rms_norm': rms_norm: axes [4], the batch counting as 1, are not different axes of a sample of "
    .. "Nx5x3", function() sequential(nn.input { 5, 3 }, nn.rms_norm { axis = 4 }) end)
  local slopes = sequential(nn.input { 4, 5, 3 }, nn.prelu { shared_axes = { 3, -1 } })
  check.equal(shape_of(slopes:parameter "prelu/alpha"), "4x1x1")
  check.raises("...axes [2, -3], the batch counting as 1, are not different axes...", function()
    sequential(nn.input { 4, 5, 3 }, nn.prelu { shared_axes = { 2, -3 } })
  end)
end)
