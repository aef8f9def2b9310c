--- PNG files for tests, written without a library.

local pictures = {}

local crcs = {}
for n = 0, 255 do
  local c = n
  for _ = 1, 8 do c = c & 1 == 1 and 0xEDB88320 ~ (c >> 1) or c >> 1 end
  crcs[n] = c
end

local function crc32(text)
  local c = 0xFFFFFFFF
  for i = 1, #text do c = crcs[(c ~ text:byte(i)) & 0xFF] ~ (c >> 8) end
  return c ~ 0xFFFFFFFF
end

local function adler32(text)
  local a, b = 1, 0
  for i = 1, #text do
    a = (a + text:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return b << 16 | a
end

local function chunk(kind, body)
  return string.pack(">I4", #body) .. kind .. body .. string.pack(">I4", crc32(kind .. body))
end

--- A grey PNG; `value(y, x)` gives bytes. Nothing is compressed.
function pictures.png(height, width, value)
  local rows = {}
  for y = 1, height do
    local row = { "\0" }
    for x = 1, width do row[x + 1] = string.char(value(y, x)) end
    rows[y] = table.concat(row)
  end
  local pixels, blocks = table.concat(rows), {}
  for from = 1, #pixels, 65535 do
    local part = pixels:sub(from, from + 65534)
    local is_last = from + 65535 > #pixels and 1 or 0
    blocks[#blocks + 1] = string.pack("<BI2I2", is_last, #part, #part ~ 0xFFFF) .. part
  end
  return "\x89PNG\r\n\x1A\n" .. chunk("IHDR", string.pack(">I4I4BBBBB", width, height, 8, 0, 0, 0, 0))
    .. chunk("IDAT", "\x78\x01" .. table.concat(blocks) .. string.pack(">I4", adler32(pixels))) .. chunk("IEND", "")
end

--- Fills a folder with images of classes `dark` and `light`, each of them another.
function pictures.folder(path, count, height, width)
  assert(os.execute(("mkdir -p '%s/dark' '%s/light'"):format(path, path)))
  for i = 1, count do
    local file <close> = assert(io.open(("%s/%s/%03d.png"):format(path, i % 2 == 0 and "light" or "dark", i), "wb"))
    assert(file:write(pictures.png(height, width, function(y, x)
      return (i * 37 + y * 11 + x * (i % 5 + 1)) % 100 + (i % 2 == 0 and 120 or 20)
    end)))
  end
  return path
end

return pictures
