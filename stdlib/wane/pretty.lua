--- Values as text for people: what the REPL prints.
--
--   local pretty = require "wane.pretty"
--   print(pretty(value))                      -- { accuracy = 0.9113, loss = 0.2517 }
--   print(pretty(value, { width = 60, depth = 3, items = 20, color = true }))
--
-- A table that fits stands on one line, another one has a line for each entry, keys aligned.
-- Numbers inside tables show six digits. A table met inside itself is `<cycle>`; objects and tables
-- with `__tostring` speak for themselves. It never raises.

local pretty = {}

local DEFAULT_WIDTH, DEFAULT_DEPTH, DEFAULT_ITEMS = 80, 8, 100
local LONGEST_STRING = 200

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch "%a+" do
  KEYWORDS[word] = true
end

local COLORS = {
  string = "32", number = "36", boolean = "35", ["nil"] = "35", other = "33", dim = "2",
}

-- ---- Single values ----------------------------------------------------------------------------

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\", ['"'] = '\\"' }

local function quote(text)
  local rest = ""
  if #text > LONGEST_STRING then
    local cut = utf8.len(text) and utf8.offset(text, LONGEST_STRING) or LONGEST_STRING + 1
    if cut and cut <= #text then
      rest = ("... (%d bytes)"):format(#text)
      text = text:sub(1, cut - 1)
    end
  end
  text = text:gsub('[\n\r\t\\"]', ESCAPES)
  text = text:gsub("[%c\127]", function(c) return ("\\x%02x"):format(c:byte()) end)
  if not utf8.len(text) then
    text = text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
  end
  return '"' .. text .. '"' .. rest
end

local function number(value)
  if math.type(value) == "integer" then return tostring(value) end
  if value ~= value then return "nan" end
  if value == math.huge then return "inf" end
  if value == -math.huge then return "-inf" end
  local text = ("%.6g"):format(value)
  return text:find "[%.e]" and text or text .. ".0"
end

--- What an object says about itself, on one line.
local function describe(value)
  local ok, text = pcall(tostring, value)
  if not ok then return ("<%s: error in __tostring>"):format(type(value)) end
  return text
end

local function one_line(text)
  local first, more = text:match "^([^\n]*)(\n?)"
  return more == "" and first or first .. " ..."
end

--- Columns that a text takes, not counting colours.
local function columns(text)
  text = text:gsub("\27%[[%d;]*m", "")
  return utf8.len(text) or #text
end

-- ---- Tables -----------------------------------------------------------------------------------

local function has_tostring(value)
  local ok, metatable = pcall(getmetatable, value)
  return ok and type(metatable) == "table" and rawget(metatable, "__tostring") ~= nil
end

local RANK = { number = 1, string = 2 }

local function key_before(a, b)
  local ta, tb = type(a), type(b)
  if ta == tb and RANK[ta] then return a < b end
  local ra, rb = RANK[ta] or 3, RANK[tb] or 3
  if ra ~= rb then return ra < rb end
  return describe(a) < describe(b)
end

--- Keys that are not elements of the list 1..n, sorted.
local function other_keys(value, length)
  local keys = {}
  for key in next, value do
    local element = math.type(key) == "integer" and key >= 1 and key <= length
    if not element then keys[#keys + 1] = key end
  end
  table.sort(keys, key_before)
  return keys
end

local Writer = {}
Writer.__index = Writer

function Writer:paint(kind, text)
  if not self.color then return text end
  return ("\27[%sm%s\27[0m"):format(COLORS[kind] or COLORS.other, text)
end

function Writer:key(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" and not KEYWORDS[key] then return key end
  return "[" .. self:atom(key) .. "]"
end

function Writer:atom(value)
  local kind = type(value)
  if kind == "string" then return self:paint(kind, quote(value)) end
  if kind == "number" then return self:paint(kind, number(value)) end
  if kind == "boolean" or kind == "nil" then return self:paint(kind, tostring(value)) end
  return self:paint("other", one_line(describe(value)))
end

--- Joins entries on one line if they fit, else one a line.
function Writer:layout(entries, indent, keys_width)
  local line, width, single = {}, indent + 4, true
  for i, entry in ipairs(entries) do
    line[i] = entry.key and entry.key .. " = " .. entry.text or entry.text
    width = width + columns(line[i]) + 2
    single = single and not entry.text:find "\n"
  end
  if single and width <= self.width then return "{ " .. table.concat(line, ", ") .. " }" end
  local pad = (" "):rep(indent + 2)
  if single and not entries.keyed then return self:fill(line, pad) end
  for i, entry in ipairs(entries) do
    local gap = entry.key and (" "):rep(keys_width - columns(entry.key)) or ""
    line[i] = pad .. (entry.key and entry.key .. gap .. " = " or "") .. entry.text
  end
  return "{\n" .. table.concat(line, ",\n") .. "\n" .. (" "):rep(indent) .. "}"
end

--- A long list of short things: as many in a line as fit, in columns.
function Writer:fill(items, pad)
  local widest = 0
  for i, item in ipairs(items) do
    widest = math.max(widest, columns(item) + (i < #items and 1 or 0))
  end
  local per_line = math.max(1, (self.width - #pad) // (widest + 1))
  local lines = {}
  for start = 1, #items, per_line do
    local cells = {}
    for i = start, math.min(start + per_line - 1, #items) do
      local cell = items[i] .. (i < #items and "," or "")
      local last = i == start + per_line - 1 or i == #items
      cells[#cells + 1] = last and cell or cell .. (" "):rep(widest - columns(cell))
    end
    lines[#lines + 1] = pad .. table.concat(cells, " ")
  end
  return "{\n" .. table.concat(lines, "\n") .. "\n" .. pad:sub(3) .. "}"
end

function Writer:table(value, indent, depth)
  if self.open[value] then return self:paint("dim", "<cycle>") end
  if next(value) == nil then return "{}" end
  if depth > self.depth then return self:paint("dim", "{...}") end
  self.open[value] = true
  local length = rawlen(value)
  local keys = other_keys(value, length)
  local shown_elements = math.min(length, self.items)
  local shown_keys = math.min(#keys, math.max(self.items - shown_elements, 1))
  local entries, keys_width = { keyed = shown_keys > 0 and #keys > 0 }, 0
  for i = 1, shown_keys do
    keys_width = math.max(keys_width, columns(self:key(keys[i])))
  end
  for i = 1, shown_elements do
    entries[#entries + 1] = { text = self:value(rawget(value, i), indent + 2, depth + 1) }
  end
  for i = 1, shown_keys do
    local key = self:key(keys[i])
    local text = self:value(rawget(value, keys[i]), indent + 2, depth + 1)
    entries[#entries + 1] = { key = key, text = text }
  end
  local hidden = length - shown_elements + #keys - shown_keys
  if hidden > 0 then
    entries[#entries + 1] = { text = self:paint("dim", ("... (%d more)"):format(hidden)) }
  end
  self.open[value] = nil
  return self:layout(entries, indent, keys_width)
end

function Writer:value(value, indent, depth)
  if type(value) ~= "table" or has_tostring(value) then return self:atom(value) end
  return self:table(value, indent, depth)
end

-- ---- What others call -------------------------------------------------------------------------

local function writer(options)
  options = options or {}
  return setmetatable({
    width = options.width or DEFAULT_WIDTH,
    depth = options.depth or DEFAULT_DEPTH,
    items = options.items or DEFAULT_ITEMS,
    color = options.color or false,
    open = {},
  }, Writer)
end

--- One value as text.
function pretty.format(value, options)
  return writer(options):value(value, 0, 1)
end

--- The results of an expression: plain values as `print` shows them, tables pretty.
function pretty.results(options, ...)
  local texts, multiline = {}, false
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    local is_plain_table = type(value) == "table" and not has_tostring(value)
    texts[i] = is_plain_table and pretty.format(value, options) or describe(value)
    multiline = multiline or texts[i]:find "\n" ~= nil
  end
  return table.concat(texts, multiline and "\n" or "\t")
end

return setmetatable(pretty, { __call = function(_, ...) return pretty.format(...) end })
