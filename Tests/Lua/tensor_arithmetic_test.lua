-- Operators, comparison and functions of elements, against the same done naively with Lua numbers.

local wane = require "wane"
local oracle = dofile(debug.getinfo(1, "S").source:match "@(.*/)" .. "tensor_oracle.lua")
local expect, flat, element, places = oracle.tensor, oracle.flat, oracle.element, oracle.places

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

test("kinds of numbers, and clip", function()
  local t = wane.tensor { 1, 0 / 0, 1 / 0, -1 / 0 }
  expect(t:isnan(), "bool", "4", { false, true, false, false })
  expect(t:isinf(), "bool", "4", { false, false, true, true })
  expect(t:isfinite(), "bool", "4", { true, false, false, false })
  expect(wane.tensor({ 1, 2 }, "i32"):isfinite(), "bool", "2", { true, true })
  expect(wane.tensor({ 1, 2 }, "i32"):isnan(), "bool", "2", { false, false })
  expect(wane.tensor { -2, 0, 2 }:clip(-1, 1), "f32", "3", { -1, 0, 1 })
end)
