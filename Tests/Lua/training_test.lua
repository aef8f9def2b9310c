-- Training, evaluation and what can be asked of them.

local wane = require "wane"
local nn = wane.nn

local folder = os.getenv "TMPDIR" or "/tmp"
local mark = tostring({}):match "0x(%x+)"
local function path(name) return ("%s/wane-training-%s-%s"):format(folder, mark, name) end

local shared = require "corners"
local contents, corners, network = shared.contents, shared.data, shared.network
local line, regression = shared.line, shared.regression

local function weights(model)
  local all = {}
  for _, name in ipairs(model:parameter_names()) do
    for _, value in ipairs(model:parameter(name):reshape(-1):tolist()) do all[#all + 1] = value end
  end
  return all
end

local function same(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- ---- fit --------------------------------------------------------------------------------------

test("the history has a list for each measure", function()
  local data, held = corners(64), corners(32, 5)
  local history = network():fit(data, {
    epochs = 3, batch_size = 16, validation = held, learning_rate = 0.05, metrics = { "top_2", "f1" },
  })
  for _, name in ipairs {
    "loss", "accuracy", "lr", "seconds", "top_2", "f1", "validation_loss", "validation_accuracy",
    "validation_top_2", "validation_f1",
  } do
    check.equal(#(history[name] or {}), 3, name)
  end
  check.truthy(history.loss[3] < history.loss[1])
  check.near(history.lr[1], 0.05)
  check.truthy(history.top_2[3] >= history.accuracy[3])
end)

test("fit learns, with every optimizer", function()
  local rates = { sgd = 0.2, adagrad = 0.3, adadelta = 20, lion = 0.02 }
  for _, name in ipairs { "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad", "adadelta", "lion" } do
    local model = network()
    model:fit(corners(128), {
      epochs = 12, batch_size = 16, optimizer = name, learning_rate = rates[name] or 0.03,
    })
    local accuracy = model:evaluate(corners(64, 9)).accuracy
    check.truthy(accuracy > 0.95, name .. " " .. accuracy)
  end
end)

test("an optimizer says what it is", function()
  check.equal(
    tostring(wane.optim.sgd { learning_rate = 0.5, momentum = 0.25, nesterov = true, clipnorm = 2 }),
    "sgd (learning_rate 0.5, momentum 0.25, nesterov, clipnorm 2.0)")
  check.equal(
    tostring(wane.optim.adamw {}),
    "adam (learning_rate 0.001, betas 0.9 and 0.999, epsilon 1e-07, weight_decay 0.004)")
  check.near(wane.optim.lion { learning_rate = 0.25 }.learning_rate, 0.25)
end)

test("bad optimizers", function()
  check.raises("...bad option 'clipnorm' to 'adam' (gradients are clipped in one way, 'clipvalue' is given too)",
    wane.optim.adam, { clipnorm = 1, clipvalue = 1 })
  check.raises("...bad option 'momentun' to 'sgd' (did you mean 'momentum'?)", wane.optim.sgd, { momentun = 1 })
  check.raises("...rmsprop: rho must be in [0, 1), got 1.0", wane.optim.rmsprop, { rho = 1 })
  check.raises("...sgd: weight_decay must be at least 0, got -1.0", wane.optim.sgd, { weight_decay = -1 })
  check.raises("...bad option 'optimizer' to 'fit' (there is no optimizer 'adm' (did you mean 'adam'?))",
    function() network():fit(corners(8), { optimizer = "adm" }) end)
end)

test("schedules", function()
  local function rates(schedule, epochs)
    return network():fit(corners(32), {
      epochs = epochs or 4, batch_size = 8, learning_rate = 1e-3, learning_rate_schedule = schedule,
    }).lr
  end
  local lr = rates { "step", boundaries = { 1, 2 }, values = { 3e-3, 2e-3, 1e-3 }, unit = "epochs" }
  check.near(lr[1], 3e-3, 1e-9)
  check.near(lr[2], 2e-3, 1e-9)
  check.near(lr[4], 1e-3, 1e-9)
  lr = rates { "exponential", decay_steps = 4, decay_rate = 0.5, staircase = true }
  check.near(lr[3], 0.25e-3, 1e-9)
  lr = rates { "constant", warmup_steps = 2, unit = "epochs" }
  check.near(lr[1], 1e-3 * 3 / 8, 1e-9)
  check.near(lr[4], 1e-3, 1e-9)
  lr = rates "cosine"
  check.truthy(lr[1] > lr[2] and lr[2] > lr[3] and lr[4] < 0.1e-3)
  check.truthy(rates("one_cycle")[4] < 1e-4)
  check.raises("...'learning_rate_schedule' to 'fit' (expected one of 'constant', 'step', ...", rates, "cosin")
  check.raises("...bad option 'alpa' to 'fit' option 'learning_rate_schedule' (did you mean 'alpha'?)", rates,
    { "cosine", alpa = 1 })
  check.raises("...missing option 'first_decay_steps' to ...", rates, { "cosine_restarts" })
  check.raises("...(t_mul must be at least 1, got 0.5)", rates,
    { "cosine_restarts", first_decay_steps = 3, t_mul = 0.5 })
end)

test("losses", function()
  local data = line(64)
  for _, loss in ipairs { "mse", "mae", "huber", { "huber", delta = 0.1 } } do
    local model = regression()
    local history = model:fit(data, { epochs = 30, batch_size = 8, learning_rate = 0.05, loss = loss })
    check.truthy(history.loss[30] < history.loss[1] / 4)
    local result = model:evaluate(data, { loss = loss, metrics = { "mae", "mse", "r2" } })
    check.truthy(result.r2 > 0.8, result.r2)
    check.equal(result.accuracy, nil)
  end
  for _, loss in ipairs {
    "cross_entropy", "focal", { "cross_entropy", label_smoothing = 0.1 }, { "focal", gamma = 1, alpha = 0.5 },
  } do
    local model = network()
    model:fit(corners(128), { epochs = 10, batch_size = 16, learning_rate = 0.05, loss = loss })
    check.truthy(model:evaluate(corners(64, 9), { loss = loss }).accuracy > 0.9)
  end
  check.raises("...bad option 'loss' to 'fit' (expected one of 'cross_entropy', ...",
    function() network():fit(corners(8), { loss = "crossentropy" }) end)
  check.raises("...bad option 'loss' to 'fit' (label_smoothing must be in [0, 1), got 1.0)",
    function() network():fit(corners(8), { loss = { "cross_entropy", label_smoothing = 1 } }) end)
  check.raises("...mae: labels 8 i32 do not fit the model's output Nx4",
    function() network():fit(corners(8), { loss = "mae" }) end)
end)

test("yes or no", function()
  local corner = corners(64)
  local labels = corner.labels:ge(2):to "i32"
  local data = wane.data.tensors(corner.inputs, labels)
  for _, last in ipairs { "sigmoid", "linear" } do
    local model = nn.sequential { nn.input { 2 }, nn.dense { 1, activation = last }, seed = 1 }
    local history = model:fit(data, { epochs = 10, batch_size = 8, learning_rate = 0.1, metrics = "auc" })
    check.truthy(history.accuracy[10] > 0.95)
    check.truthy(history.auc[10] > 0.95)
    local result = model:evaluate(data, { metrics = { "precision", "recall", "f1", "confusion_matrix" } })
    check.near(result.precision, 1)
    check.near(result.recall, 1)
    check.near(result.f1, 1)
    check.equal(result.confusion_matrix:get(1, 1), 32)
    check.equal(result.confusion_matrix:get(1, 2), 0)
  end
end)

test("metrics of evaluate", function()
  local model, data = network(), corners(40)
  local result = model:evaluate(data, { metrics = { "confusion_matrix", { "top_k", k = 3 }, "top_4", "precision" } })
  check.equal(table.concat(result.confusion_matrix.shape, "x"), "4x4")
  check.equal(result.confusion_matrix:sum(), 40)
  check.near(result.top_4, 1)
  check.truthy(result.top_3 <= 1)
  check.raises("...bad option 'metrics' to 'evaluate' (expected one of 'accuracy', ...",
    function() model:evaluate(data, { metrics = { "acuracy" } }) end)
  check.raises("...bad option 'metrics' to 'evaluate' ('top_3' is given twice)",
    function() model:evaluate(data, { metrics = { "top_3", { "top_k", k = 3 } } }) end)
  check.raises("...top_5: the model tells 4 classes apart",
    function() model:evaluate(data, { metrics = { "top_5" } }) end)
  check.raises("...bad option 'metrics' to 'evaluate' (k must be at least 1, got 0)",
    function() model:evaluate(data, { metrics = { "top_0" } }) end)
end)

test("weights of classes and samples", function()
  local data = corners(64)
  local model = network()
  model:fit(data, { epochs = 8, batch_size = 16, learning_rate = 0.05, class_weight = { 1, 1, 1, 0 } })
  local matrix = model:evaluate(data, { metrics = { "confusion_matrix" } }).confusion_matrix
  check.equal(matrix:get(4, 4), 0)
  model = network()
  local weight = data.labels:ne(0):to "f32"
  model:fit(data, { epochs = 8, batch_size = 16, learning_rate = 0.05, sample_weight = weight })
  matrix = model:evaluate(data, { metrics = { "confusion_matrix" } }).confusion_matrix
  check.equal(matrix:get(1, 1), 0)
  check.raises("...bad option 'sample_weight' to 'fit' (weights must be 64 f32 numbers, or a row for each of 64 "
    .. "samples, got 3 f32)",
    function() model:fit(data, { sample_weight = wane.ones { 3 } }) end)
  local other = network()
  other:fit(data:weigh(weight), { epochs = 8, batch_size = 16, learning_rate = 0.05 })
  check.truthy(same(weights(other), weights(model)))
  check.near(other:evaluate(data, { sample_weight = weight }).loss, other:evaluate(data:weigh(weight)).loss)
  check.raises("...weights must be 64 f32 numbers, or a row for each of 64 samples"
    .. ", got 3 f32", function() data:weigh(wane.ones { 3 }) end)
  check.raises("...weights must be at least 0, got -1.0",
    function() model:fit(data, { class_weight = { -1 } }) end)
end)

-- ---- Callbacks --------------------------------------------------------------------------------

test("callbacks see numbers and can stop", function()
  local steps, epochs = {}, {}
  local history = network():fit(corners(40), {
    epochs = 5, batch_size = 16,
    on_batch = function(batch) steps[#steps + 1] = batch end,
    on_epoch = function(epoch)
      epochs[#epochs + 1] = epoch
      if epoch.epoch == 2 then return "stop" end
    end,
  })
  check.equal(#history.loss, 2)
  check.equal(#epochs, 2)
  check.equal(#steps, 6)
  check.equal(steps[4].epoch, 2)
  check.equal(steps[4].step, 4)
  check.truthy(steps[4].loss > 0 and steps[4].lr > 0 and steps[4].accuracy >= 0)
  check.near(epochs[1].loss, history.loss[1])

  local count = 0
  history = network():fit(corners(40), {
    epochs = 5, batch_size = 16,
    on_batch = function()
      count = count + 1
      if count == 4 then return false end
    end,
  })
  check.equal(count, 4)
  check.equal(#history.loss, 2)
  check.raises("...broken", function()
    network():fit(corners(8), { on_batch = function() error "broken" end })
  end)
end)

test("callbacks do not change what is learned", function()
  local options = { epochs = 2, batch_size = 8, seed = 4 }
  local plain, watched = network(), network()
  plain:fit(corners(32), options)
  options.on_batch = function() end
  options.on_epoch = function() end
  options.metrics = { "accuracy", "f1" }
  watched:fit(corners(32), options)
  check.truthy(same(weights(plain), weights(watched)))
end)

test("early stopping", function()
  local data = corners(32)
  local history = network():fit(data, {
    epochs = 20, optimizer = wane.optim.sgd { learning_rate = 1e-30 }, validation = data,
    early_stopping = { patience = 3 },
  })
  check.equal(#history.loss, 4)

  -- What is learned makes the validation worse: the weights of the first epoch come back.
  local model = network()
  local best, seen = math.huge, {}
  local wrong = data.labels:tolist()
  for i, label in ipairs(wrong) do wrong[i] = (label + 1) % 4 end
  local other = wane.data.tensors(data.inputs, wane.tensor(wrong, "i32"))
  history = model:fit(data, {
    epochs = 8, batch_size = 8, validation = other, learning_rate = 0.05,
    early_stopping = { monitor = "validation_loss", patience = 2, restore_best = true },
    on_epoch = function(epoch)
      if epoch.validation_loss < best then best, seen = epoch.validation_loss, weights(model) end
    end,
  })
  check.equal(#history.loss, 3)
  check.truthy(same(weights(model), seen))
  check.near(model:evaluate(other).loss, best, 1e-6)
  check.raises("...monitor: there is no measure 'acuracy', only 'accuracy', 'loss', 'lr', 'seconds'",
    function() model:fit(data, { early_stopping = { monitor = "acuracy" } }) end)
  check.raises("...bad option 'early_stopping' to 'fit' (patience must be at least 0, got -1)",
    function() model:fit(data, { early_stopping = { patience = -1 } }) end)
  check.raises("...bad option 'patence' to 'fit' option 'early_stopping' (did you mean 'patience'?)",
    function() model:fit(data, { early_stopping = { patence = 1 } }) end)
end)

test("smaller steps on a plateau", function()
  local history = network():fit(corners(32), {
    epochs = 6, optimizer = wane.optim.sgd { learning_rate = 1e-20 }, validation = corners(16),
    reduce_on_plateau = { factor = 0.5, patience = 2, min_lr = 0.3e-20 },
  })
  check.near(history.lr[3] * 1e20, 1, 1e-5)
  check.near(history.lr[4] * 1e20, 0.5, 1e-5)
  check.near(history.lr[6] * 1e20, 0.3, 1e-5)
  check.raises("...bad option 'reduce_on_plateau' to 'fit' (factor must be in (0, 1), got 2.0)",
    function() network():fit(corners(8), { reduce_on_plateau = { factor = 2 } }) end)
end)

test("logs", function()
  local csv, lines = path "log.csv", path "log.jsonl"
  local history = network():fit(corners(32), { epochs = 2, csv_log = csv, jsonl_log = lines })
  local rows = {}
  for row in contents(csv):gmatch "[^\n]+" do rows[#rows + 1] = row end
  check.equal(#rows, 3)
  check.equal(rows[1], "epoch,accuracy,loss,lr,seconds")
  check.near(tonumber(rows[3]:match "^2,[^,]*,([^,]*)"), history.loss[2], 1e-9)
  local objects = {}
  for row in contents(lines):gmatch "[^\n]+" do objects[#objects + 1] = row end
  check.equal(#objects, 2)
  check.near(tonumber(objects[2]:match '"loss": ([^,}]*)'), history.loss[2], 1e-9)
  os.remove(csv)
  os.remove(lines)
  check.raises("...log: cannot write '/nowhere/x.csv': No such file or directory",
    function() network():fit(corners(8), { csv_log = "/nowhere/x.csv" }) end)
end)

test("the average of the weights", function()
  local data = corners(32)
  local options = { epochs = 1, batch_size = 8, seed = 1 }
  local plain, averaged = network(), network()
  options.optimizer = wane.optim.sgd { learning_rate = 0.1 }
  plain:fit(data, options)
  local before = weights(network())
  options.optimizer = wane.optim.sgd { learning_rate = 0.1, use_ema = true, ema_momentum = 0.5 }
  averaged:fit(data, options)
  local a, b = weights(plain), weights(averaged)
  check.truthy(not same(a, b))
  local nearer = 0
  for i = 1, #a do
    if math.abs(b[i] - before[i]) <= math.abs(a[i] - before[i]) + 1e-7 then nearer = nearer + 1 end
  end
  check.truthy(nearer > #a / 2)
end)

test("numbers that are not finite", function()
  local data = line(16)
  local bad = wane.data.tensors(data.inputs * (0 / 0), data.labels)
  check.raises("...the loss is nan at step 1: the data set has a number that is not finite",
    function() regression():fit(bad) end)
  local model = regression()
  check.raises("...not finite; try a smaller learning_rate", function()
    model:fit(data, { epochs = 50, batch_size = 4, optimizer = wane.optim.sgd { learning_rate = 1e18 } })
  end)
  for _, value in ipairs(weights(model)) do check.truthy(value == value) end
end)

-- ---- Mistakes ---------------------------------------------------------------------------------

test("bad options of fit", function()
  local data = corners(8)
  check.raises("...bad option 'epochs' to 'fit' ...", function() network():fit(data, { epochs = -1 }) end)
  check.raises("...bad option 'epcohs' to 'fit' (did you mean 'epochs'?)",
    function() network():fit(data, { epcohs = 1 }) end)
  check.raises("...bad option 'batch_size' to 'fit' (must be at least 1, got 0)",
    function() network():fit(data, { batch_size = 0 }) end)
  check.raises("...bad argument #1 to 'fit' (Dataset expected, got number)", function() network():fit(3) end)
  check.raises("...the model takes Nx2, the data set has 1", function() network():fit(line(8)) end)
end)

test("metrics of predictions that are no numbers do not end the process", function()
  local nan = 0 / 0
  local data = wane.data.tensors(wane.tensor { { nan, 1 }, { 1, 2 }, { 2, 3 } }, { 0, 1, 0 })
  for _, name in ipairs { "auc", "confusion_matrix", "f1", "precision", "recall", "top_1" } do
    local model = nn.sequential { nn.input { 2 }, nn.dense { 2, activation = "softmax" } }
    check.truthy(model:evaluate(data, { metrics = { name } })[name])
    check.raises("...train: the loss is nan at step 1: the data set has a number that is not finite",
      function() model:fit(data, { metrics = { name } }) end)
  end
end)

test("a loss that the model has no part in is refused", function()
  check.raises("...loss: must be computed from the model's output, nothing can be learned", function()
    network():fit(corners(8), { loss = function(_, label) return label:to("f32"):mean() end })
  end)
end)

test("a trainer rounds as it is told", function()
  local data = corners(64)
  local function loss(precision)
    local step = wane.trainer(network(), { precision = precision })
    step(data.inputs, data.labels)
    return step(data.inputs, data.labels)
  end
  check.equal(loss(nil), loss "f32")
  -- Products that are too small for it, or a processor without it, are not rounded.
  check.truthy(math.abs(loss "bf16" - loss "f32") < 0.01)
  check.raises("...bad option 'precision' to 'trainer' (expected one of 'f32', 'bf16', got 'f16'...",
    function() wane.trainer(network(), { precision = "f16" }) end)
end)

test("a callback of a step sees the model of that step, which an error leaves", function()
  local model, seen = network(), nil
  check.raises("...enough", function()
    model:fit(corners(32), { batch_size = 8, on_batch = function(batch)
      seen = weights(model)
      if batch.step == 3 then error "enough" end
    end })
  end)
  local other = network()
  other:fit(corners(32), { batch_size = 8, on_batch = function(batch) return batch.step < 3 end })
  check.truthy(same(seen, weights(other)) and same(weights(model), weights(other)))
end)

test("trainers of one model go on from what the other left", function()
  local data, model = corners(32), network()
  local options = { optimizer = wane.optim.sgd { learning_rate = 0.1 } }
  local first, second = wane.trainer(model, options), wane.trainer(model, options)
  for _ = 1, 3 do
    first(data.inputs, data.labels)
    second(data.inputs, data.labels)
  end
  model:fit(data, options)
  first(data.inputs, data.labels)
  local other = network()
  local step = wane.trainer(other, options)
  for _ = 1, 6 do step(data.inputs, data.labels) end
  check.truthy(model:evaluate(data).loss < other:evaluate(data).loss)
end)

test("a trainer takes batches of many sizes", function()
  local data, step = corners(40), wane.trainer(network())
  for size = 1, 40 do check.truthy(step(data:take(size).inputs, data:take(size).labels) > 0) end
end)
