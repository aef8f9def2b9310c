--- How the tests of tensors look at them: elements, shapes, and places in row-major order.

local oracle = {}

--- Elements in row-major order.
function oracle.flat(value, list)
  list = list or {}
  if type(value) == "userdata" then value = value:tolist() end
  if type(value) ~= "table" then list[#list + 1] = value return list end
  for _, v in ipairs(value) do oracle.flat(v, list) end
  return list
end

function oracle.shape_of(t) return table.concat(t.shape, "x") end

--- The tensor has this type, shape and these elements.
function oracle.tensor(t, dtype, shape, values, tolerance)
  check.equal(t.dtype, dtype, "dtype")
  check.equal(oracle.shape_of(t), shape, "shape")
  local got = oracle.flat(t)
  check.equal(#got, #values, "elements")
  for i, value in ipairs(values) do
    if type(value) == "boolean" then check.equal(got[i], value)
    elseif value ~= value then check.truthy(got[i] ~= got[i], "element " .. i .. " is not NaN")
    elseif value ~= got[i] then -- infinities have no difference
      check.near(got[i], value, (tolerance or 1e-6) * math.max(1, math.abs(value)))
    end
  end
end

--- Element of a tensor's list, indices as far as its rank, extents of one repeated.
function oracle.element(list, shape, indices)
  local skip = #indices - #shape
  for axis, extent in ipairs(shape) do
    list = list[extent == 1 and 1 or indices[skip + axis]]
  end
  return list
end

--- Calls f(indices) for every place in a shape, in row-major order.
function oracle.places(shape, f, indices)
  indices = indices or {}
  if #indices == #shape then return f(indices) end
  for i = 1, shape[#indices + 1] do
    indices[#indices + 1] = i
    oracle.places(shape, f, indices)
    indices[#indices] = nil
  end
end

return oracle
