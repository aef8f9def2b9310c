-- Tensors under other shapes, joined and multiplied.

local wane = require "wane"
local oracle = dofile(debug.getinfo(1, "S").source:match "@(.*/)" .. "tensor_oracle.lua")
local expect, flat, shape_of, places = oracle.tensor, oracle.flat, oracle.shape_of, oracle.places

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

test("flip, roll, tile, repeat_elements, pad and split", function()
  local t = wane.arange(6):reshape(2, 3)
  expect(t:flip(), "f32", "2x3", { 5, 4, 3, 2, 1, 0 })
  expect(t:flip(2), "f32", "2x3", { 2, 1, 0, 5, 4, 3 })
  expect(t:flip { 1, -1 }, "f32", "2x3", { 5, 4, 3, 2, 1, 0 })
  expect(t:roll(1), "f32", "2x3", { 2, 0, 1, 5, 3, 4 })
  expect(t:roll(-4), "f32", "2x3", { 1, 2, 0, 4, 5, 3 })
  expect(t:roll(math.mininteger, 1), "f32", "2x3", { 0, 1, 2, 3, 4, 5 })
  expect(t:tile(1, 2), "f32", "2x6", { 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5 })
  expect(wane.tensor({ 1, 2 }, "u8"):tile(2, 1), "u8", "2x2", { 1, 2, 1, 2 })
  expect(t:tile(0), "f32", "2x0", {})
  expect(t:repeat_elements(2, 1), "f32", "4x3", { 0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5 })
  expect(wane.zeros { 0, 3 }:repeat_elements(2), "f32", "0x6", {})
  expect(wane.tensor { { 1, 2 } }:pad(1), "f32", "3x4", { 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0 })
  expect(wane.tensor { { 1, 2 } }:pad({ 0, { 2, 1 } }, 7), "f32", "1x5", { 7, 7, 1, 2, 7 })
  local a, b, c = t:split(3, 2)
  expect(a, "f32", "2x1", { 0, 3 })
  expect(c, "f32", "2x1", { 2, 5 })
  check.equal(shape_of(b), "2x1")
  a, b = t:split({ 1, 2 }, -1)
  expect(b, "f32", "2x2", { 1, 2, 4, 5 })
  check.equal(shape_of(a), "2x1")
  check.raises("...split: the 3 of axis 2 are not 2 equal parts", function() return t:split(2, 2) end)
  check.raises("...split: sizes [1, 1] do not add up to the 3 of axis 2 in shape 2x3",
    function() return t:split({ 1, 1 }, 2) end)
  check.raises("...split: sizes [9223372036854775807, 9223372036854775807] do not add up...",
    function() return t:split({ math.maxinteger, math.maxinteger }, 2) end)
  check.raises("...pad: widths must not be negative", function() return t:pad(-1) end)
  check.raises("...pad: widths are too large", function() return t:pad(math.maxinteger) end)
  check.raises("...tile: counts must not be negative, got [-1]", function() return t:tile(-1) end)
  check.raises("...too many elements...", function() return t:tile(1 << 40, 1 << 40) end)
  check.raises("...too many elements...", function() return t:repeat_elements(math.maxinteger) end)
end)

test("einsum agrees with loops", function()
  local a, b = wane.randn({ 3, 4 }, { seed = 1 }), wane.randn({ 4, 5 }, { seed = 2 })
  expect(wane.einsum("ij,jk->ik", a, b), "f32", "3x5", flat(a:matmul(b)), 1e-5)
  expect(wane.einsum("ij,jk->ki", a, b), "f32", "5x3", flat(a:matmul(b):transpose()), 1e-5)
  expect(wane.einsum("ij,jk", a, b), "f32", "3x5", flat(a:matmul(b)), 1e-5)
  expect(wane.einsum("ij->j", a), "f32", "4", flat(a:sum(1)), 1e-5)
  expect(wane.einsum("ji", a), "f32", "4x3", flat(a:transpose()))
  check.near(wane.einsum("ij,ij->", a, a), a:square():sum(), 1e-4)
  local x, y, z = wane.randn({ 2, 3, 4 }, { seed = 3 }), wane.randn({ 2, 4, 5 }, { seed = 4 }), wane.randn({ 5 }, { seed = 5 })
  expect(wane.einsum("bij,bjk->bik", x, y), "f32", "2x3x5", flat(x:matmul(y)), 1e-5)
  expect(wane.einsum("bij,bjk,k->ib", x, y, z), "f32", "3x2", flat(x:matmul(y):matmul(z):transpose()), 1e-5)
  local m = wane.arange(9):reshape(3, 3)
  check.equal(wane.einsum("ii->", m), 12)
  expect(wane.einsum("ii->i", m), "f32", "3", { 0, 4, 8 })
  expect(wane.einsum("i,j->ij", { 1, 2 }, { 3, 4 }), "f32", "2x2", { 3, 4, 6, 8 })
  expect(wane.tensor { 1, 2 }:outer { 3, 4 }, "f32", "2x2", { 3, 4, 6, 8 })
  check.equal(wane.tensor { 1, 2 }:dot { 3, 4 }, 11)
  for equation, message in pairs {
    ["ij,jk->ik"] = "'j' is 4 and 3 in", ["ijk,jk->ik"] = "'ijk' does not name the axes of shape 3x4 in",
    ["ij"] = "2 operands for 1 terms in", ["ij,ij->il"] = "the result 'il' must name axes",
    ["ij,i.->i"] = "letters, commas and an arrow expected in", ["ij->i->j"] = "one arrow expected in",
    ["ij,ij->ii"] = "the result 'ii' must name axes",
  } do
    check.raises("...einsum: " .. message .. "...", wane.einsum, equation, a, a)
  end
end)
