-- Reading and writing parts of tensors.

local wane = require "wane"
local oracle = dofile(debug.getinfo(1, "S").source:match "@(.*/)" .. "tensor_oracle.lua")
local expect, shape_of = oracle.tensor, oracle.shape_of

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

-- In a process of its own: other tests may have needed more.
local MEMORY_LOOP = [[
  local wane = require "wane"
  for i = 1, 100000 do
    local t = wane.zeros { 1024, 1024 }
    if i % 50 == 0 then assert((t + 1)[1][1] == 1) end
  end
  print(io.open "/proc/self/status":read "a":match "VmHWM:%s+(%d+)")
]]

test("a loop that makes 4 MB tensors stays flat without collectgarbage", function()
  local script <close> = setmetatable({ name = os.tmpname() }, { __close = function(s) os.remove(s.name) end })
  local file = assert(io.open(script.name, "w"))
  file:write(MEMORY_LOOP):close()
  local process <close> = assert(io.popen(('"%s" "%s"'):format(arg[-1], script.name)))
  local peak = tonumber(process:read "l")
  check.truthy(peak and peak < 200 * 1024, "peak " .. tostring(peak) .. " kB")
end)

test("assigning rows in a loop copies no tensor", function()
  local t = wane.zeros { 4096, 1024 }
  local start = os.clock()
  for i = 1, 4096 do t[i] = t[i] + i end
  check.truthy(os.clock() - start < 2, "row assignment is slow: " .. os.clock() - start)
  check.equal(t[4096][1], 4096)
end)

test("index tensors, masks and ranges backwards", function()
  local t = wane.arange(12):reshape(3, 4)
  expect(t({ -1, 1, -1 }, { 4, 1, -2 }), "f32", "3x2", { 11, 9, 7, 5, 3, 1 })
  expect(t(wane.tensor({ 3, 1 }, "i32"), 2), "f32", "2", { 9, 1 })
  expect(t({}, wane.tensor { true, false, false, true }), "f32", "3x2", { 0, 3, 4, 7, 8, 11 })
  expect(t(wane.tensor({ { 1 }, { -1 } }, "i32")), "f32", "2x1x4", { 0, 1, 2, 3, 8, 9, 10, 11 })
  expect(t[t:gt(9)], "f32", "2", { 10, 11 })
  expect(t[t:gt(99)], "f32", "0", {})
  expect(t[wane.tensor { true, false, true }], "f32", "2x4", { 0, 1, 2, 3, 8, 9, 10, 11 })
  expect(t[wane.tensor({ 2, 2 }, "i32")], "f32", "2x4", { 4, 5, 6, 7, 4, 5, 6, 7 })
  expect(t[{ { 1, 2 }, -1 }], "f32", "2", { 3, 7 })
  check.equal(t[{ 2, 3 }], 6)
  t[t:gt(5)] = 0
  check.equal(t:sum(), 15)
  t[t:eq(0)] = wane.full({ 3, 4 }, -1)
  check.equal(t:min(), -1)
  expect(wane.tensor({ 5, 6 }, "u8")[wane.tensor { true, true }], "u8", "2", { 5, 6 })
  expect(wane.tensor { { 0, 2 }, { 3, 0 } }:nonzero(), "i32", "2x2", { 1, 2, 2, 1 })
  check.raises("...index: index 4 is outside the 3...", function() return t[wane.tensor({ 4 }, "i32")] end)
  check.raises("...a mask of shape 2 does not fit shape 3x4", function() return t[wane.tensor { true, true }] end)
  check.raises("...a mask of shape 2 does not fit the 4 of axis 2 in shape 3x4",
    function() return t({}, wane.tensor { true, true }) end)
  check.raises("...9..1 is no range in 1..3 of axis 1 in shape 3x4", function() return t({ 9, 1, -1 }) end)
  check.raises("...index: 3 indices for shape 3x4", function() return t[{ 1, 1, 1 }] end)
  check.raises("...index: integer, range or Tensor expected, got 'x'", function() return t[{ "x" }] end)
end)
