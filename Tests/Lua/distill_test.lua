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
  check.equal(report.options.temperature, 4)
  check.near(report.options.alpha, 0.9)
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
  check.raises("...bad option 'teacher' to 'distill' (Model expected, got 'cnn.wane')", with, { teacher = "cnn.wane" })
  check.raises("...bad option 'temprature' to 'distill' (did you mean 'temperature'?)", with, { temprature = 3 })
  check.raises("...bad option 'transfer' to 'distill' (expected one of 'none', 'slice', got 'copy')", with,
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
