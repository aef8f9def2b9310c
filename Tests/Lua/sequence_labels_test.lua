-- Whole numbers as labels: a class for each step of a sequence or place of an image, or targets.

local wane = require "wane"
local nn = wane.nn

local function words(count)
  wane.seed(3)
  local x = wane.randint({ count, 6 }, 1, 9):tolist()
  for i, row in ipairs(x) do
    for t = 7 - i % 4, 6 do row[t] = 0 end
  end
  return x
end

local function parities(x)
  local y = {}
  for i, row in ipairs(x) do
    y[i] = {}
    for t, word in ipairs(row) do y[i][t] = word % 3 end
  end
  return y
end

local function tagger(mask)
  wane.seed(7)
  return nn.sequential {
    nn.input { 6, dtype = "i32" }, nn.embedding { 10, 8, mask_zero = mask },
    nn.gru { 8, return_sequences = true }, nn.dense { 3, activation = "softmax" },
  }
end

local options = { epochs = 3, batch_size = 16, learning_rate = 0.03, seed = 1, progress = false }

local function trained(data, extra)
  local all = {}
  for key, value in pairs(options) do all[key] = value end
  for key, value in pairs(extra or {}) do all[key] = value end
  return tagger(true):fit(data, all)
end

test("classes of steps are those of one-hot rows", function()
  local x = words(64)
  local y = parities(x)
  local rows = wane.tensor(y, "i32"):one_hot(3)
  local samples = wane.tensor(x, "i32")
  local hot = wane.data.tensors(samples, rows)
  local wanted = trained(hot, { loss = "cross_entropy" })
  local measured = tagger(true):evaluate(hot, { loss = "cross_entropy", metrics = { "confusion_matrix" } })
  local path = os.tmpname()
  wane.data.save_npz(path, { x = samples, y = wane.tensor(y, "i32") })
  local npy = os.tmpname()
  wane.tensor(y, "u8"):save_npy(npy)
  local xs = os.tmpname()
  samples:save_npy(xs)
  local function each(give)
    local at = 0
    return function()
      at = at + 1
      if x[at] then return give(at) end
    end
  end
  local forms = {
    tensors = wane.data.tensors(samples, wane.tensor(y, "i32")),
    bytes = wane.data.tensors(samples, wane.tensor(y, "u8")),
    lists = wane.data.tensors(samples, y),
    named = wane.data.tensors({ samples }, { dense = y }),
    several = wane.data.tensors({ samples }, { wane.tensor(y, "i32") }),
    npz = wane.data.npz(path, { inputs = "x", labels = "y" }),
    npy = wane.data.npy(xs, { labels = npy }),
    generator = wane.data.generator(each(function(i) return samples[i], y[i] end)),
    of_tensors = wane.data.generator(each(function(i) return samples[i], wane.tensor(y[i], "i32") end)),
    on_disk = wane.data.generator(each(function(i) return samples[i], y[i] end), { cache = "disk" }),
    mapped = hot:map(function(a, b) return a, b:argmax(2):to "i32" - 1 end),
    mapped_batches = hot:map(function(a, b) return a, b:argmax(3):to "i32" - 1 end, { batch_size = 10 }),
    trailing = wane.data.tensors(samples, wane.tensor(y, "i32"):reshape(64, 6, 1)),
  }
  for name, data in pairs(forms) do
    local history = trained(data)
    for epoch = 1, 3 do
      check.near(history.loss[epoch], wanted.loss[epoch], 1e-5, name)
      check.near(history.accuracy[epoch], wanted.accuracy[epoch], 1e-9, name)
    end
    local found = tagger(true):evaluate(data, { metrics = { "confusion_matrix" } })
    check.near(found.loss, measured.loss, 1e-6, name)
    check.near(found.accuracy, measured.accuracy, 1e-9, name)
    check.truthy(found.confusion_matrix == measured.confusion_matrix, name)
  end
  for _, file in ipairs { path, npy, xs } do os.remove(file) end
end)

test("streams and trainers take classes of steps", function()
  local x = words(64)
  local y = parities(x)
  local samples = wane.tensor(x, "i32")
  local data = wane.data.tensors(samples, y)
  local plain = { shuffle = false }
  local wanted = trained(data, plain)
  local stream = wane.data.generator(function()
    local at = 0
    return function()
      at = at + 1
      if x[at] then return samples[at], y[at] end
    end
  end, { buffer = 8 })
  local history = trained(stream:take(64), plain)
  local streamed = tagger(true):fit(stream, { epochs = 3, batch_size = 16, learning_rate = 0.03, seed = 1,
    progress = false, shuffle = false })
  for epoch = 1, 3 do
    check.near(history.loss[epoch], wanted.loss[epoch], 1e-6)
    check.near(streamed.loss[epoch], wanted.loss[epoch], 1e-6)
  end
  y[50][3] = 3
  check.raises("...train: label 3 of sample 50, step 3 is not one of the classes 0..2 that the model's 3 outputs stand for",
    function() tagger(true):fit(stream, { batch_size = 16, shuffle = false, progress = false }) end)
  y[50][3] = 0
  local model = tagger(true)
  local step = wane.trainer(model, { loss = "cross_entropy", learning_rate = 0.01 })
  local first
  for _ = 1, 10 do
    for inputs, labels in data:batches(16) do first = first or step(inputs, labels) end
  end
  check.truthy(model:evaluate(data).loss < first)
  check.raises("...train: label 9 of sample 2, step 1 is not one of the classes 0..2...",
    function() step(samples[{ { 1, 2 } }], wane.tensor({ { 0, 0, 0, 0, 0, 0 }, { 9, 0, 0, 0, 0, 0 } }, "i32")) end)
  -- A function of tensors sees the classes, too.
  local by_hand = tagger(false)
  by_hand:fit(data, { epochs = 1, loss = function(p, l) return wane.losses.cross_entropy(p, l) end, progress = false,
    batch_size = 16, shuffle = false, seed = 1 })
  local built_in = tagger(false)
  built_in:fit(data, { epochs = 1, progress = false, batch_size = 16, shuffle = false, seed = 1 })
  check.near(by_hand:evaluate(data).loss, built_in:evaluate(data).loss, 1e-5)
end)

test("classes of steps have weights", function()
  local x = words(32)
  local y = parities(x)
  local samples = wane.tensor(x, "i32")
  local hot = wane.data.tensors(samples, wane.tensor(y, "i32"):one_hot(3))
  local data = wane.data.tensors(samples, y)
  local weights = wane.rand { 32, 6 }
  for _, extra in ipairs { { sample_weight = weights }, { class_weight = { 1, 2, 0.5 } } } do
    local a = trained(data, extra)
    extra.loss = "cross_entropy"
    local b = trained(hot, extra)
    for epoch = 1, 3 do check.near(a.loss[epoch], b.loss[epoch], 1e-5) end
  end
  check.near(tagger(true):evaluate(data, { sample_weight = weights }).loss,
    tagger(true):evaluate(hot, { sample_weight = weights, loss = "cross_entropy" }).loss, 1e-6)
  local message = "label 7 of sample 32, step 6 is not one of the classes 0..2 that the model's 3 outputs stand for"
  y[32][6] = 7
  local bad = wane.data.tensors(samples, y)
  check.raises("...train: " .. message, function() tagger(true):fit(bad, options) end)
  check.raises("...evaluate: " .. message, function() tagger(true):evaluate(bad) end)
end)

test("places of an image have classes", function()
  wane.seed(5)
  local x = wane.rand { 12, 4, 5, 2 }
  local y = x:argmax(4):to "i32" - 1
  local function model()
    wane.seed(1)
    return nn.sequential { nn.input { 4, 5, 2 }, nn.conv2d { 4, 1, activation = "relu" }, nn.conv2d { 2, 1 } }
  end
  local m = model()
  local data = wane.data.tensors(x, y)
  local history = m:fit(data, { epochs = 60, batch_size = 4, learning_rate = 0.05, seed = 1, progress = false })
  check.truthy(history.accuracy[60] > 0.9, history.accuracy[60])
  check.equal(m:evaluate(data, { metrics = { "confusion_matrix" } }).confusion_matrix:sum(), 240)
  local bad = y:tolist()
  bad[2][3][1] = 2
  check.raises("...train: label 2 of sample 2, place (3, 1) is not one of the classes 0..1...",
    function() model():fit(wane.data.tensors(x, bad), { progress = false }) end)
end)

test("whole numbers are targets where an output asks for them", function()
  local x = wane.tensor { { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }
  local rows = { { 1, 0 }, { 0, 1 }, { 0, 1 }, { 1, 0 } }
  local function model(units)
    wane.seed(2)
    return nn.sequential { nn.input { 2 }, nn.dense { units or 2, activation = units and "linear" or "softmax" } }
  end
  local whole, real = wane.data.tensors(x, rows), wane.data.tensors(x, wane.tensor(rows))
  for _, loss in ipairs { "cross_entropy", "mse", "kl" } do
    local fit = { epochs = 2, loss = loss, seed = 1, progress = false }
    check.equal(model():fit(whole, fit).loss[2], model():fit(real, fit).loss[2])
    check.equal(model():evaluate(whole, { loss = loss }).loss, model():evaluate(real, { loss = loss }).loss)
  end
  -- The usual loss is that of targets.
  check.equal(model():evaluate(whole).loss, model():evaluate(real, { loss = "mse" }).loss)
  local heights = wane.data.tensors(x, { { 3 }, { 4 }, { 5 }, { 6 } })
  check.equal(model(1):evaluate(heights).loss, model(1):evaluate(heights, { loss = "mse" }).loss)
  -- A function of tensors gets floats, as the output is.
  local function difference(p, l) return (p - l):square():mean() end
  check.equal(#model():fit(whole, { loss = difference, progress = false }).loss, 1)
  -- Some whole, some not: targets.
  local mixed = { { 1, 0 }, { 0.5, 0.5 }, { 0, 1 }, { 0.25, 0.75 } }
  for _, cache in ipairs { "memory", "disk" } do
    local at = 0
    local data = wane.data.generator(function()
      at = at + 1
      if mixed[at] then return x[at], mixed[at] end
    end, { cache = cache })
    check.equal(data.labels.dtype, "f32")
    check.truthy(data.labels == wane.tensor(mixed))
  end
  local at = 0
  local stream = wane.data.generator(function()
    at = at + 1
    if mixed[at] then return x[at], mixed[at] end
  end, { buffer = 1 })
  check.equal(#model():fit(stream, { loss = "cross_entropy", batch_size = 1, progress = false }).loss, 1)
  check.raises("...augment: mixup of labels 4x2 i32 needs a model that tells whether they are classes...",
    function() whole:augment({ mixup = 0.2 }):batches(2) end)
  check.equal(#model():fit(whole:augment { mixup = 0.2 }, { loss = "cross_entropy", progress = false }).loss, 1)
end)
