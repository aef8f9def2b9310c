-- wane.distill: a student learns from a teacher.

local samples = require "samples"
local wane = require "wane"
local nn = wane.nn

local distill = wane.distill

local function student(seed)
  return nn.sequential {
    seed = seed or 1,
    nn.input { 8, 8, 1 },
    nn.conv2d { 4, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { 8, activation = "relu" },
    nn.dense { samples.classes, activation = "softmax" },
  }
end

test("a student learns from the teacher's answers, and both arguments stay as they are", function()
  local teacher, data = samples.trained(), samples.images(512, 9)
  local small = student()
  local taught, report = distill(small,
    { teacher = teacher, data = data, epochs = 6, batch_size = 32, learning_rate = 0.01 })
  check.truthy(samples.same(teacher, samples.trained()))
  check.truthy(samples.same(small, student()))
  check.truthy(taught:evaluate(data).accuracy > 0.9, taught:evaluate(data).accuracy)
  check.equal(report.verb, "distill")
  check.equal(report.options.temperature, 2)
  check.near(report.options.alpha, 0.5)
  check.equal(report.options.transfer, "none")
  check.equal(#report.history, 6)
  check.equal(taught.parameters, small.parameters)
end)

test("with the teacher alone, labels do not matter", function()
  local teacher, data = samples.trained(), samples.images(512, 9)
  local wrong = wane.data.tensors(data.inputs, wane.zeros({ #data }, "i32"))
  local taught = distill(student(),
    { teacher = teacher, data = wrong, alpha = 1, epochs = 6, batch_size = 32, learning_rate = 0.01 })
  check.truthy(taught:evaluate(data).accuracy > 0.9, taught:evaluate(data).accuracy)
end)

test("a student can start with a part of the teacher", function()
  local teacher = samples.trained()
  local small = student()
  local heir, report = distill(small, { teacher = teacher, transfer = "slice" })
  check.truthy(samples.same(small, student()))
  check.equal((samples.same(small, heir)), false)
  check.equal(samples.layers(report.layers), "conv2d dense dense_1")
  check.equal(report.layers[1].filters.before, 8)
  check.equal(report.layers[1].filters.after, 4)
  check.truthy(report.layers[1].action:find("'conv2d'", 1, true), report.layers[1].action)
  -- Every filter of the student is one of the teacher's.
  local mine = heir:parameter "conv2d/kernel":reshape(9, 4):transpose():tolist()
  local theirs = teacher:parameter "conv2d/kernel":reshape(9, 8):transpose():tolist()
  for _, filter in ipairs(mine) do
    local found = false
    for _, other in ipairs(theirs) do found = found or table.concat(filter, ",") == table.concat(other, ",") end
    check.truthy(found)
  end
end)

test("a teacher of the same shape hands over everything", function()
  local teacher, data = samples.trained(), samples.images(64)
  local heir = distill(samples.network { seed = 5 }, { teacher = teacher, transfer = "slice" })
  check.equal((heir:predict(data) - teacher:predict(data)):abs():max(), 0)
end)

test("a deeper student skips the layers that have no partner", function()
  local deep = nn.sequential {
    nn.input { 8, 8, 1 }, nn.flatten {}, nn.dense { 8 }, nn.dense { 8 }, nn.dense { 8 },
    nn.dense { 4, activation = "softmax" },
  }
  local _, report = distill(deep, { teacher = samples.trained(), transfer = "slice" })
  check.truthy(#report.skipped > 0)
  check.truthy(#report.skipped[1].reason > 0)
end)

test("a student under constraints keeps them", function()
  local data = samples.images(128)
  local sparse = wane.prune(student(), { sparsity = 0.6 })
  local taught = distill(sparse, { teacher = samples.trained(), data = data, epochs = 1, batch_size = 32 })
  check.equal(select(2, samples.count(taught, "dense/kernel")), select(2, samples.count(sparse, "dense/kernel")))
end)

test("a quantized teacher teaches", function()
  local data = samples.images(256)
  local teacher = wane.quantize(samples.trained(), { calibration = data })
  local taught = distill(student(), { teacher = teacher, data = data, epochs = 8, batch_size = 16, learning_rate = 0.01 })
  check.truthy(taught:evaluate(data).accuracy > 0.9, taught:evaluate(data).accuracy)
end)

test("every verb takes a teacher", function()
  local teacher, data = samples.trained(), samples.images(128)
  local sparse = wane.prune(teacher,
    { sparsity = 0.7, data = data, batch_size = 16, teacher = teacher, temperature = 2, alpha = 0.5 })
  check.truthy(sparse:evaluate(data).accuracy > 0.8, sparse:evaluate(data).accuracy)
end)

test("options out of range", function()
  local teacher, data = samples.trained(), samples.images(8)
  local function with(options)
    options.teacher = options.teacher or teacher
    options.data = options.data or data
    return distill(student(), options)
  end
  for _, temperature in ipairs { 0, -1, 0 / 0, 1 / 0, 1e300, 1e-300 } do
    check.raises("...temperature must be ...", with, { temperature = temperature })
  end
  for _, alpha in ipairs { -0.1, 1.1, 0 / 0 } do
    check.raises("...alpha must be in [0, 1], got ...", with, { alpha = alpha })
  end
  check.raises("...missing option 'teacher' to 'distill'", distill, student(), { data = data })
  check.raises("...missing option 'teacher' to 'distill'", distill, student())
  check.raises("...bad option 'teacher' to 'distill' (Model or list of them expected, got 'cnn.wane')", with,
    { teacher = "cnn.wane" })
  check.raises("...bad option 'temprature' to 'distill' (did you mean 'temperature'?)", with, { temprature = 3 })
  check.raises("...(expected one of 'none', 'slice', 'average', 'match', 'layers', got 'copy')", with,
    { transfer = "copy" })
  check.raises("...distill: needs the options 'data' and 'epochs', or a transfer of parameters", distill, student(),
    { teacher = teacher })
  check.raises("...distill: needs the options 'data' and 'epochs', or a transfer of parameters", with, { epochs = 0 })
  check.raises("...empty", with, { data = data:take(0) })
end)

test("a teacher that does not fit", function()
  local data = samples.images(8)
  local other = nn.sequential { nn.input { 8, 8, 1 }, nn.flatten {}, nn.dense { 7, activation = "softmax" } }
  check.raises("...teacher...", distill, student(), { teacher = other, data = data })
  local blind = nn.sequential { nn.input { 5 }, nn.dense { 4, activation = "softmax" } }
  check.raises("...teacher...", distill, student(), { teacher = blind, data = data })
end)

local function taught(options)
  options.teacher = options.teacher or samples.trained()
  options.data = options.data or samples.images(256, 9)
  options.epochs, options.batch_size, options.learning_rate = options.epochs or 6, 16, 0.01
  return distill(student(), options)
end

test("features, attention and relations are learned, and leave nothing behind", function()
  local data = samples.images(256, 9)
  for _, options in ipairs {
    { features = true }, { features = { conv2d = "conv2d", dense = "dense" }, feature_weight = 0.5 },
    { attention = true, attention_weight = 2 }, { relations = "distance" },
    { relations = "similarity", relation_weight = 2 }, { standardize = true }, { keep_answers = false },
    { features = true, hint_epochs = 1 },
  } do
    local model = taught(options)
    check.truthy(model:evaluate(data).accuracy > 0.9, model:evaluate(data).accuracy)
    local names, own = model:parameter_names(), student():parameter_names()
    check.equal(table.concat(names, " "), table.concat(own, " "))
  end
end)

test("several teachers, peers, and the model itself", function()
  local data = samples.images(256, 9)
  local model = taught { teacher = { samples.trained(), samples.network { seed = 8 } } }
  check.truthy(model:evaluate(data).accuracy > 0.9, model:evaluate(data).accuracy)
  local again, report = taught { teacher = "self", generations = 2 }
  check.equal(#report.history, 18)
  check.truthy(again:evaluate(data).accuracy > 0.9, again:evaluate(data).accuracy)
  local peer = student(7)
  local one, together = distill(student(),
    { peers = peer, data = data, epochs = 6, batch_size = 16, learning_rate = 0.01 })
  check.truthy(one:evaluate(data).accuracy > 0.9, one:evaluate(data).accuracy)
  check.equal(#together.peers, 1)
  check.truthy(together.peers[1]:evaluate(data).accuracy > 0.9, together.peers[1]:evaluate(data).accuracy)
  check.truthy(samples.same(peer, student(7)))
  check.equal(together.options.temperature, 1)
  check.near(together.options.alpha, 0.5)
end)

test("parameters are handed over in four ways", function()
  local teacher = samples.trained()
  for transfer, action in pairs { slice = "took the longest", average = "took means of", match = "took the best matching" } do
    local _, report = distill(student(), { teacher = teacher, transfer = transfer })
    check.equal(report.options.transfer, transfer)
    check.truthy(report.layers[1].action:find(action, 1, true), report.layers[1].action)
  end
  local heir, report = distill(samples.network { seed = 5 }, { teacher = teacher, transfer = "layers" })
  check.truthy(samples.same(heir, teacher))
  check.equal(report.layers[1].parameters.after, 80)
end)

test("lessons serve the fine-tuning of any verb", function()
  local teacher, data = samples.trained(), samples.images(128)
  local sparse = wane.prune(teacher,
    { sparsity = 0.7, data = data, batch_size = 16, teacher = teacher, features = true, standardize = true })
  check.truthy(sparse:evaluate(data).accuracy > 0.8, sparse:evaluate(data).accuracy)
end)

test("errors of lessons and peers", function()
  local teacher, data = samples.trained(), samples.images(8)
  local function with(options)
    options.data = data
    return distill(student(), options)
  end
  check.raises("...the student has no layer 'conv9', only ...", with,
    { teacher = teacher, features = { conv9 = "conv2d" } })
  check.raises("...the teacher has no layer 'conv9', only ...", with,
    { teacher = teacher, features = { conv2d = "conv9" } })
  check.raises("...bad option 'features' to 'distill' (true or a table of student layer = teacher layer expected)",
    with, { teacher = teacher, features = "conv2d" })
  check.raises("...bad option 'features' to 'distill' (does nothing without 'teacher')", with,
    { peers = student(3), features = true })
  check.raises("...bad option 'features' to 'prune' (does nothing without 'teacher')", wane.prune, teacher,
    { sparsity = 0.5, features = true })
  check.raises("...bad option 'teacher' to 'prune' (only 'distill' takes 'self', give a Model)", wane.prune, teacher,
    { sparsity = 0.5, teacher = "self" })
  check.raises("...the weight of a lesson must be at least 0, got -1.0", with,
    { teacher = teacher, features = true, feature_weight = -1 })
  check.raises("...generations must be in 1..100, got 0", with, { teacher = teacher, generations = 0 })
  check.raises("...bad option 'hint_epochs' to 'distill' (does nothing without 'features', 'attention' or 'relations')", with,
    { teacher = teacher, hint_epochs = 1 })
  check.raises("...transfer needs the option 'teacher'", with, { peers = student(3), transfer = "slice" })
  check.raises("...bad option 'relations' to 'distill' (expected one of 'distance', 'similarity', got 'angle')", with,
    { teacher = teacher, relations = "angle" })
  check.raises("...bad option 'peers' to 'distill' (Model expected, got 3)", with, { peers = { 3 } })
end)
