-- Eager tensors, against the same computation done naively with Lua numbers.

local wane = require "wane"

--- Elements in row-major order.
local function flat(value, list)
  list = list or {}
  if type(value) == "userdata" then value = value:tolist() end
  if type(value) ~= "table" then list[#list + 1] = value return list end
  for _, v in ipairs(value) do flat(v, list) end
  return list
end

local function shape_of(t) return table.concat(t.shape, "x") end

--- The tensor has this type, shape and these elements.
local function expect(t, dtype, shape, values, tolerance)
  check.equal(t.dtype, dtype, "dtype")
  check.equal(shape_of(t), shape, "shape")
  local got = flat(t)
  check.equal(#got, #values, "elements")
  for i, value in ipairs(values) do
    if type(value) == "boolean" then check.equal(got[i], value)
    elseif value ~= value then check.truthy(got[i] ~= got[i], "element " .. i .. " is not NaN")
    elseif value == got[i] then -- infinities have no difference
    else check.near(got[i], value, (tolerance or 1e-6) * math.max(1, math.abs(value))) end
  end
end

--- Element of a tensor's list, indices as far as its rank, extents of one repeated.
local function element(list, shape, indices)
  local skip = #indices - #shape
  for axis, extent in ipairs(shape) do
    list = list[extent == 1 and 1 or indices[skip + axis]]
  end
  return list
end

--- Calls f(indices) for every place in a shape, in row-major order.
local function places(shape, f, indices)
  indices = indices or {}
  if #indices == #shape then return f(indices) end
  for i = 1, shape[#indices + 1] do
    indices[#indices + 1] = i
    places(shape, f, indices)
    indices[#indices] = nil
  end
end

-- ---- Creation ---------------------------------------------------------------------------------

test("tensors of lists and numbers", function()
  expect(wane.tensor { { 1, 2 }, { 3, 4 } }, "f32", "2x2", { 1, 2, 3, 4 })
  expect(wane.tensor(7), "f32", "", { 7 })
  expect(wane.tensor({ 1, 2 }, "i32"), "i32", "2", { 1, 2 })
  expect(wane.tensor({ 1, 2 }, { dtype = "u8" }), "u8", "2", { 1, 2 })
  expect(wane.tensor { 0, 1, dtype = "bool" }, "bool", "2", { false, true })
  expect(wane.tensor { { true }, { false } }, "bool", "2x1", { true, false })
  expect(wane.tensor { true, false, dtype = "f32" }, "f32", "2", { 1, 0 })
  expect(wane.tensor {}, "f32", "0", {})
  expect(wane.tensor { {}, {} }, "f32", "2x0", {})
  local t = wane.tensor { 1, 2 }
  expect(wane.tensor(t, "i32"), "i32", "2", { 1, 2 })
end)

test("filled, ranges and random tensors", function()
  expect(wane.zeros { 2, 2 }, "f32", "2x2", { 0, 0, 0, 0 })
  expect(wane.zeros(3), "f32", "3", { 0, 0, 0 })
  expect(wane.ones(1, 2), "f32", "1x2", { 1, 1 })
  expect(wane.ones({ 2 }, "i8"), "i8", "2", { 1, 1 })
  expect(wane.ones { 2, dtype = "bool" }, "bool", "2", { true, true })
  expect(wane.full({ 2 }, 7, "i32"), "i32", "2", { 7, 7 })
  expect(wane.arange(3), "f32", "3", { 0, 1, 2 })
  expect(wane.arange(5, 1, -2, "i32"), "i32", "2", { 5, 3 })
  expect(wane.arange(0, 0.3, 0.1), "f32", "3", { 0, 0.1, 0.2 })
  expect(wane.arange(0), "f32", "0", {})
  expect(wane.linspace(1, 2, 3), "f32", "3", { 1, 1.5, 2 })
  expect(wane.eye(2), "f32", "2x2", { 1, 0, 0, 1 })
  local u = wane.rand({ 100, 100 }, { low = -1, high = 3, seed = 1 })
  check.truthy(u:min() >= -1 and u:max() < 3)
  check.near(u:mean(), 1, 0.05)
  check.truthy(u == wane.rand({ 100, 100 }, { low = -1, high = 3, seed = 1 }))
  check.truthy(u ~= wane.rand({ 100, 100 }, { low = -1, high = 3, seed = 2 }))
  local n = wane.randn({ 10000 }, { mean = 2, std = 3, seed = 1 })
  check.near(n:mean(), 2, 0.1)
  check.near(n:std(), 3, 0.1)
  local dice = wane.randint({ 1000 }, 1, 6, { seed = 1 })
  check.equal(dice:min(), 1)
  check.equal(dice:max(), 6)
  expect(wane.permutation(4, { seed = 3 }):sort(), "i32", "4", { 1, 2, 3, 4 })
  wane.seed(5)
  local a, b = wane.rand { 4 }, wane.rand { 4 }
  check.truthy(a ~= b)
  wane.seed(5)
  check.truthy(a == wane.rand { 4 } and b == wane.rand { 4 })
end)

test("fields", function()
  local t = wane.zeros({ 2, 3 }, "i32")
  check.equal(shape_of(t), "2x3")
  check.equal(t.rank, 2)
  check.equal(t.ndim, 2)
  check.equal(t.size, 6)
  check.equal(t.bytes, 24)
  check.equal(#t, 2)
  check.equal(t.nothing, nil)
end)

-- ---- Indexing ---------------------------------------------------------------------------------

test("rows and elements, from both ends", function()
  local t = wane.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
  expect(t[1], "f32", "3", { 1, 2, 3 })
  expect(t[-1], "f32", "3", { 4, 5, 6 })
  check.equal(t[2][-1], 6)
  check.equal(math.type(wane.tensor({ 5 }, "i8")[1]), "integer")
  check.equal(wane.tensor({ true })[1], true)
  check.equal(t[3], nil)
  local rows = 0
  for i, row in ipairs(t) do rows = rows + i * row[1] end
  check.equal(rows, 9)
  check.equal(t(2, 3), 6)
  check.equal(t:get(-1, -1), 6)
  expect(t(1), "f32", "3", { 1, 2, 3 })
  expect(t({}, 2), "f32", "2", { 2, 5 })
  expect(t({ 2, 2 }, { 1, 3, 2 }), "f32", "1x2", { 4, 6 })
  expect(t:slice(2, 2), "f32", "2x2", { 2, 3, 5, 6 })
  expect(t:slice(-1, 1, -1, 2), "f32", "2x2", { 1, 3, 4, 6 })
  expect(t:slice(1, 2, 1), "f32", "0x3", {})
end)

test("assignment leaves what was taken before", function()
  local t = wane.zeros { 2, 3 }
  local row, copy, view = t[1], t:copy(), t:reshape(6)
  t[1] = { 1, 2, 3 }
  t[2] = 7
  expect(t, "f32", "2x3", { 1, 2, 3, 7, 7, 7 })
  expect(row, "f32", "3", { 0, 0, 0 })
  expect(copy, "f32", "2x3", { 0, 0, 0, 0, 0, 0 })
  expect(view, "f32", "6", { 0, 0, 0, 0, 0, 0 })
  t[-1] = t[1]
  expect(t[2], "f32", "3", { 1, 2, 3 })
  check.truthy(t:set(1, 2, 9) == t)
  check.equal(t(1, 2), 9)
  t:set({}, 3, { -1, -2 })
  expect(t, "f32", "2x3", { 1, 9, -1, 1, 2, -2 })
  t:set({}, { 1, 2 }, 0)
  expect(t, "f32", "2x3", { 0, 0, -1, 0, 0, -2 })
  t:set(5)
  check.equal(t:sum(), 30)
  local v = wane.zeros({ 3 }, "u8")
  v[2] = 255
  expect(v, "u8", "3", { 0, 255, 0 })
end)

test("every block of a 3-d tensor, read and written", function()
  local shape = { 3, 4, 5 }
  local t = wane.arange(60):reshape(shape)
  local list = t:tolist()
  local ranges = { { 1, -1, 1 }, { 2, 3, 1 }, { 1, 3, 2 }, { 3, 3, 1 } }
  for _, a in ipairs(ranges) do for _, b in ipairs(ranges) do for _, c in ipairs(ranges) do
    local expected = {}
    local function each(range, extent, f)
      for i = range[1], range[2] < 0 and extent or range[2], range[3] do f(i) end
    end
    each(a, 3, function(i) each(b, 4, function(j) each(c, 5, function(k)
      expected[#expected + 1] = list[i][j][k]
    end) end) end)
    local block = t(a, b, c)
    expect(block, "f32", shape_of(block), expected)
    local u = wane.zeros(shape)
    u:set(a, b, c, block)
    check.equal(u:sum(), block:sum())
    check.truthy(u(a, b, c) == block)
  end end end
end)

-- ---- Arithmetic -------------------------------------------------------------------------------

local OPERATORS = {
  { "+", function(a, b) return a + b end },
  { "-", function(a, b) return a - b end },
  { "*", function(a, b) return a * b end },
  { "/", function(a, b) return a / b end },
  { "//", function(a, b) return a // b end },
  { "%", function(a, b) return a % b end },
  { "^", function(a, b) return a ^ b end },
}

test("operators broadcast like NumPy", function()
  local shapes = {
    {}, { 1 }, { 3 }, { 2, 3 }, { 2, 1 }, { 1, 3 }, { 4, 2, 3 }, { 4, 1, 3 }, { 4, 1, 1 }, { 1, 2, 1 }, { 0, 3 },
  }
  local pairs_tested = 0
  for _, sa in ipairs(shapes) do for _, sb in ipairs(shapes) do
    -- Halves are exact, so are all results but those of division and power.
    local a = (wane.rand(#sa > 0 and sa or { 1 }, { low = 1, high = 9, seed = 1 }) * 2):floor() / 2
    local b = (wane.rand(#sb > 0 and sb or { 1 }, { low = 1, high = 5, seed = 2 }) * 2):floor() / 2
    a, b = a:reshape(sa), b:reshape(sb)
    local rank, shape, fits = math.max(#sa, #sb), {}, true
    for axis = 1, rank do
      local x, y = sa[axis - rank + #sa] or 1, sb[axis - rank + #sb] or 1
      fits = fits and (x == y or x == 1 or y == 1)
      shape[axis] = x == 1 and y or x
    end
    if fits then
      pairs_tested = pairs_tested + 1
      local la, lb = a:tolist(), b:tolist()
      for _, operator in ipairs(OPERATORS) do
        local expected = {}
        places(shape, function(indices)
          expected[#expected + 1] = operator[2](element(la, sa, indices), element(lb, sb, indices))
        end)
        expect(operator[2](a, b), "f32", table.concat(shape, "x"), expected, 1e-5)
      end
    else
      check.raises("...do not broadcast", OPERATORS[1][2], a, b)
    end
  end end
  check.truthy(pairs_tested > 80)
end)

test("operators take numbers and lists on both sides", function()
  local t = wane.tensor { -3, 2.5, 4 }
  for _, operator in ipairs(OPERATORS) do
    for _, number in ipairs { 2, -2, 0.5, 3 } do
      local right, left = {}, {}
      for i, value in ipairs { -3, 2.5, 4 } do
        right[i] = operator[2](value, number)
        left[i] = operator[2](number, value)
      end
      expect(operator[2](t, number), "f32", "3", right, 1e-5)
      expect(operator[2](number, t), "f32", "3", left, 1e-5)
    end
  end
  expect(t + { 1, 1, 1 }, "f32", "3", { -2, 3.5, 5 })
  expect(-t, "f32", "3", { 3, -2.5, -4 })
end)

test("whole numbers stay whole and saturate", function()
  local big = wane.tensor({ 2147483647, -2147483648, 7 }, "i32")
  expect(big + 1, "i32", "3", { 2147483647, -2147483647, 8 })
  expect(big - 1, "i32", "3", { 2147483646, -2147483648, 6 })
  expect(big * 2, "i32", "3", { 2147483647, -2147483648, 14 })
  expect(-big, "i32", "3", { -2147483647, 2147483647, -7 })
  expect(big // -1, "i32", "3", { -2147483647, 2147483647, -7 })
  expect(big % 4, "i32", "3", { 3, 0, 3 })
  expect(-7 // wane.tensor({ 2, -2 }, "i32"), "i32", "2", { -4, 3 })
  expect(-7 % wane.tensor({ 2, -2 }, "i32"), "i32", "2", { 1, -1 })
  expect(big / 2, "f32", "3", { 1073741824, -1073741824, 3.5 })
  expect(big + 0.5, "f32", "3", { 2147483648, -2147483648, 7.5 })
  local bytes = wane.tensor({ 200, 100 }, "u8")
  expect(bytes + bytes, "i32", "2", { 400, 200 })
  expect(bytes - wane.tensor({ -1, 1 }, "i8"), "i32", "2", { 201, 99 })
  expect(wane.tensor { true, false } + 1, "i32", "2", { 2, 1 })
  expect(bytes + wane.tensor { 0.5, 0.5 }, "f32", "2", { 200.5, 100.5 })
  check.raises("...: floor_divide: division of whole numbers by 0", function() return big // 0 end)
  check.raises("...: remainder: division of whole numbers by 0", function() return big % 0 end)
  check.raises("...: add: 5000000000 does not fit i32 (-2147483648..2147483647)", function() return big + 5000000000 end)
end)

test("equality is of shape, type and elements", function()
  local a = wane.tensor { 1, 2 }
  check.truthy(a == wane.tensor { 1, 2 })
  check.truthy(a ~= wane.tensor { 1, 3 })
  check.truthy(a ~= wane.tensor { { 1, 2 } })
  check.truthy(a ~= wane.tensor({ 1, 2 }, "i32"))
  check.truthy(wane.tensor { 0 / 0 } ~= wane.tensor { 0 / 0 })
  check.truthy(a ~= io.stdout)
  check.truthy(wane.tensor(2) < 3 and 3 > wane.tensor(2) and wane.tensor(2) <= 2)
  check.raises("...: lt: Lua's < gives one boolean; for all elements of shape 2 use a:lt(b)", function() return a < a end)
end)

test("comparison, logic and choice", function()
  local a, b = wane.tensor { 1, 2, 3 }, wane.tensor({ 2, 2, 2 }, "i32")
  expect(a:eq(b), "bool", "3", { false, true, false })
  expect(a:ne(b), "bool", "3", { true, false, true })
  expect(a:lt(2), "bool", "3", { true, false, false })
  expect(a:le(2), "bool", "3", { true, true, false })
  expect(a:gt(b), "bool", "3", { false, false, true })
  expect(a:ge { { 1 }, { 3 } }, "bool", "2x3", { true, true, true, false, false, true })
  local p, q = wane.tensor { true, true, false, false }, wane.tensor { true, false, true, false }
  expect(p & q, "bool", "4", { true, false, false, false })
  expect(p | q, "bool", "4", { true, true, true, false })
  expect(p ~ q, "bool", "4", { false, true, true, false })
  expect(~p, "bool", "4", { false, false, true, true })
  expect(p:logical_and(true), "bool", "4", { true, true, false, false })
  expect(wane.where(a:gt(1), a, 0), "f32", "3", { 0, 2, 3 })
  expect(a:gt(1):where(b, -b), "i32", "3", { -2, 2, 2 })
  expect(wane.where(wane.tensor { { true }, { false } }, a, b), "f32", "2x3", { 1, 2, 3, 2, 2, 2 })
  expect(wane.maximum(a, 2), "f32", "3", { 2, 2, 3 })
  expect(wane.minimum(2, a), "f32", "3", { 1, 2, 2 })
  expect(b:maximum(wane.tensor({ 1, 2, 5 }, "u8")), "i32", "3", { 2, 2, 5 })
  check.equal(a:gt(2):any(), true)
  check.equal(a:gt(2):all(), false)
  expect(wane.tensor({ { 0, 1 }, { 2, 1 } }):all(2), "bool", "2", { false, true })
end)

-- ---- Functions --------------------------------------------------------------------------------

test("functions of elements", function()
  local values = { -2.5, -1, -0.5, 0, 0.5, 1.5, 3 }
  local t = wane.tensor(values)
  local functions = {
    abs = math.abs, exp = math.exp, square = function(x) return x * x end,
    relu = function(x) return math.max(x, 0) end,
    sigmoid = function(x) return 1 / (1 + math.exp(-x)) end,
    tanh = function(x) return (math.exp(2 * x) - 1) / (math.exp(2 * x) + 1) end,
    floor = math.floor, ceil = math.ceil, sin = math.sin, cos = math.cos,
    sign = function(x) return x > 0 and 1 or x < 0 and -1 or 0 end,
  }
  for name, f in pairs(functions) do
    local expected = {}
    for i, x in ipairs(values) do expected[i] = f(x) end
    expect(t[name](t), "f32", "7", expected)
  end
  expect(t:round(), "f32", "7", { -2, -1, 0, 0, 0, 2, 3 })
  expect(t:square():sqrt(), "f32", "7", { 2.5, 1, 0.5, 0, 0.5, 1.5, 3 })
  expect(t:exp():log(), "f32", "7", values)
  expect(t:clamp(-1, 1), "f32", "7", { -1, -1, -0.5, 0, 0.5, 1, 1 })
  expect(t:clamp(nil, 0), "f32", "7", { -2.5, -1, -0.5, 0, 0, 0, 0 })
  local whole = wane.tensor({ -2147483648, -3, 0, 5 }, "i32")
  expect(whole:abs(), "i32", "4", { 2147483647, 3, 0, 5 })
  expect(whole:relu(), "i32", "4", { 0, 0, 0, 5 })
  expect(whole:sign(), "i32", "4", { -1, -1, 0, 1 })
  expect(whole:clamp(-2, 2), "i32", "4", { -2, -2, 0, 2 })
  expect(whole:square(), "i32", "4", { 2147483647, 9, 0, 25 })
  expect(whole:sigmoid(), "f32", "4", { 0, 1 / (1 + math.exp(3)), 0.5, 1 / (1 + math.exp(-5)) })
end)

test("softmax along any axis", function()
  local t = wane.randn({ 2, 3, 4 }, { seed = 1 })
  for axis = 1, 3 do
    local e = t:exp()
    expect(t:softmax(axis), "f32", "2x3x4", flat(e / e:sum(axis, { keep_axes = true })), 1e-5)
    expect(t:log_softmax(axis - 4):exp(), "f32", "2x3x4", flat(t:softmax(axis)), 1e-5)
  end
  check.truthy(t:softmax() == t:softmax(3))
end)

test("conversions", function()
  local t = wane.tensor { -1.9, 0, 1.9, 300, 0 / 0, 1 / 0 }
  expect(t:to "i32", "i32", "6", { -1, 0, 1, 300, 0, 2147483647 })
  expect(t:to "u8", "u8", "6", { 0, 0, 1, 255, 0, 255 })
  expect(t:to "i8", "i8", "6", { -1, 0, 1, 127, 0, 127 })
  local whole = wane.tensor({ -5, 0, 200 }, "i32")
  expect(whole:to "bool", "bool", "3", { true, false, true })
  expect(whole:to "u8":to "i8", "i8", "3", { 0, 0, 127 })
  local types = { "f32", "i32", "u8", "i8", "bool" }
  for _, from in ipairs(types) do for _, to in ipairs(types) do
    local converted = wane.tensor({ 0, 1, 1 }, from):to(to)
    check.truthy(converted == wane.tensor({ 0, 1, 1 }, to), from .. " to " .. to)
  end end
end)

-- ---- Reductions -------------------------------------------------------------------------------

--- Reduces lists of one axis naively.
local function reduce(t, axis, f)
  local shape, list, result, outer = t.shape, t:tolist(), {}, {}
  for i, extent in ipairs(shape) do outer[i] = i == axis and 1 or extent end
  places(outer, function(indices)
    local line = {}
    for j = 1, shape[axis] do
      local place = { table.unpack(indices) }
      place[axis] = j
      line[j] = element(list, shape, place)
    end
    result[#result + 1] = f(line)
  end)
  return result, outer
end

local REDUCTIONS = {
  sum = function(line) local s = 0 for _, x in ipairs(line) do s = s + x end return s end,
  prod = function(line) local p = 1 for _, x in ipairs(line) do p = p * x end return p end,
  max = function(line) return math.max(table.unpack(line)) end,
  min = function(line) return math.min(table.unpack(line)) end,
}
function REDUCTIONS.mean(line) return REDUCTIONS.sum(line) / #line end
function REDUCTIONS.var(line)
  local mean, s = REDUCTIONS.mean(line), 0
  for _, x in ipairs(line) do s = s + (x - mean) ^ 2 end
  return s / #line
end
function REDUCTIONS.std(line) return math.sqrt(REDUCTIONS.var(line)) end
function REDUCTIONS.argmax(line)
  local best = 1
  for i, x in ipairs(line) do if x > line[best] then best = i end end
  return best
end
function REDUCTIONS.argmin(line)
  local best = 1
  for i, x in ipairs(line) do if x < line[best] then best = i end end
  return best
end

test("reductions along every axis and of all", function()
  for _, dtype in ipairs { "f32", "i32", "u8", "i8" } do
    local t = (wane.rand({ 3, 4, 5 }, { low = 0, high = 9, seed = 7 })):to(dtype)
    for name, f in pairs(REDUCTIONS) do
      for axis = 1, 3 do
        local expected, shape = reduce(t, axis, f)
        local kept = t[name](t, axis, { keep_axes = true })
        if name == "prod" and dtype ~= "f32" then
          for i, value in ipairs(expected) do expected[i] = math.min(value, 2147483647) end
        end
        expect(kept, kept.dtype, table.concat(shape, "x"), expected, 1e-5)
        table.remove(shape, axis)
        local reduced = t[name](t, axis - 4)
        expect(reduced, kept.dtype, table.concat(shape, "x"), expected, 1e-5)
        local real = name == "mean" or name == "var" or name == "std"
        local same = name == "max" or name == "min"
        check.equal(reduced.dtype, (real or dtype == "f32" and not name:find "arg") and "f32" or same and dtype or "i32")
      end
      local all = f(flat(t))
      if name == "prod" and dtype ~= "f32" then all = math.min(all, 2147483647) end
      local got = t[name](t)
      check.truthy(type(got) == "number", name)
      if got ~= all then check.near(got, all, 1e-5 * math.abs(all)) end
    end
  end
end)

test("several axes, options and special values", function()
  local t = wane.arange(24):reshape(2, 3, 4)
  expect(t:sum { 1, 3 }, "f32", "3", { 60, 92, 124 })
  expect(t:mean { 1, 3 }, "f32", "3", { 7.5, 11.5, 15.5 })
  expect(t:sum { axis = { 1, 2 }, keep_axes = true }, "f32", "1x1x4", { 60, 66, 72, 78 })
  expect(t:max({ keep_axes = true }), "f32", "1x1x1", { 23 })
  check.near(wane.tensor { 1, 2, 3, 4 }:var { correction = 1 }, 5 / 3)
  local nan = wane.tensor { { 1, 0 / 0 }, { 3, 2 } }
  check.truthy(nan:max() ~= nan:max() and nan:min() ~= nan:min())
  expect(nan:max(1), "f32", "2", { 3, 0 / 0 })
  expect(nan:argmax(2), "i32", "2", { 2, 1 })
  check.equal(wane.tensor({ 5, 9, 9 }):argmax(), 2)
  check.equal(wane.tensor({ -5, -9 }):max(), -5)
  check.equal(wane.zeros { 0 }:sum(), 0)
  expect(wane.zeros { 0, 2 }:sum(1), "f32", "2", { 0, 0 })
  expect(wane.zeros { 2, 0 }:max(1), "f32", "0", {})
  expect(wane.zeros { 1, 2, 0 }:sum(2), "f32", "1x0", {})
  expect(wane.arange(1e308, -1e308, 1e300), "f32", "0", {})
  expect(t:slice(3, 1, -1, math.maxinteger), "f32", "2x3x1", { 0, 4, 8, 12, 16, 20 })
  check.equal(wane.full({ 4 }, 2147483647, "i32"):sum(), 2147483647)
  check.equal(wane.tensor { true, true, false }:sum(), 2)
  check.near(wane.tensor { true, true, false, false }:mean(), 0.5)
end)

test("cumsum, sort and top_k", function()
  local t = wane.tensor { { 3, 1, 2 }, { 0, 5, -1 } }
  expect(t:cumsum(), "f32", "2x3", { 3, 4, 6, 0, 5, 4 })
  expect(t:cumsum(1), "f32", "2x3", { 3, 1, 2, 3, 6, 1 })
  expect(wane.full({ 2 }, 2147483647, "i32"):cumsum(), "i32", "2", { 2147483647, 2147483647 })
  local values, order = t:sort()
  expect(values, "f32", "2x3", { 1, 2, 3, -1, 0, 5 })
  expect(order, "i32", "2x3", { 2, 3, 1, 3, 1, 2 })
  expect(t:sort(1, { descending = true }), "f32", "2x3", { 3, 5, 2, 0, 1, -1 })
  expect((t:sort { descending = true }), "f32", "2x3", { 3, 2, 1, 5, 0, -1 })
  expect((wane.tensor { 0 / 0, 2, 1 }:sort()), "f32", "3", { 1, 2, 0 / 0 })
  local best, where = t:top_k(2)
  expect(best, "f32", "2x2", { 3, 2, 5, 0 })
  expect(where, "i32", "2x2", { 1, 3, 2, 1 })
  local random = wane.rand({ 1000 }, { seed = 9 })
  check.truthy(random:gather(select(2, random:sort())) == (random:sort()))
end)

-- ---- Shapes -----------------------------------------------------------------------------------

test("reshape, squeeze and transpose", function()
  local t = wane.arange(6):reshape(2, 3)
  expect(t:reshape { 3, -1 }, "f32", "3x2", { 0, 1, 2, 3, 4, 5 })
  expect(t:flatten(), "f32", "6", { 0, 1, 2, 3, 4, 5 })
  expect(t:transpose(), "f32", "3x2", { 0, 3, 1, 4, 2, 5 })
  check.equal(shape_of(t:unsqueeze(1)), "1x2x3")
  check.equal(shape_of(t:unsqueeze(-1)), "2x3x1")
  check.equal(shape_of(t:unsqueeze(2):squeeze()), "2x3")
  check.equal(shape_of(wane.zeros { 1, 2, 1 }:squeeze(-1)), "1x2")
  expect(wane.tensor { { 1 }, { 2 } }:broadcast_to(2, 2), "f32", "2x2", { 1, 1, 2, 2 })
  check.equal(shape_of(wane.tensor { 5 }:reshape {}), "")
end)

test("permute moves every element where it belongs", function()
  for _, dtype in ipairs { "f32", "u8" } do
    for _, shape in ipairs { { 2, 3, 4 }, { 40, 1, 70 }, { 5, 33, 3 } } do
      local t = (wane.rand(shape, { high = 100, seed = 4 })):to(dtype)
      local list = t:tolist()
      for _, order in ipairs { { 1, 2, 3 }, { 1, 3, 2 }, { 2, 1, 3 }, { 2, 3, 1 }, { 3, 1, 2 }, { 3, 2, 1 } } do
        local p = t:permute(order)
        local moved, wrong = p:tolist(), 0
        places(p.shape, function(i)
          local from = {}
          for axis = 1, 3 do from[order[axis]] = i[axis] end
          if moved[i[1]][i[2]][i[3]] ~= list[from[1]][from[2]][from[3]] then wrong = wrong + 1 end
        end)
        check.equal(wrong, 0)
      end
    end
  end
end)

test("concat, stack, gather and one_hot", function()
  local a, b = wane.tensor { { 1, 2 } }, wane.tensor { { 3, 4 }, { 5, 6 } }
  expect(wane.concat { a, b }, "f32", "3x2", { 1, 2, 3, 4, 5, 6 })
  expect(wane.concat({ b, b:to "i32" }, 2), "f32", "2x4", { 3, 4, 3, 4, 5, 6, 5, 6 })
  expect(wane.concat { b, b, axis = -1 }, "f32", "2x4", { 3, 4, 3, 4, 5, 6, 5, 6 })
  expect(wane.stack { a, a }, "f32", "2x1x2", { 1, 2, 1, 2 })
  expect(wane.stack({ a, a }, -1), "f32", "1x2x2", { 1, 1, 2, 2 })
  expect(wane.stack { 1, 2 }, "f32", "2", { 1, 2 })
  expect(b:gather { 2, 1, -1 }, "f32", "3x2", { 5, 6, 3, 4, 5, 6 })
  expect(b:gather(wane.tensor({ { 1 }, { 2 } }, "u8"), 2), "f32", "2x2x1", { 3, 4, 5, 6 })
  local labels = wane.tensor({ 0, 2 }, "i32")
  expect(labels:one_hot(3), "f32", "2x3", { 1, 0, 0, 0, 0, 1 })
  expect((labels + 1):one_hot(3, { first = 1, dtype = "u8" }), "u8", "2x3", { 1, 0, 0, 0, 0, 1 })
end)

test("matmul of vectors, matrices and batches", function()
  local function product(a, b)
    local result = {}
    for i = 1, #a do for j = 1, #b[1] do
      local s = 0
      for p = 1, #b do s = s + a[i][p] * b[p][j] end
      result[#result + 1] = s
    end end
    return result
  end
  for _, size in ipairs { { 1, 1, 1 }, { 2, 3, 4 }, { 17, 33, 9 }, { 64, 1, 64 } } do
    local m, k, n = table.unpack(size)
    local a, b = wane.randn({ m, k }, { seed = 1 }), wane.randn({ k, n }, { seed = 2 })
    expect(a:matmul(b), "f32", m .. "x" .. n, product(a:tolist(), b:tolist()), 1e-4)
    local whole, other = (a * 10):to "i32", (b * 10):to "i8"
    expect(whole:matmul(other), "i32", m .. "x" .. n, product(whole:tolist(), other:tolist()))
  end
  local v = wane.tensor { 1, 2 }
  check.equal(v:matmul(v), 5)
  expect(v:matmul { { 1, 2, 3 }, { 4, 5, 6 } }, "f32", "3", { 9, 12, 15 })
  expect(wane.tensor { { 1, 2 }, { 3, 4 } }:matmul(v), "f32", "2", { 5, 11 })
  local x, y = wane.randn({ 3, 1, 4, 5 }, { seed = 3 }), wane.randn({ 2, 5, 6 }, { seed = 4 })
  local z = x:matmul(y)
  check.equal(shape_of(z), "3x2x4x6")
  for i = 1, 3 do for j = 1, 2 do
    expect(z(i, j), "f32", "4x6", flat(x(i, 1):matmul(y[j])), 1e-5)
  end end
  expect(x:matmul(y[1])(2, 1), "f32", "4x6", flat(x(2, 1):matmul(y[1])), 1e-5)
  expect(wane.zeros { 2, 0 }:matmul(wane.zeros { 0, 3 }), "f32", "2x3", { 0, 0, 0, 0, 0, 0 })
  expect(wane.zeros { 0, 2 }:matmul(wane.zeros { 2, 3 }), "f32", "0x3", {})
end)

-- ---- Text -------------------------------------------------------------------------------------

test("tensors print in columns", function()
  check.equal(tostring(wane.tensor { { 1, -2.5 }, { 0.25, 3 } }), "Tensor 2x2 f32\n[[ 1.00 -2.50]\n [ 0.25  3.00]]")
  check.equal(tostring(wane.tensor { 1, 2 }), "Tensor 2 f32\n[1. 2.]")
  check.equal(tostring(wane.tensor({ 1, 200 }, "u8")), "Tensor 2 u8\n[  1 200]")
  check.equal(tostring(wane.tensor { true, false }), "Tensor 2 bool\n[ true false]")
  check.equal(tostring(wane.tensor { 0 / 0, -1 / 0, 0.12345 }), "Tensor 3 f32\n[   nan   -inf 0.1235]")
  check.equal(tostring(wane.tensor { 1e-9, 2e20 }), "Tensor 2 f32\n[1.0000e-09 2.0000e+20]")
  check.equal(tostring(wane.tensor { 9.99999e-10, 1 }), "Tensor 2 f32\n[1.0000e-09 1.0000e+00]")
  check.equal(tostring(wane.tensor(3.5)), "3.5")
  check.equal(tostring(wane.tensor(7):to "i32"), "7")
  check.equal(tostring(wane.zeros { 0 }), "Tensor 0 f32\n[]")
  check.equal(tostring(wane.zeros { 2, 0 }), "Tensor 2x0 f32\n[[]\n []]")
  check.equal(tostring(wane.arange(2000)), "Tensor 2000 f32\n[   0.    1.    2. ... 1997. 1998. 1999.]")
  check.equal(tostring(wane.zeros { 2, 1, 2 }), "Tensor 2x1x2 f32\n[[[0. 0.]]\n\n [[0. 0.]]]")
  for line in tostring(wane.arange(1000)):gmatch "[^\n]+" do check.truthy(#line <= 80, line) end
end)

-- ---- Errors -----------------------------------------------------------------------------------

test("errors name the operation and the shapes", function()
  local t = wane.ones { 2, 2 }
  local cases = {
    { "...: add: shapes 2x2 and 3 do not broadcast", function() return t + wane.ones { 3 } end },
    { "...: add: Tensor or number expected, got string", function() return t + "x" end },
    { "...: multiply: Tensor or number expected, got nil", function() return t * nil end },
    { "...: index: index 5 is outside 1..2 of axis 1 in shape 2x2", function() return t[5] end },
    { "...: index: index 0 is outside 1..2 of axis 1 in shape 2x2", function() return t[0] end },
    { "...: index: a scalar has no rows, got [1]", function() return wane.tensor(1)[1] end },
    { "...: index: 3 indices for shape 2x2", function() return t(1, 1, 1) end },
    { "...: get: index -3 is outside 1..2 of axis 2 in shape 2x2", function() return t:get(1, -3) end },
    { "...: index: a value of shape 3 does not fit a part of shape 2", function() t[1] = { 1, 2, 3 } end },
    { "...: set: a value of shape 1x1x1 does not fit a part of shape 2x1", function() t:set({}, { 1, 1 }, wane.ones { 1, 1, 1 }) end },
    { "...: a Tensor cannot be changed: no field 'x' to set", function() t.x = 1 end },
    { "...: set: 300 does not fit u8 (0..255)", function() wane.zeros({ 1 }, "u8"):set(1, 300) end },
    { "...: index: 1.5 is not a whole number, as i32 needs", function() wane.zeros({ 1 }, "i32")[1] = 1.5 end },
    { "...: slice: 2..5 is no range in 1..2 of axis 1 in shape 2x2", function() return t:slice(1, 2, 5) end },
    { "...: sum: axis must be in 1..2 or -2..-1 for shape 2x2, got 3", function() return t:sum(3) end },
    { "...: sum: axis must be in 1..2 or -2..-1 for shape 2x2, got 0", function() return t:sum { 1, 0 } end },
    { "...: sum: a scalar has no axes, got axis 1", function() return wane.tensor(1):sum(1) end },
    { "...: bad option 'keep' to 'sum' (did you mean 'keep_axes'?)", function() return t:sum(1, { keep = true }) end },
    { "...: max: no elements to reduce in shape 0", function() return wane.zeros { 0 }:max() end },
    { "...: argmin: no elements to compare in shape 2x0", function() return wane.zeros { 2, 0 }:argmin(2) end },
    { "...: var: correction must be in 0..<1, the number of elements, got 1", function() return wane.ones { 1 }:var { correction = 1 } end },
    { "...: reshape: shape 2x2 has 4 elements, 3 has 3", function() return t:reshape(3) end },
    { "...: reshape: 4 elements of shape 2x2 do not fill 3x-1", function() return t:reshape(3, -1) end },
    { "...: reshape: only one extent may be -1, got -1x-1", function() return t:reshape(-1, -1) end },
    { "...: squeeze: axis has 2 elements in shape 2x2, not 1", function() return t:squeeze(1) end },
    { "...: permute: an order of 2 different axes expected for shape 2x2", function() return t:permute(1, 1) end },
    { "...: matmul: inner extents of shapes 2x2 and 3 differ: 2 and 3", function() return t:matmul(wane.ones { 3 }) end },
    { "...: concat: shapes 2x2 and 2x3 differ outside axis 1", function() return wane.concat { t, wane.ones { 2, 3 } } end },
    { "...: concat: no tensors to join", function() return wane.concat {} end },
    { "...: stack: shapes 2x2 and 3 differ", function() return wane.stack { t, wane.ones { 3 } } end },
    { "...: gather: index 3 is outside the 2 of axis 1 in shape 2x2", function() return t:gather { 3 } end },
    { "...: gather: index 0 is outside the 2 of axis 1 in shape 2x2", function() return t:gather { 0 } end },
    { "...: one_hot: class 2 is not in 0..1", function() return wane.tensor({ 2 }, "i32"):one_hot(2) end },
    { "...: top_k: k must be in 0..2, got 3", function() return t:top_k(3) end },
    { "...: clamp: low must be at most high, got 2 and 1", function() return t:clamp(2, 1) end },
    { "...: item: one element expected, shape 2x2 has 4", function() return t:item() end },
    { "...: to: dtype must be one of 'f32', 'i32', 'u8', 'i8', 'bool', got 'f64'", function() return t:to "f64" end },
    { "...: tensor: 300 does not fit u8 (0..255)", function() return wane.tensor({ 300 }, "u8") end },
    { "...: tensor: 1.5 is not a whole number, as i32 needs", function() return wane.tensor({ 1.5 }, "i32") end },
    { "...: bad argument #1 to 'tensor' (lists differ in length: 2 and 1 at depth 2)", function() return wane.tensor { { 1, 2 }, { 3 } } end },
    { "...: bad argument #1 to 'tensor' (number, nested lists or Tensor expected, got no value)", function() return wane.tensor() end },
    { "...: zeros: extents must not be negative, got 2x-1", function() return wane.zeros { 2, -1 } end },
    { "...: zeros: too many elements in 1099511627776x1048576", function() return wane.zeros { 1 << 40, 1 << 20 } end },
    { "...: ones: not enough memory for 1099511627776 bytes", function() return wane.ones { 1 << 38 } end },
    { "...: bad argument #1 to 'zeros' (shape expected, got no value)", function() return wane.zeros() end },
    { "...: bad option 'dtyp' to 'ones' (did you mean 'dtype'?)", function() return wane.ones({ 2 }, { dtyp = "u8" }) end },
    { "...: arange: finite numbers and a step other than 0 expected, got 1, 2, 0", function() return wane.arange(1, 2, 0) end },
    { "...: var: correction must be in 0..<4, the number of elements, got -9223372036854775808", function() return t:var { correction = math.mininteger } end },
    { "...: one_hot: 2 classes from -9223372036854775808 do not fit i32", function() return wane.zeros({ 1 }, "u8"):one_hot(2, { first = math.mininteger }) end },
    { "...: arange: too many elements from 0 to 1e+300 by 1", function() return wane.arange(1e300) end },
    { "...: reshape: at most 32 axes are possible, got 40", function() return wane.ones { 1 }:reshape(wane.ones { 40 }:tolist()) end },
    { "...: zeros: at most 32 axes are possible, got 40", function() return wane.zeros(wane.ones { 40 }:tolist()) end },
    { "...: index: index -9223372036854775808 is outside 1..2 of axis 1 in shape 2x2", function() return t[math.mininteger] end },
    { "...: index: index 9223372036854775807 is outside 1..2 of axis 1 in shape 2x2", function() return t[math.maxinteger] end },
    { "...: slice: 1..-9223372036854775808 is no range in 1..2 of axis 1 in shape 2x2", function() return t:slice(1, 1, math.mininteger) end },
    { "...: slice: step must be at least 1, got 0", function() return t:slice(1, 1, 2, 0) end },
    { "...: where: shapes 2x2 and 3 do not broadcast", function() return wane.where(t, wane.ones { 3 }, 0) end },
  }
  for _, case in ipairs(cases) do check.raises(case[1], case[2]) end
end)

-- ---- Memory -----------------------------------------------------------------------------------

test("a loop that makes 4 MB tensors stays flat without collectgarbage", function()
  local function peak()
    local file <close> = assert(io.open "/proc/self/status")
    return tonumber(file:read("a"):match "VmHWM:%s+(%d+)")
  end
  for i = 1, 100000 do
    local t = wane.zeros { 1024, 1024 }
    if i % 50 == 0 then t = t + 1 end
    if i % 10000 == 0 then check.truthy(peak() < 200 * 1024, "peak " .. peak() .. " kB") end
  end
end)

test("assigning rows in a loop copies no tensor", function()
  local t = wane.zeros { 4096, 1024 }
  local start = os.clock()
  for i = 1, 4096 do t[i] = t[i] + i end
  check.truthy(os.clock() - start < 2, "row assignment is slow: " .. os.clock() - start)
  check.equal(t[4096][1], 4096)
end)
