-- Data sets larger than memory: images that are decoded when they are needed, samples in temporary files.

local wane = require "wane"
local nn = wane.nn
local pictures = require "pictures"
local samples = require "samples"

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
local set = pictures.folder(folder .. "/set", 48, 8, 8)

local function write(path, bytes)
  local file <close> = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  return path
end

local function list(t) return table.concat(t:flatten():tolist(), " ") end

local function images(options)
  options = options or {}
  options.channels, options.progress = options.channels or 1, false
  return wane.data.images(options.path or set, { channels = 1, cache = options.cache, size = options.size,
    progress = false })
end

local function network(height, width)
  return nn.sequential {
    nn.input { height or 8, width or 8, 1 }, nn.conv2d { 4, 3, activation = "relu" }, nn.global_avg_pool2d {},
    nn.dense { 2, activation = "softmax" }, seed = 1,
  }
end

--- Kilobytes of memory that no file stands behind; nil where the system does not tell.
local function resident()
  local file <close> = io.open "/proc/self/status"
  return file and tonumber((file:read("a"):match "RssAnon:%s*(%d+)"))
end

-- ---- Images -----------------------------------------------------------------------------------

test("images that are decoded when needed are those in memory", function()
  local here, there, mapped = images { cache = "memory" }, images(), images { cache = "disk" }
  check.equal(tostring(there), set .. ": 48 samples of 8x8x1 u8, 2 classes, read when needed")
  check.equal(tostring(here), set .. ": 48 samples of 8x8x1 u8, 2 classes")
  check.equal(list(there.inputs), list(here.inputs))
  check.equal(list(mapped.inputs), list(here.inputs))
  local function parts(d)
    local a, b = d:split { 0.75, 0.25, seed = 3 }
    local c = d:shuffle { seed = 2 }:skip(5):take(9):concat(b, d:take(1))
    return { a, b, c, d:take(0), d:skip(40) }
  end
  for i, part in ipairs(parts(there)) do
    local other = parts(here)[i]
    check.equal(#part, #other)
    check.equal(list(part.inputs), list(other.inputs))
    check.equal(list(part.labels), list(other.labels))
  end
  -- What is joined with samples in memory is still read when needed.
  local mixed = there:take(2):concat(here:take(3))
  check.truthy(tostring(mixed):find("read when needed", 1, true))
  check.equal(list(mixed.inputs), list(here:take(2):concat(here:take(3)).inputs))
  local function doubled(d, options) return list(d:map(function(x, y) return x:to "f32" * 2, y end, options).inputs) end
  check.equal(doubled(there), doubled(here))
  check.equal(doubled(there, { batch_size = 7, cache = "disk" }), doubled(here))
end)

test("batches of images that are decoded when needed", function()
  local options = { flip = "both", shift = 0.2, mixup = 0.3, noise = 0.02, seed = 5 }
  for _, change in ipairs { function(d) return d end, function(d) return d:augment(options) end } do
    local function walk(d)
      local all = {}
      for x, y in change(d):batches(7, { shuffle = true, seed = 4 }) do all[#all + 1] = list(x) .. "|" .. list(y) end
      return table.concat(all, "\n")
    end
    check.equal(walk(images()), walk(images { cache = "memory" }))
  end
  -- Left before its end.
  local iterator = images():batches(5)
  check.equal(#iterator, 10)
  check.equal(list((iterator())), list(images():take(5).inputs))
end)

test("training on images is the same wherever they are", function()
  local function weights(cache, augmentation)
    local train, validation = images({ cache = cache }):split { 0.8, 0.2, seed = 1 }
    if augmentation then train = train:augment(augmentation) end
    local model = network()
    local history = model:fit(train, { epochs = 3, batch_size = 7, seed = 9, learning_rate = 0.01,
      validation = validation, metrics = { "precision" }, progress = false })
    local evaluation = model:evaluate(validation)
    return list(model:parameter "conv2d/kernel") .. list(model:predict(validation)) .. evaluation.loss
      .. list(wane.tensor(history.validation_loss)) .. list(wane.tensor(history.loss)), history
  end
  for _, augmentation in ipairs { false, { flip = "horizontal", rotate = 10, mixup = 0.4, noise = 0.01 } } do
    local expected = weights("memory", augmentation)
    local there, history = weights("none", augmentation)
    check.equal(there, expected)
    check.equal(weights("disk", augmentation), expected)
    check.equal(#history.wait_seconds, 3)
    check.truthy(history.wait_seconds[1] >= 0 and history.wait_seconds[1] <= history.seconds[1])
  end
end)

test("verbs, losses of one's own and teachers take images that are decoded when needed", function()
  local model = network()
  model:fit(images(), { epochs = 1, batch_size = 16, seed = 1, progress = false })
  local function both(body)
    local here, there = body(images { cache = "memory" }), body(images())
    check.equal(there, here)
  end
  both(function(d) return list(wane.quantize(model, { bits = 8, calibration = d }):predict(d)) end)
  both(function(d)
    local student = wane.distill(network(), { teacher = model, data = d, epochs = 1, seed = 1, progress = false })
    return list(student:parameter "conv2d/kernel")
  end)
  both(function(d)
    return list(wane.prune(model, { sparsity = 0.5, criterion = "taylor", data = d, epochs = 1, seed = 1,
      validation = d, progress = false }):parameter "conv2d/kernel")
  end)
  both(function(d)
    return model:evaluate(d, { loss = function(predicted, label)
      return wane.losses.cross_entropy(predicted, label)
    end }).loss
  end)
  both(function(d) return list(nn.sequential { nn.input { 8, 8, 1 }, nn.normalization {}:adapt(d) }:predict(d)) end)
end)

test("a folder larger than what may be held is trained on in little memory", function()
  local large = folder .. "/large"
  assert(os.execute(("mkdir -p '%s/a' '%s/b'"):format(large, large)))
  local file = write(folder .. "/large.png", pictures.png(384, 384, function(y, x) return (y * x) % 251 end))
  -- 600 names of one file: 253 MB of pixels.
  assert(os.execute(("for i in $(seq 300); do ln '%s' '%s'/a/$i.png; ln '%s' '%s'/b/$i.png; done")
    :format(file, large, file, large)))
  local data = images { path = large }
  local model = nn.sequential {
    nn.input { 384, 384, 1 }, nn.avg_pool2d { 32 }, nn.flatten {}, nn.dense { 2, activation = "softmax" }, seed = 1,
  }
  collectgarbage()
  local before, most = resident(), 0
  model:fit(data, { epochs = 1, batch_size = 16, seed = 1, progress = false, validation = data:take(100),
    on_batch = function() most = math.max(most, resident() or 0) end })
  if before then check.truthy(most - before < 64 * 1024, most - before) end
  assert(os.execute("rm -r " .. large))
end)

test("a damaged or vanished image stops where it is needed", function()
  local bad = pictures.folder(folder .. "/bad", 24, 8, 8)
  local data = images { path = bad }
  write(bad .. "/dark/007.png", "not an image")
  local model = network()
  check.raises("...image: cannot read '" .. bad .. "/dark/007.png': is neither a PNG nor a JPEG image",
    model.fit, model, data, { batch_size = 4, seed = 1, progress = false })
  check.raises("...bad/dark/007.png': is neither a PNG nor a JPEG image", model.evaluate, model, data)
  check.raises("...bad/dark/007.png': is neither a PNG nor a JPEG image", function()
    for _ in data:batches(4) do end
  end)
  check.raises("...bad/dark/007.png': is neither a PNG nor a JPEG image", function() return data.inputs end)
  check.raises("...bad/dark/007.png': is neither a PNG nor a JPEG image", images, { path = bad, cache = "memory" })
  -- Without it all goes on.
  model:fit(data:skip(12), { batch_size = 4, seed = 1, progress = false })
  os.remove(bad .. "/light/008.png")
  check.raises("...image: cannot read '" .. bad .. "/light/008.png': No such file or directory",
    model.fit, model, data:skip(12), { batch_size = 4, seed = 1, progress = false })
  -- Steps before it count: the file after the third batch is missing.
  local steps = 0
  check.raises("...light/008.png': No such file or directory", model.fit, model, data:skip(12),
    { batch_size = 1, shuffle = false, progress = false, on_batch = function() steps = steps + 1 end })
  check.equal(steps, 3)
  check.raises("...bad option 'cache' to 'images' (expected one of 'none', 'memory', 'disk', got 'ram')",
    images, { cache = "ram" })
end)

test("a run over images goes on bit for bit", function()
  local file = folder .. "/run.ckpt"
  local data = images():augment { mixup = 0.2, flip = "horizontal" }
  local function run(options)
    options.batch_size, options.seed, options.progress, options.validation = 7, 3, false, data:take(10)
    local model = network()
    model:fit(data, options)
    return list(model:parameter "conv2d/kernel")
  end
  local expected = run { epochs = 4 }
  run { epochs = 2, checkpoint = file }
  check.equal(run { epochs = 4, checkpoint = file, resume = true }, expected)
  -- The same names, another size.
  local path = set .. "/dark/001.png"
  local kept <close> = assert(io.open(path, "rb"))
  local bytes = kept:read "a"
  write(path, bytes .. "\0")
  check.raises("...resume: the content of the data set was #...", run,
    { epochs = 4, checkpoint = file, resume = true })
  write(path, bytes)
end)

-- ---- NumPy files ------------------------------------------------------------------------------

test("samples of NumPy files are read when needed", function()
  local x, y = wane.rand({ 40, 3, 2 }, { seed = 1 }), wane.randint({ 40 }, 0, 2, { seed = 2 })
  y:save_npy(folder .. "/y.npy")
  local function saved(t)
    t:save_npy(folder .. "/x.npy")
    return wane.data.npy(folder .. "/x.npy", { labels = folder .. "/y.npy", class_names = { "a", "b", "c" } })
  end
  for _, dtype in ipairs { "f32", "i32", "u8" } do
    local t = (x * 200):to(dtype)
    local d = saved(t)
    check.equal(tostring(d), folder .. "/x.npy: 40 samples of 3x2 " .. dtype .. ", 3 classes, read when needed")
    check.equal(list(d.inputs), list(t))
    check.equal(list(d:shuffle(3):skip(30).inputs), list(wane.data.tensors(t, y):shuffle(3):skip(30).inputs))
  end
  -- Of other types, all at once.
  local half = saved(x:to "f16")
  check.truthy(not tostring(half):find("read when needed", 1, true) and half.inputs.dtype == "f32")
  -- As NumPy writes them: 64-bit floats with the highest byte first.
  local head = "{'descr': '>f8', 'fortran_order': False, 'shape': (40, 2), }\n"
  local numbers = {}
  for i = 1, 80 do numbers[i] = string.pack(">d", i / 4) end
  write(folder .. "/x.npy", "\x93NUMPY\1\0" .. string.pack("<I2", #head) .. head .. table.concat(numbers))
  local doubles = wane.data.npy(folder .. "/x.npy", { labels = folder .. "/y.npy" })
  check.equal(list(doubles.inputs), list(wane.arange(1, 81) / 4))
  write(folder .. "/x.npy", "\x93NUMPY\1\0" .. string.pack("<I2", #head) .. head .. table.concat(numbers, "", 1, 50))
  check.raises("...x.npy': it became shorter while it was read", function() return doubles.inputs end)
  check.raises("...the file ends before its 40x2 elements of type '>f8'", wane.data.npy, folder .. "/x.npy",
    { labels = folder .. "/y.npy" })
  check.raises("...bad option 'class_names' to 'npy' (does nothing without 'labels')", wane.data.npy, folder .. "/x.npy",
    { class_names = { "a" } })
end)

-- ---- Temporary files --------------------------------------------------------------------------

test("samples in temporary files take no memory", function()
  collectgarbage()
  local before = resident()
  -- 64 MB.
  local row, count, produced = wane.arange(1 << 18):reshape(512, 512), 64, 0
  local data = wane.data.generator(function()
    produced = produced + 1
    return row + produced, produced % 3
  end, { limit = count, cache = "disk" })
  collectgarbage()
  if before then check.truthy(resident() - before < 32 * 1024, resident() - before) end
  check.equal(#data, count)
  check.equal(data.inputs[count][1][2], count + 1.0)
  check.equal(list(data:skip(61).labels), "2 0 1")
end)

test("samples in temporary files are those in memory", function()
  local function made(cache)
    local number = 0
    return wane.data.generator(function()
      number = number + 1
      if number <= 300 then return { number, -number }, number % 2 end
    end, { cache = cache })
  end
  local there, here = made "disk", made()
  check.equal(list(there.inputs), list(here.inputs))
  check.equal(list(there.labels), list(here.labels))
  local function double(x, y) return x * 2, y end
  check.equal(list(there:map(double, { cache = "disk", batch_size = 64 }).inputs), list(here:map(double).inputs))
  check.raises("...generator: there are no samples", wane.data.generator, function() end, { cache = "disk" })
  check.raises("...bad option 'cache' to 'map' (expected one of 'memory', 'disk', got 'none')", here.map, here,
    double, { cache = "none" })
end)

-- ---- Validation in a checkpoint ---------------------------------------------------------------

test("a run refuses to go on with other validation data", function()
  local file = folder .. "/validation.ckpt"
  local data = samples.images(64)
  local function run(validation)
    samples.network():fit(data, { epochs = 2, seed = 1, progress = false, checkpoint = file, resume = "auto",
      validation = validation })
  end
  run(samples.images(16, 5))
  run(samples.images(16, 5))
  check.raises("...resume: validation was 16 samples of 8x8x1, #...", run, samples.images(16, 6))
  check.raises("...and is none now", run, nil)
end)

test("the folder of these tests goes away", function() assert(os.execute("rm -r " .. folder)) end)
