-- Losses, metrics and weights of sequences: a class (as a row), an answer or numbers for each step.

local wane = require "wane"
local nn = wane.nn

local function sequential(...) return nn.sequential { ... } end
--- Words with padding, and a class for each: its parity.
local function tagged(count)
  wane.seed(3)
  local words = wane.randint({ count, 6 }, 1, 9):tolist()
  local tags = {}
  for i, row in ipairs(words) do
    tags[i] = {}
    for t = 1, 6 do
      if t > 6 - i % 4 then row[t] = 0 end
      tags[i][t] = { 1 - row[t] % 2, row[t] % 2 }
    end
  end
  return wane.tensor(words, "i32"), wane.tensor(tags)
end

local function tagger(mask)
  return sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 8, mask_zero = mask },
    nn.gru { 8, return_sequences = true }, nn.dense { 2, activation = "softmax" })
end

test("a sequence has a class for each step", function()
  local x, tags = tagged(128)
  local data = wane.data.tensors(x, tags)
  for _, mask in ipairs { true, false } do
    local model = tagger(mask)
    local history = model:fit(data, {
      epochs = 15, batch_size = 32, learning_rate = 0.03, seed = 1, progress = false,
      loss = "cross_entropy", metrics = { "confusion_matrix" },
    })
    check.equal(#history.accuracy, 15)
    check.truthy(history.accuracy[15] > 0.95, history.accuracy[15])
    local result = model:evaluate(data, { loss = "cross_entropy", metrics = { "confusion_matrix" } })
    check.truthy(result.accuracy > 0.95)
    check.truthy(result.loss < 0.3)
    -- Only steps that count are counted.
    check.equal(result.confusion_matrix:sum(), mask and x:ne(0):sum() or 128 * 6)
  end
  local path = os.tmpname()
  local model = tagger(true)
  model:save(path)
  local loaded = wane.load(path)
  os.remove(path)
  check.near(loaded:evaluate(data, { loss = "cross_entropy" }).loss, model:evaluate(data, { loss = "cross_entropy" }).loss, 1e-6)
  check.near(loaded:evaluate(data, { loss = "cross_entropy" }).accuracy,
    model:evaluate(data, { loss = "cross_entropy" }).accuracy, 1e-9)
  local slim = wane.compress(tagger(true), { method = "filters", ratio = 0.5 })
  check.truthy(slim:evaluate(data, { loss = "cross_entropy" }).loss > 0)
  local sparse = wane.prune(tagger(true), { sparsity = 0.5, data = data, epochs = 1, loss = "cross_entropy", progress = false })
  check.truthy(sparse:evaluate(data, { loss = "cross_entropy" }).accuracy > 0)
  local int8 = wane.quantize(tagger(true), { bits = 8, calibration = data })
  check.truthy(int8:evaluate(data, { loss = "cross_entropy" }).accuracy > 0)
end)

test("steps have weights", function()
  local x, tags = tagged(16)
  local data = wane.data.tensors(x, tags)
  local masked, plain = tagger(true), tagger(false)
  local counts = x:ne(0):to "f32"
  local share = counts:mean()
  -- A mask is a weight of 0, but for what the sum is divided by.
  check.near(masked:evaluate(data, { loss = "cross_entropy" }).loss,
    plain:evaluate(data, { loss = "cross_entropy", sample_weight = counts }).loss / share, 1e-5)
  local history = plain:fit(data, { epochs = 1, batch_size = 16, sample_weight = counts, loss = "cross_entropy",
    progress = false })
  check.truthy(history.loss[1] > 0)
  check.raises("...bad option 'sample_weight' to 'evaluate' (weights must be 16 f32 numbers, or a row for each of "
    .. "16 samples, got 3 f32)", function() plain:evaluate(data, { loss = "cross_entropy", sample_weight = wane.ones { 3 } }) end)
  check.raises("...weights NxT...", function()
    local ok, message = pcall(plain.fit, plain, data, { epochs = 1, loss = "cross_entropy", sample_weight = wane.ones { 16, 5 } })
    check.truthy(not ok)
    error((message:gsub("Nx5", "NxT")), 0)
  end)
end)

test("a sequence has an answer for each step, or numbers", function()
  local x, tags = tagged(32)
  local answers = sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true },
    nn.lstm { 6, return_sequences = true }, nn.dense { 1, activation = "sigmoid" })
  local data = wane.data.tensors(x, tags[{ {}, {}, 2 }])
  local history = answers:fit(data, { epochs = 20, loss = "binary_cross_entropy",
    batch_size = 8, learning_rate = 0.03, progress = false, seed = 1 })
  check.truthy(history.accuracy[20] > 0.9, history.accuracy[20])
  local numbers = sequential(nn.input { 6, dtype = "i32" }, nn.embedding { 10, 4, mask_zero = true },
    nn.gru { 6, return_sequences = true }, nn.dense { 2 })
  local targets = wane.data.tensors(x, wane.randn { 32, 6, 2 })
  for _, loss in ipairs { "mse", "mae", "huber", "cosine_similarity" } do
    check.equal(#numbers:fit(targets, { epochs = 1, loss = loss, progress = false }).loss, 1)
  end
  check.equal(#tagger(true):fit(wane.data.tensors(x, tags), { epochs = 1, loss = "focal", progress = false }).loss, 1)
end)
