-- wane.data.idx: images and labels from files, plain or gzip, whole or damaged.

local wane = require "wane"

local folder = os.tmpname()
os.remove(folder)
assert(os.execute(("mkdir '%s'"):format(folder)))
local made = {}

local function file(name, bytes)
  local path = folder .. "/" .. name
  local out <close> = assert(io.open(path, "wb"))
  out:write(bytes)
  made[#made + 1] = path
  return path
end

--- The bytes compressed with gzip.
local function compressed(bytes)
  local plain = file("plain", bytes)
  local pipe <close> = assert(io.popen(("gzip -c '%s'"):format(plain), "r"))
  return pipe:read "a"
end

local function header(kind, ...)
  local bytes = string.pack("BBBB", 0, 0, kind, select("#", ...))
  for _, extent in ipairs { ... } do bytes = bytes .. string.pack(">I4", extent) end
  return bytes
end

local pixels = header(8, 3, 2, 2) .. string.char(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255)
local classes = header(8, 3) .. string.char(0, 2, 9)
local images, labels = file("images", pixels), file("labels", classes)

local function refused(what, bytes, other)
  local path = file("wrong", bytes)
  local ok, message = pcall(wane.data.idx, path, other or labels)
  check.equal(ok, false, what)
  check.truthy(message:find(path, 1, true) and message:find(what, 1, true), message)
end

test("plain and compressed files", function()
  local packed_images, packed_labels = file("i.gz", compressed(pixels)), file("l.gz", compressed(classes))
  for _, pair in ipairs { { images, labels }, { packed_images, packed_labels }, { images, packed_labels } } do
    local data = wane.data.idx(pair[1], pair[2])
    check.equal(#data, 3)
    check.equal(table.concat(data.inputs.shape, "x"), "3x2x2x1")
    check.equal(data.inputs.dtype, "u8")
    check.equal(data.inputs:get(3, 2, 2, 1), 255)
    check.equal(table.concat(data.labels:tolist(), " "), "0 2 9")
    check.equal(data.classes, 10)
  end
end)

test("no samples at all", function()
  local data = wane.data.idx(file("a", header(8, 0, 2, 2)), file("b", header(8, 0)))
  check.equal(#data, 0)
end)

test("damage is told with the path", function()
  refused("the file ends within the header", "")
  refused("is not an idx file", "some words that are no numbers")
  refused("the file ends within the extents", pixels:sub(1, 10))
  refused("the file ends within the elements", pixels:sub(1, -2))
  refused("goes on after the elements", pixels .. "x")
  refused("holds elements of type 13", header(13, 3, 2, 2) .. pixels:sub(17))
  refused("has 2 axes where 3 are expected", header(8, 3, 4) .. pixels:sub(17))
  refused("claims 4294967295x4294967295x4294967295", header(8, 0xffffffff, 0xffffffff, 0xffffffff))
  refused("the file ends within the elements", header(8, 0xffff, 0xff, 0xff))
  refused("claims samples without elements, 3x0x2", header(8, 3, 0, 2))
end)

test("damage inside a compressed file", function()
  local whole = compressed(pixels)
  refused("the file ends within", whole:sub(1, -5))
  refused("the file ends within", whole:sub(1, 12))
  refused("damaged", whole:sub(1, -9) .. ("\0"):rep(8))
  refused("damaged", whole .. whole:sub(1, -9) .. ("\0"):rep(8))
end)

test("images and labels that do not belong together", function()
  check.raises("...2 labels", wane.data.idx, images, file("few", header(8, 2) .. "\0\1"))
  check.raises("...has 1 axes where 3 are expected", wane.data.idx, labels, labels)
end)

test("what is no file", function()
  check.raises("idx: cannot read '/no/such': No such file or directory", wane.data.idx, "/no/such", labels)
  check.raises("idx: cannot read '/dev/zero': is not a regular file", wane.data.idx, "/dev/zero", labels)
  check.raises("...is not a regular file", wane.data.idx, folder, labels)
  check.raises("...string expected, got no value...", wane.data.idx, images)
  check.raises("data: there is no '/no/such/train-images-idx3-ubyte' (nor with .gz)", wane.data.mnist_family,
    "/no/such")
end)

test("a folder of four files", function()
  for _, part in ipairs { "train", "t10k" } do
    file(part .. "-images-idx3-ubyte", pixels)
    file(part .. "-labels-idx1-ubyte.gz", compressed(classes))
  end
  local train, other = wane.data.mnist_family(folder)
  check.equal(#train + #other, 6)
  for _, path in ipairs(made) do os.remove(path) end
  os.remove(folder)
end)
