-- Data sets and models with several inputs and outputs.

local wane = require "wane"
local nn = wane.nn

local function list(t) return table.concat(t:flatten():tolist(), " ") end

--- Two inputs, in which the class and the number hide.
local function pairs_of(count, seed)
  local left = wane.rand({ count, 4 }, { low = -1, high = 1, seed = seed })
  local right = wane.rand({ count, 3 }, { low = -1, high = 1, seed = seed + 100 })
  local sum = left:sum(2) + right:sum(2)
  return { left = left, right = right },
    { kind = sum:gt(0):to "i32", height = (sum * 0.5):reshape(count, 1) }
end

local function model(seed)
  local left, right = nn.input { 4, name = "left" }, nn.input { 3, name = "right" }
  local joined = nn.dense { 16, activation = "tanh" }(nn.concat {} { left, right })
  return nn.model {
    inputs = { left, right },
    outputs = {
      nn.dense { 2, activation = "softmax", name = "kind" } (joined),
      nn.dense { 1, name = "height" } (joined),
    },
    seed = seed or 1,
  }
end

test("a model with two inputs and two outputs learns both", function()
  local inputs, labels = pairs_of(256, 1)
  local data = wane.data.tensors(inputs, labels, { name = "pairs" })
  local held = wane.data.tensors(pairs_of(64, 2))
  check.equal(tostring(data), "pairs: 256 samples of 4 f32 and 3 f32, targets 256x1, classes")
  local net = model()
  local history = net:fit(data, {
    epochs = 15, batch_size = 32, learning_rate = 0.01, validation = held, seed = 1,
    loss = { "cross_entropy", "mse" }, loss_weights = { height = 0.5 }, metrics = { height = "mae" },
  })
  for _, name in ipairs {
    "loss", "kind_loss", "kind_accuracy", "height_loss", "height_mae", "validation_loss",
    "validation_kind_loss", "validation_kind_accuracy", "validation_height_loss", "validation_height_mae",
  } do
    check.equal(history[name] and #history[name], 15, name)
  end
  check.equal(history.accuracy, nil)
  check.near(history.loss[1], history.kind_loss[1] + 0.5 * history.height_loss[1], 1e-5)
  check.truthy(history.validation_kind_accuracy[15] > 0.9)
  check.truthy(history.validation_height_loss[15] < 0.05)

  local measures = net:evaluate(held, { loss_weights = { 1, 0.5 } })
  check.near(measures.loss, history.validation_loss[15], 1e-5)
  check.near(measures.kind_accuracy, history.validation_kind_accuracy[15], 1e-6)

  -- In order or by name, or from the data set.
  local x = held.inputs
  local kinds, heights = net:predict(held)
  for _, form in ipairs { { x }, { { x.left, x.right } }, { x.left, x.right } } do
    local a, b = net:predict(table.unpack(form))
    check.equal(list(a), list(kinds))
    check.equal(list(b), list(heights))
  end
  check.raises("...predict: the model has an input 'right', the data set has 'left', 'write'",
    net.predict, net, { left = x.left, write = x.right })
  check.raises("...predict: the model's input 'left' takes Nx4, got 64x3", net.predict, net, x.right, x.left)
  check.truthy(#tostring(net:profile(held)) > 0)
  check.truthy(tostring(net:profile(data, { training = true, runs = 1 })):find "kind")
  check.truthy(#tostring(wane.compare({ net = net }, { data = held, seconds = 0.02 })) > 0)
end)

test("early stopping watches the measure of an output", function()
  local data = wane.data.tensors(pairs_of(64, 1))
  local history = model():fit(data, {
    epochs = 3, batch_size = 32, validation = data, early_stopping = { monitor = "validation_kind_accuracy", patience = 5 },
  })
  check.equal(#history.loss, 3)
end)

test("losses of outputs: one for all, a list, names, functions", function()
  local inputs, labels = pairs_of(32, 1)
  local data = wane.data.tensors(inputs, labels)
  local function loss(option, weights)
    return model():evaluate(data, { loss = option, loss_weights = weights })
  end
  local usual = loss()
  check.near(usual.loss, usual.kind_loss + usual.height_loss, 1e-6)
  check.near(loss({ "cross_entropy", "mse" }).loss, usual.loss, 1e-6)
  check.near(loss({ height = { "huber", delta = 0.5 } }).kind_loss, usual.kind_loss, 1e-6)
  check.near(loss(nil, { 0, 2 }).loss, 2 * usual.height_loss, 1e-6)
  local function squared(predicted, label) return (predicted - label):square():mean() end
  local own = loss({ height = squared })
  check.near(own.height_loss, usual.height_loss, 1e-6)
  check.near(own.loss, usual.loss, 1e-6)
  local history = model():fit(data, { epochs = 1, loss = { height = squared }, validation = data })
  check.truthy(history.validation_height_loss[1] > 0)

  check.raises("...loss: there are 3 for the model's 2 outputs", loss, { "mse", "mse", "mse" })
  check.raises("...loss: the model has no output 'hight', only 'kind', 'height'", loss, { hight = "mse" })
  check.raises("...loss_weights: the model has no output 'x', only 'kind', 'height'", loss, nil, { x = 1 })
  check.raises("...bad option 'loss_weights' to 'evaluate' (list or table by output expected, got 1)", loss, nil, 1)
  check.raises("...bad option 'loss' to 'evaluate' (expected one of...", loss, { "mse", "mxe" })
end)

test("the runs of trainers and checkpoints have all columns", function()
  local inputs, labels = pairs_of(32, 1)
  local data = wane.data.tensors(inputs, labels)
  local one, other = model(), model()
  one:fit(data, { epochs = 3, batch_size = 32, shuffle = false, learning_rate = 0.01 })
  local function squared(x, y) return (x - y):square():mean() end
  local step = wane.trainer(other, { learning_rate = 0.01, loss = { "cross_entropy", squared } })
  for _ = 1, 3 do step(inputs, labels) end
  check.near(one:evaluate(data).loss, other:evaluate(data).loss, 1e-5)

  local path = os.tmpname()
  local function options(epochs, extra)
    local all = { epochs = epochs, batch_size = 8, checkpoint = path, seed = 3 }
    for name, value in pairs(extra or {}) do all[name] = value end
    return all
  end
  local whole, parts = model(), model()
  whole:fit(data, { epochs = 4, batch_size = 8, seed = 3 })
  parts:fit(data, options(2))
  parts = model()
  parts:fit(data, options(4, { resume = true }))
  for _, name in ipairs(whole:parameter_names()) do
    check.equal(list(parts:parameter(name)), list(whole:parameter(name)), name)
  end
  local changed = wane.data.tensors({ left = inputs.left, right = inputs.right + 1 }, labels)
  check.raises("...resume: the content of the data set was...", function()
    model():fit(changed, options(4, { resume = true }))
  end)
  check.raises("...resume: loss was...", function()
    model():fit(data, options(4, { resume = true, loss_weights = { 1, 2 } }))
  end)
  os.remove(path)
end)

test("data sets of several columns are cut, mapped and walked over", function()
  local d = wane.data.tensors(
    { wane.tensor { { 0 }, { 1 }, { 2 }, { 3 } }, wane.tensor({ 0, 1, 2, 3 }, "u8"):reshape(4, 1) },
    { wane.tensor({ 0, 1, 2, 3 }, "i32"), wane.tensor { 0, 2, 4, 6 } })
  check.equal(#d.inputs, 2)
  check.equal(list(d:skip(2).inputs[2]), "2 3")
  local halves = { d:split(0.5) }
  check.equal(list(halves[2].labels[2]), "4.0 6.0")
  local shuffled = d:shuffle(3)
  check.equal(list(shuffled.labels[1]), list(shuffled.inputs[2]))
  check.equal(#d:concat(d), 8)
  local seen = 0
  for inputs, labels in d:batches(3) do
    check.equal(list(inputs[2]), list(labels[1]))
    seen = seen + #inputs
  end
  check.equal(seen, 4)

  local mapped = d:map(function(inputs, labels)
    return { inputs[1] * 2, inputs[2] }, { labels[1], labels[2] + 1 }
  end)
  check.equal(list(mapped.inputs[1]), "0.0 2.0 4.0 6.0")
  check.equal(list(mapped.labels[2]), "1.0 3.0 5.0 7.0")
  check.equal(mapped.labels[1].dtype, "i32")
  local batched = d:map(function(inputs) return { sum = inputs[1] + 1 } end, { batch_size = 2 })
  check.equal(list(batched.inputs.sum), "1.0 2.0 3.0 4.0")
  check.equal(list(batched.labels[2]), "0.0 2.0 4.0 6.0")

  local made = wane.data.generator(coroutine.wrap(function()
    for i = 1, 3 do coroutine.yield({ a = { i, i }, b = wane.ones { 2, 2 } }, { kind = i % 2, size = i / 2 }) end
  end))
  check.equal(tostring(made), "generator: 3 samples of 2 f32 and 2x2 f32, 2 classes, targets 3")
  check.equal(list(made.labels.kind), "1 0 1")
  check.equal(list(made.inputs.a), "1.0 1.0 2.0 2.0 3.0 3.0")

  check.raises("...data: inputs 'b' 3x1 and labels 'y' 2 differ in their number of samples",
    wane.data.tensors, { a = wane.ones { 2, 1 }, b = wane.ones { 3, 1 } }, { y = { 0, 1 } })
  check.raises("...Tensors expected, got 'x' in it)", wane.data.tensors, { a = "x" }, { 0 })
  check.raises("...(tensors in a list or by name expected, got both)",
    wane.data.tensors, { wane.ones { 2, 1 }, b = wane.ones { 2, 1 } }, { 0, 1 })
  check.raises("...generator: sample 2 has the tensors 'b', those before 'a'", function()
    local i = 0
    wane.data.generator(function() i = i + 1; return { [i == 1 and "a" or "b"] = { 1 } }, 1 end, { limit = 2 })
  end)
end)

test("mixup mixes all columns alike", function()
  local inputs, labels = pairs_of(32, 1)
  local data = wane.data.tensors(inputs, labels):augment { mixup = 0.4, noise = 0.01 }
  local history = model():fit(data, { epochs = 2, batch_size = 8, loss_weights = { 1, 0.5 } })
  check.truthy(history.loss[2] == history.loss[2])
  check.raises("...augment: mixup cannot mix input 2, which is i32, not f32", function()
    local columns = { wane.ones { 2, 2 }, wane.ones({ 2, 2 }, "i32") }
    wane.data.tensors(columns, { wane.tensor { 0, 1 } }):augment { mixup = 0.2 }
  end)
end)

test("verbs work on models of several inputs and outputs", function()
  local data = wane.data.tensors(pairs_of(128, 1))
  local net = model()
  net:fit(data, { epochs = 4, batch_size = 32, learning_rate = 0.01 })
  local small = wane.quantize(net, { calibration = data, data = data, epochs = 1, loss_weights = { 1, 0.5 } })
  check.truthy(small:evaluate(data).kind_accuracy > 0.7)
  local pruned = wane.prune(net, { sparsity = 0.5, data = data, epochs = 1 })
  check.truthy(pruned:evaluate(data).loss < 2)
  local student = wane.distill(model(5), { teacher = net, data = data, epochs = 2 })
  check.truthy(student:evaluate(data).kind_accuracy > 0.3)
  check.raises("...bad option 'loss' to 'prune' (a name or a table expected, got function)",
    wane.prune, net, { data = data, loss = function(x) return x end })
end)
