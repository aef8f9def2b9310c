-- Reductions, sums and sorting along axes.

local wane = require "wane"
local oracle = dofile(debug.getinfo(1, "S").source:match "@(.*/)" .. "tensor_oracle.lua")
local expect, flat, element, places = oracle.tensor, oracle.flat, oracle.element, oracle.places

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

test("norm, argsort and unique", function()
  local t = wane.tensor { { 3, -4 }, { 0, 12 } }
  check.equal(t:norm(), 13)
  expect(t:norm(2), "f32", "2", { 5, 12 })
  expect(t:norm(1, { order = 1, keep_axes = true }), "f32", "1x2", { 3, 16 })
  check.equal(t:norm { order = math.huge }, 12)
  check.raises("...norm: order must be 1, 2 or infinity, got 3", function() return t:norm { order = 3 } end)
  expect(t:argsort(), "i32", "2x2", { 2, 1, 1, 2 })
  expect(t:argsort(1, { descending = true }), "i32", "2x2", { 1, 2, 2, 1 })
  local values, counts = wane.tensor({ 3, 1, 3, 2, 3 }, "u8"):unique()
  expect(values, "u8", "3", { 1, 2, 3 })
  expect(counts, "i32", "3", { 1, 1, 3 })
  -- One NaN stands for all.
  values, counts = wane.tensor { 0 / 0, 1, -(0 / 0), 1 }:unique()
  expect(counts, "i32", "2", { 2, 2 })
  check.equal(tostring(values[2]), "nan")
  values, counts = wane.zeros { 0 }:unique()
  check.equal(values.size + counts.size, 0)
end)
