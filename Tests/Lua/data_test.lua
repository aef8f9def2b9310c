-- Data sets: made of lists, functions and files; cut, mapped, augmented and walked over.

local wane = require "wane"

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))

local function path(name) return folder .. "/" .. name end

local function write(name, bytes)
  local file <close> = assert(io.open(path(name), "wb"))
  assert(file:write(bytes))
  return path(name)
end

local function list(t) return table.concat(t:flatten():tolist(), " ") end

--- Four samples that hold their own number.
local function four()
  return wane.data.tensors({ { 0 }, { 1 }, { 2 }, { 3 } }, { 0, 1, 0, 1 })
end

-- ---- Lists, tensors and functions -------------------------------------------------------------

test("data sets of lists and tensors", function()
  local d = wane.data.tensors({ { 1, 2 }, { 3, 4 } }, { 0, 1 }, { class_names = { "cat", "dog" }, name = "pets" })
  check.equal(#d, 2)
  check.equal(d.name, "pets")
  check.equal(d.labels.dtype, "i32")
  check.equal(d.inputs.dtype, "f32")
  check.equal(d.classes, 2)
  check.equal(table.concat(d.class_names, " "), "cat dog")
  check.equal(tostring(d), "pets: 2 samples of 2 f32, 2 classes")
  check.equal(wane.data.tensors({ { 1 } }, { 0.5 }).labels.dtype, "f32")
  check.equal(wane.data.tensors({ { 1 } }, { { 0, 1.0 } }).labels.dtype, "f32")
  local whole = wane.data.tensors({ { 1 } }, { { 0, 1 } })
  check.equal(whole.labels.dtype, "i32")
  check.equal(whole.classes, nil)
  check.equal(tostring(whole), "data: 1 sample of 1 f32, labels 1x2 i32")
  check.equal(wane.data.tensors(wane.zeros({ 2, 3 }, "u8"), wane.zeros({ 2, 1 }, "u8")).labels.dtype, "i32")
  check.equal(wane.data.tensors(wane.zeros({ 2, 3 }, "u8"), { 1, 0 }).inputs.dtype, "u8")
  check.equal(wane.data.tensors(wane.zeros({ 2, 3 }, "f16"), { 1, 0 }).inputs.dtype, "f32")
  check.raises("...data: inputs 2x1 and labels 1 differ in their number of samples",
    wane.data.tensors, { { 1 }, { 2 } }, { 0 })
  check.raises("...bad option 'class_name' to 'tensors' (did you mean 'class_names'?)",
    wane.data.tensors, { { 1 } }, { 0 }, { class_name = {} })
end)

test("data sets of generators", function()
  local d = wane.data.generator(coroutine.wrap(function()
    for i = 1, 600 do coroutine.yield({ i, -i }, i % 3) end
  end))
  check.equal(#d, 600)
  check.equal(d.classes, 3)
  check.equal(d.inputs:sum(1)[1], 600 * 601 / 2)
  check.equal(list(d:skip(598).inputs), "599.0 -599.0 600.0 -600.0")
  local endless = wane.data.generator(function() return wane.ones({ 2, 2, 1 }, "u8"), 0.5 end, { limit = 3 })
  check.equal(tostring(endless), "generator: 3 samples of 2x2x1 u8, targets 3")
  local turn = 0
  check.raises("...generator: sample 2 is 3 f32, those before are 2 f32", wane.data.generator, function()
    turn = turn + 1
    return turn == 1 and { 1, 2 } or { 1, 2, 3 }, 0
  end)
  check.raises("...generator: there are no samples", wane.data.generator, function() end)
  check.raises("...oh dear", wane.data.generator, function() error "oh dear" end)
  check.raises("...bad result #1 of a callback of 'generator' (Tensor or number expected, got string)",
    wane.data.generator, function() return "x", 1 end)
  check.raises("...bad result #2 of a callback of 'generator' (Tensor or number expected, got no value)",
    wane.data.generator, function() return 1 end)
end)

-- ---- Parts ------------------------------------------------------------------------------------

test("take, skip, split, shuffle and concat", function()
  local d = four()
  check.equal(list(d:take(2).inputs), "0.0 1.0")
  check.equal(#d:take(99), 4)
  check.raises("...bad argument #1 to 'take' (must be at least 0, got -1)", function() d:take(-1) end)
  check.raises("bad argument #2 to 'take' (must be at least 0, got -1)", d.take, d, -1)
  check.equal(list(d:skip(3).inputs), "3.0")
  check.equal(#d:skip(99), 0)
  local a, b = d:split(0.75)
  check.equal(#a .. " " .. #b, "3 1")
  a, b = d:split(1)
  check.equal(#a .. " " .. #b, "1 3")
  local x, y, z = d:split { 0.5, 0.25, 0.25 }
  check.equal(list(x.inputs) .. "|" .. list(y.inputs) .. "|" .. list(z.inputs), "0.0 1.0|2.0|3.0")
  x, y = d:split { 1, 2 }
  check.equal(list(x.inputs) .. "|" .. list(y.inputs), "0.0|1.0 2.0")
  local p, q = d:split { 0.5, 0.5, seed = 3 }
  local p2 = d:split { 0.5, 0.5, seed = 3 }
  check.truthy(p.inputs == p2.inputs)
  check.equal(list((wane.concat { p.inputs, q.inputs }:flatten():sort())), "0.0 1.0 2.0 3.0")
  check.truthy(d:shuffle(5).inputs == d:shuffle { seed = 5 }.inputs)
  check.equal(list((d:shuffle(5).inputs:flatten():sort())), "0.0 1.0 2.0 3.0")
  local both = d:concat(d:take(1), d)
  check.equal(list(both.inputs), "0.0 1.0 2.0 3.0 0.0 0.0 1.0 2.0 3.0")
  check.equal(list(both.labels), "0 1 0 1 0 0 1 0 1")
  check.raises("...fractions of together 1 or counts of together 4 expected, got 5)", d.split, d, { 2, 3 })
  check.raises("...fractions or counts expected, got -1)", d.split, d, { -1 })
  check.raises("...bad option 'sed' to 'split' (did you mean 'seed'?)", d.split, d, { 0.5, sed = 1 })
  check.raises("...a fraction below 1 or a whole number up to 4 expected, got 5.0)", d.split, d, 5)
  check.raises("...concat: 'data' (4x1 f32) and 'data' (1x2 f32) differ in their samples or labels",
    d.concat, d, wane.data.tensors({ { 1, 2 } }, { 0 }))
  check.raises("...concat: 'data' and 'data' differ in the names of their classes",
    d.concat, d, wane.data.tensors({ { 1 } }, { 0 }, { class_names = { "a" } }))
end)

test("map calls for each sample or batch", function()
  local d = four()
  local m = d:map(function(x, label)
    check.equal(math.type(label), "integer")
    return x * 10, label + 1
  end)
  check.equal(list(m.inputs), "0.0 10.0 20.0 30.0")
  check.equal(list(m.labels), "1 2 1 2")
  check.equal(list(d:map(function(x) return x end).labels), "0 1 0 1")
  local sizes = {}
  m = d:map(function(x, labels)
    sizes[#sizes + 1] = #x
    return x + 1, labels:to "f32" / 2
  end, { batch_size = 3 })
  check.equal(table.concat(sizes, " "), "3 1")
  check.equal(list(m.inputs) .. "|" .. list(m.labels), "1.0 2.0 3.0 4.0|0.0 0.5 0.0 0.5")
  local targets = wane.data.tensors({ { 1 }, { 2 } }, { { 1.0, 2 }, { 3, 4 } })
  check.equal(list(targets:map(function(x, y) return x, y * 2 end).labels), "2.0 4.0 6.0 8.0")
  check.equal(list(targets:map(function(x) return x end).labels), "1.0 2.0 3.0 4.0")
  check.raises("...map: inputs 2 and labels 1 differ in their number", d.map, d,
    function() return wane.zeros { 2 }, wane.zeros { 1 } end, { batch_size = 2 })
  check.raises("...no good", d.map, d, function() error "no good" end)
  check.raises("...bad option 'batch_size' to 'map' (must be at least 1, got 0)", d.map, d, print, { batch_size = 0 })
end)

test("batches in order, shuffled, without the last", function()
  local d, seen, count = four(), {}, 0
  for x, y in d:batches(3) do
    count = count + 1
    seen[#seen + 1] = list(x) .. "|" .. list(y)
  end
  check.equal(table.concat(seen, ";"), "0.0 1.0 2.0|0 1 0;3.0|1")
  check.equal(#d:batches(3), 2)
  check.equal(#d:batches(3, { drop_last = true }), 1)
  check.equal(#d:batches(2, { drop_last = true }), 2)
  check.equal(#d:take(0):batches(2), 0)
  check.equal(d:take(0):batches(2)(), nil)
  local function walk(options)
    local all = {}
    for x in d:batches(2, options) do all[#all + 1] = list(x) end
    return table.concat(all, " ")
  end
  check.equal(walk { shuffle = true, seed = 1 }, walk { shuffle = true, seed = 1 })
  wane.seed(1)
  local first, second = walk { shuffle = true }, walk { shuffle = true }
  wane.seed(1)
  check.equal(walk { shuffle = true }, first)
  check.equal(walk { shuffle = true }, second)
  local orders = {}
  for seed = 1, 20 do orders[walk { shuffle = true, seed = seed }] = true end
  check.truthy(next(orders, next(orders)), "all seeds give one order")
  -- Left before its end.
  check.equal(list((d:batches(1)())), "0.0")
  check.raises("...bad argument #1 to 'batches' (must be at least 1, got 0)", function() d:batches(0) end)
end)

-- ---- Augmentation -----------------------------------------------------------------------------

test("augmentation changes batches, not the data set", function()
  local images = wane.arange(2 * 4 * 4):reshape(2, 4, 4, 1)
  local d = wane.data.tensors(images, { 0, 1 })
  local a = d:augment { flip = "horizontal", seed = 1 }
  check.truthy(a.inputs == images)
  check.truthy(tostring(a):find ", augmented$")
  local flipped, kept = 0, 0
  for seed = 1, 40 do
    for x in a:batches(1, { seed = seed }) do
      local original = images[x[1]:min() == 0 and 1 or 2]
      if x[1] == original then kept = kept + 1
      elseif x[1] == original:flip(2) then flipped = flipped + 1 end
    end
  end
  check.equal(flipped + kept, 80)
  check.truthy(flipped > 20 and kept > 20)
  local mixed = d:augment { mixup = 0.4 }
  for x, y in mixed:batches(2, { seed = 1 }) do
    check.equal(table.concat(y.shape, "x"), "2x2")
    for i = 1, 2 do
      check.near(y[i]:sum(), 1)
      -- The images are 16 apart, so the mean tells the share.
      check.near((x[i]:mean() - 7.5) / 16, y[i][2], 1e-4)
    end
  end
  check.raises("...bad option 'flip' to 'augment' (expected one of 'horizontal', 'vertical', 'both', got 'sideways')",
    d.augment, d, { flip = "sideways" })
  check.raises("...augment: rotate must be in [0, 180], got 500", d.augment, d, { rotate = 500 })
  check.raises("...augment: shift must be in [0, 1], got -1", d.augment, d, { shift = -1 })
  check.raises("...augment: noise must be in [0, 100], got inf", d.augment, d, { noise = math.huge })
  check.raises("...bad option 'zoom' to 'augment' (a number in [0, 1) or {low, high} expected)",
    d.augment, d, { zoom = { 2, 1 } })
  check.raises("...augment: only images (height x width x channels) can be moved, got samples of 1",
    function() four():augment { flip = "both" } end)
  four():augment { noise = 0.1, mixup = 0.2 }
end)

test("training sees augmented samples, evaluation does not", function()
  local nn = wane.nn
  local function run(data)
    local model = nn.sequential { nn.input { 6, 6, 1 }, nn.flatten {}, nn.dense { 2, activation = "softmax" }, seed = 1 }
    local history = model:fit(data, { epochs = 2, batch_size = 5, seed = 3, progress = false })
    return model, history
  end
  local x = wane.rand({ 16, 6, 6, 1 }, { seed = 1 })
  local d = wane.data.tensors(x, wane.randint({ 16 }, 0, 1, { seed = 2 }))
  local options = { flip = "both", shift = 0.2, rotate = 20, zoom = 0.2, cutout = 0.3, mixup = 0.3, noise = 0.05 }
  local _, plain = run(d)
  local model, augmented = run(d:augment(options))
  local _, again = run(d:augment(options))
  check.truthy(plain.loss[2] ~= augmented.loss[2])
  check.equal(augmented.loss[2], again.loss[2])
  check.equal(model:evaluate(d).loss, model:evaluate(d:augment(options)).loss)
end)

-- ---- Files ------------------------------------------------------------------------------------

--- An idx file of bytes.
local function idx(extents, bytes)
  return string.pack(">BBBB", 0, 0, 8, #extents) .. string.pack((">I4"):rep(#extents), table.unpack(extents)) .. bytes
end

test("idx files, plain and gzip", function()
  local images = write("images", idx({ 2, 2, 2 }, "\0\1\2\3\4\5\6\7"))
  local labels = write("labels", idx({ 2 }, "\1\0"))
  local d = wane.data.idx(images, labels)
  check.equal(list(d.inputs), "0 1 2 3 4 5 6 7")
  check.equal(table.concat(d.inputs.shape, "x"), "2x2x2x1")
  check.equal(list(d.labels), "1 0")
  assert(os.execute("gzip -k " .. images .. " " .. labels))
  local z = wane.data.idx(images .. ".gz", labels .. ".gz")
  check.truthy(z.inputs == d.inputs and z.labels == d.labels)
  check.raises("...is not an idx file", wane.data.idx, write("bad", "\1\2\3\4\5\6\7\8"), labels)
  check.raises("...the file ends within the elements", wane.data.idx, write("short", idx({ 2, 2, 2 }, "123")), labels)
  check.raises("...: No such file or directory", wane.data.idx, path "none", labels)
  check.raises("..." .. images .. "' has 2 images, '...", wane.data.idx, images, write("three", idx({ 3 }, "\0\0\0")))
end)

test("Fashion-MNIST loads, or says what to install", function()
  local ok, train, test_set = pcall(wane.datasets.fashion_mnist)
  if ok then
    check.equal(#train .. " " .. #test_set, "60000 10000")
  else
    check.equal(train, "fashion_mnist: the data set is not installed: sudo apt-get install dataset-fashion-mnist")
  end
end)

test("npy and npz round trips", function()
  local t = wane.arange(6):reshape(2, 3)
  for _, dtype in ipairs { "f32", "i32", "u8", "i8", "bool", "f16" } do
    local x = t:to(dtype)
    x:save_npy(path "x.npy")
    check.truthy(wane.data.npy(path "x.npy") == x, dtype)
  end
  t:to("bf16"):save_npy(path "x.npy")
  check.truthy(wane.data.npy(path "x.npy") == t)
  wane.tensor(3):save_npy(path "x.npy")
  check.truthy(wane.data.npy(path "x.npy") == wane.tensor(3))
  wane.zeros { 0, 2 }:save_npy(path "x.npy")
  check.truthy(wane.data.npy(path "x.npy") == wane.zeros { 0, 2 })
  for _, compress in ipairs { false, true } do
    wane.data.save_npz(path "x.npz", { a = t, b = wane.tensor({ 1, 0 }, "u8") }, { compress = compress })
    local arrays = wane.data.npz(path "x.npz")
    check.truthy(arrays.a == t and arrays.b == wane.tensor({ 1, 0 }, "u8"))
    local d = wane.data.npz(path "x.npz", { inputs = "a", labels = "b", class_names = { "no", "yes" } })
    check.equal(d.classes, 2)
    check.truthy(d.inputs == t)
  end
  check.raises("...: has no array 'c', only 'a', 'b'", wane.data.npz, path "x.npz", { inputs = "a", labels = "c" })
  check.raises("...missing option 'labels' to 'npz'", wane.data.npz, path "x.npz", { inputs = "a" })
  check.raises("...is not an npy file", wane.data.npy, path "x.npz")
  check.raises("...: Not a zip archive", wane.data.npz, path "x.npy")
  check.raises("...: Is a directory", wane.data.npz, folder)
  check.raises("...cannot write '" .. path "no/x.npy" .. "': No such file or directory",
    function() t:save_npy(path "no/x.npy") end)
  check.raises("...tensors by name expected, got one without a name)", wane.data.save_npz, path "y.npz", { t })
end)

test("CSV tables and data sets", function()
  local file = write("a.csv", "length,\"wid\"\"th\",kind\n1,2,rose\n3,4.5,\"tulip, red\"\r\n-1e3, 7 ,rose\n")
  local d = wane.data.csv(file, { label = "kind" })
  check.equal(list(d.inputs), "1.0 2.0 3.0 4.5 -1000.0 7.0")
  check.equal(list(d.labels), "0 1 0")
  check.equal(table.concat(d.class_names, "|"), "rose|tulip, red")
  check.equal(list(wane.data.csv(file, { label = -1 }).labels), "0 1 0")
  local numbers = write("b.csv", "1;2;0\n3;4;1\n")
  local t, names = wane.data.csv(numbers, { separator = ";" })
  check.equal(list(t) .. "|" .. #names, "1.0 2.0 0.0 3.0 4.0 1.0|0")
  check.equal(wane.data.csv(numbers, { separator = ";", label = 3 }).classes, 2)
  check.equal(wane.data.csv(write("c.csv", "1,0.5\n2,1.5\n"), { label = 2 }).labels.dtype, "f32")
  check.equal(#wane.data.csv(numbers, { separator = ";", header = true }), 1)
  t:save_csv(path "d.csv", { header = { "a", "b,c", "d" } })
  local u, columns = wane.data.csv(path "d.csv")
  check.truthy(u == t)
  check.equal(table.concat(columns, "|"), "a|b,c|d")
  wane.tensor({ 1, 2 }, "i32"):save_csv(path "e.csv")
  check.equal(list((wane.data.csv(path "e.csv"))), "1.0 2.0")
  check.raises("...line 3, column 'kind': a number expected, got 'tulip, red'",
    function() wane.data.csv(write("f.csv", "a,kind\n1,2\n1,\"tulip, red\"\n")) end)
  check.raises("...line 2 has 1 values, those before have 2", wane.data.csv, write("g.csv", "1,2\n3\n"))
  check.raises("...line 1 begins a quoted value that does not end", wane.data.csv, write("h.csv", "\"1,2\n3\n"))
  check.raises("...has no column 'kin', only 'length', 'wid\"th', 'kind'", wane.data.csv, file, { label = "kin" })
  check.raises("...has 3 columns, not 9", wane.data.csv, file, { label = 9 })
  check.raises("...has no names of columns", wane.data.csv, path "c.csv", { label = "x" })
  check.raises("...csv: a vector or matrix expected, got shape 1x1x1",
    function() wane.zeros { 1, 1, 1 }:save_csv(path "z.csv") end)
end)

--- A PNG of 4 x 5 pixels of four colours.
local PNG = ("89504e470d0a1a0a0000000d49484452000000050000000402030000003b5d1dd30000000c504c54450a141e"
  .. "c8000700ff80ffffff19ad119e0000000274524e5380ff6012bafe000000144944415478da63b06460087560d8d8c0"
  .. "70f700000ed6039d559fcad20000000049454e44ae426082"):gsub("..", function(digits)
  return string.char(tonumber(digits, 16))
end)

test("folders of images", function()
  assert(os.execute("mkdir -p " .. path "set/cats " .. path "set/.hidden " .. path "set/dogs"))
  check.raises("...has no PNG or JPEG files", wane.data.images, path "set")
  write("set/dogs/2.PNG", PNG)
  write("set/dogs/notes.txt", "no image")
  for i = 1, 40 do write("set/cats/" .. i .. ".png", PNG) end
  local d = wane.data.images(path "set", { progress = false })
  check.equal(table.concat(d.class_names, " "), "cats dogs")
  check.equal(#d .. " " .. d.labels:sum() .. " " .. d.labels[41], "41 1 1")
  check.equal(table.concat(d.inputs.shape, "x"), "41x4x5x3")
  check.equal(d.inputs.dtype, "u8")
  check.equal(list(d.inputs(41, 1)), "10 20 30 255 255 255 0 255 128 200 0 7 10 20 30")
  local small = wane.data.images(path "set", { size = { 2, 3 }, channels = 1, progress = false })
  check.equal(table.concat(small.inputs.shape, "x"), "41x2x3x1")
  local image = wane.data.image(path "set/cats/1.png", { channels = 1 })
  check.equal(list(image[1]), "18 255 164 61 18")
  write("set/cats/13.png", "not an image")
  check.raises("...set/cats/13.png': is neither a PNG nor a JPEG image", wane.data.images, path "set", { cache = "memory" })
  check.raises("...has no folders, one for each class", wane.data.images, path "set/dogs")
  check.raises("...: No such file or directory", wane.data.images, path "none")
  check.raises("...image: channels must be 1 or 3, got 2", wane.data.image, path "set/cats/1.png", { channels = 2 })
  check.raises("...image: the size must be 1 to 65535, got 0x5", wane.data.image, path "set/cats/1.png", { size = { 0, 5 } })
end)

test("the folder of these tests goes away", function() assert(os.execute("rm -r " .. folder)) end)

test("mapped samples keep their type, weights and augmentation", function()
  local whole = wane.data.tensors(wane.tensor({ { 1, 2 }, { 3, 4 } }, "i32"), { 0, 1 })
  local function same(x, y) return x, y end
  check.equal(whole:map(same).inputs.dtype, "i32")
  check.equal(whole:map(same, { batch_size = 2 }).inputs.dtype, "i32")
  local data = wane.data.tensors(wane.ones { 4, 2 }, { 0, 1, 0, 1 }):weigh(wane.zeros { 4 })
  local model = wane.nn.sequential { wane.nn.input { 2 }, wane.nn.dense { 2 } }
  check.equal(model:evaluate(data:map(same)).loss, 0)
  check.equal(model:evaluate(data:map(same, { batch_size = 3 })).loss, 0)
  check.truthy(tostring(data:augment({ noise = 0.1 }):map(same)):find ", augmented$")
  check.raises("...map: 8 samples were made of 4 that have weights", function()
    data:map(function(x, y) return wane.concat({ x, x }, 1), wane.concat({ y, y }, 1) end, { batch_size = 4 })
  end)
end)

test("whole numbers are not augmented", function()
  local data = wane.data.tensors(wane.tensor({ { 1, 2 }, { 3, 4 } }, "i32"), { 0, 1 })
  check.raises("...augment: samples must be f32 or u8, got i32", function() data:augment { noise = 1 } end)
  check.raises("...augment: samples must be f32 or u8, got i32", function() data:augment { mixup = 1 } end)
end)

test("mixup serves models with a single answer", function()
  local data = wane.data.tensors(wane.rand({ 8, 2 }, { seed = 1 }), { 0, 1, 0, 1, 0, 1, 0, 1 })
  local function loss(options, d)
    local model = wane.nn.sequential { wane.nn.input { 2 }, wane.nn.dense { 1, activation = "sigmoid" }, seed = 1 }
    return model:fit(d or data:augment { mixup = 0.4 }, options).loss[1]
  end
  -- Without a given loss it is that of yes-or-no answers, as without mixup.
  check.equal(loss {}, loss { loss = "binary_cross_entropy" })
  check.truthy(loss {} ~= loss({}, data))
  check.truthy(math.abs(loss {} - loss({}, data)) < 0.2)
end)

test("mixup refuses labels that are hardly classes", function()
  local data = wane.data.tensors(wane.ones { 2, 2 }, { 2147483647, 1 }):augment { mixup = 1 }
  check.raises("...augment: mixup cannot mix 2147483648 classes, only up to 65536", function() data:batches(1) end)
end)
