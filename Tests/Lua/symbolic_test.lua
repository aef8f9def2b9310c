-- Functions of symbolic tensors: the values that eager tensors have, and the gradients of finite
-- differences.

local wane = require "wane"

local a = wane.tensor { { 0.3, -1.2, 0.7 }, { 1.1, 0.4, -0.6 } }
local b = wane.tensor { { 0.9, 0.5, 1.4 }, { 0.2, 1.3, 0.8 } }
local row = wane.tensor { 0.5, -0.25, 1.5 }
local classes = wane.tensor({ 2, 0 }, "i32")

--- Functions of two 2x3 tensors, by name. The first is differentiated where `rough` does not say
-- that the function has steps.
local functions = {
  add = function(x, y) return x + y end,
  add_number = function(x) return 2 + x + 1 end,
  subtract = function(x, y) return x - y end,
  subtract_from = function(x) return 1 - x end,
  multiply = function(x, y) return x * y end,
  square_itself = function(x) return x * x end,
  divide = function(x, y) return x / y end,
  divide_by = function(x) return x / 4 end,
  divide_into = function(_, y) return 3 / y end,
  power = function(_, y) return y ^ 2.5 end,
  cube = function(x) return x ^ 3 end,
  power_of = function(x, y) return y ^ x end,
  number_to = function(x) return 2 ^ x end,
  remainder = function(x, y) return x % y end,
  negative = function(x) return -x end,
  broadcast_row = function(x) return x * row + row end,
  broadcast_list = function(x) return x + { 1, 2, 3 } end,
  eager_left = function(x) return row - x end,
  eager_maximum = function(x) return wane.maximum(row, x) end,
  maximum = function(x, y) return x:maximum(y) end,
  minimum = function(x) return x:minimum(0.35) end,
  neg = function(x) return x:neg() end,
  abs = function(x) return x:abs() end,
  square = function(x) return x:square() end,
  sqrt = function(_, y) return y:sqrt() end,
  rsqrt = function(_, y) return y:rsqrt() end,
  reciprocal = function(_, y) return y:reciprocal() end,
  exp = function(x) return x:exp() end,
  log = function(_, y) return y:log() end,
  sigmoid = function(x) return x:sigmoid() end,
  tanh = function(x) return x:tanh() end,
  relu = function(x) return x:relu() end,
  sin = function(x) return x:sin() end,
  cos = function(x) return x:cos() end,
  erf = function(x) return x:erf() end,
  clamp = function(x) return x:clamp(-0.5, 0.5) end,
  clamp_low = function(x) return x:clamp(0) end,
  softmax = function(x) return x:softmax() end,
  softmax_columns = function(x) return x:softmax(1) end,
  log_softmax = function(x) return x:log_softmax() end,
  log_softmax_columns = function(x) return x:log_softmax(-2) end,
  where = function(x, y) return y:gt(0.85):where(x, 2) end,
  where_function = function(x, y) return wane.where(x:lt(0), y * x, x) end,
  masked = function(x) return x * x:gt(0) end,
  sum = function(x) return x:sum() end,
  sum_rows = function(x) return x:sum(2) end,
  sum_columns = function(x) return x:sum(-2) end,
  sum_kept = function(x) return x / x:square():sum(2, { keep_axes = true }) end,
  mean = function(x) return x:mean() end,
  mean_axis = function(x) return x:mean { axis = 1 } end,
  max = function(x) return x:max() end,
  max_rows = function(x) return x:max(2) end,
  min_columns = function(x) return x:min(1) end,
  var = function(x) return x:var(2) end,
  var_corrected = function(x) return x:var(2, { correction = 1 }) end,
  std = function(x) return x:std() end,
  reshape = function(x) return x:reshape(3, -1) * wane.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } } end,
  flatten = function(x) return x:flatten():square() end,
  squeeze = function(x) return x:unsqueeze(2):squeeze() end,
  squeeze_axis = function(x) return x:unsqueeze(1):squeeze(1) end,
  unsqueeze = function(x) return x:unsqueeze(-1) * row:reshape(1, 3, 1) end,
  transpose = function(x) return x:transpose() end,
  transpose_axes = function(x) return x:unsqueeze(1):transpose(1, 3) end,
  permute = function(x) return x:unsqueeze(3):permute(3, 2, 1) end,
  broadcast_to = function(x) return x:broadcast_to(4, 2, 3) end,
  matmul = function(x, y) return x:matmul(y:transpose()) end,
  matmul_eager = function(x) return b:transpose():matmul(x) end,
  matmul_vector = function(x) return x:matmul(row) end,
  vector_matmul = function(x) return wane.tensor { 1, 2 }:matmul(x) end,
  matmul_vectors = function(x) return x:flatten():matmul(x:flatten()) end,
  matmul_batches = function(x, y) return x:unsqueeze(2):matmul(y:unsqueeze(3)) end,
  gather = function(x) return x:gather({ 3, 1, 1 }, 2) end,
  gather_tensor = function(x) return x:gather(wane.tensor({ { 2, 1 }, { -1, 1 } }, "i32")) end,
  index = function(x) return x[2] end,
  element = function(x) return x[1][2] * 3 end,
  get = function(x) return x:get(2, { 1, 2 }) end,
  call = function(x) return x({}, { 1, 3, 2 }) end,
  slice = function(x) return x:slice(2, 1, -1, 2) end,
  concat = function(x, y) return wane.concat({ x, y }, 2) end,
  concat_eager = function(x) return wane.concat { b, x } end,
  stack = function(x, y) return wane.stack({ x, y }, -1) end,
  copy = function(x) return x:copy():to "f32" end,
  one_hot = function(x) return x * classes:one_hot(3) end,
  mse = function(x, y) return wane.losses.mse(x, y) end,
  mae = function(x, y) return wane.losses.mae(x, y) end,
  huber = function(x, y) return wane.losses.huber(x * 2, y) end,
  hinge = function(x) return wane.losses.hinge(x, wane.tensor { { 1, -1, 1 }, { -1, -1, 1 } }) end,
  kl = function(x, y) return wane.losses.kl(x:softmax(), y / 4) end,
  cross_entropy = function(x) return wane.losses.cross_entropy(x, classes) end,
  cross_entropy_rows = function(x, y) return wane.losses.cross_entropy(x, y) end,
  binary = function(x) return wane.losses.binary_cross_entropy(x, b:gt(0.85):to "f32") end,
}

--- What has steps, or is no number.
local rough = {
  sign = function(x) return x:sign() end,
  round = function(x) return x:round() end,
  floor = function(x) return x:floor() end,
  ceil = function(x) return x:ceil() end,
  floor_divide = function(x, y) return x // y end,
  eq = function(x, y) return x:eq(y) end,
  ne = function(x) return x:ne(0.4) end,
  lt = function(x, y) return x:lt(y) end,
  le = function(x) return x:le(0) end,
  gt = function(x, y) return x:gt(y) end,
  ge = function(x) return x:ge(0.3) end,
  logic = function(x, y) return (x:gt(0) & y:gt(1)) | ~x:lt(1) end,
  logic_xor = function(x, y) return x:gt(0) ~ y:gt(1) end,
  logic_methods = function(x, y) return x:gt(0):logical_and(y:gt(1)):logical_not() end,
  any = function(x) return x:gt(0.5):any(2) end,
  all = function(x) return x:gt(-0.7):all(1) end,
  to_i32 = function(x) return (x * 3):to "i32" end,
}

--- Any result as a tensor of f32.
local function tensor(value)
  if type(value) == "boolean" then value = value and 1 or 0 end
  if type(value) == "number" then return wane.tensor(value) end
  return value:to "f32"
end

--- A scalar in which every element of a result has a weight of its own.
local function weighed(f)
  return function(x, y)
    local result = f(x, y)
    local eager = tensor(f(a, b))
    local weights = wane.arange(1, eager.size + 1):to "f32":reshape(eager.shape) / 4
    if type(result) ~= "userdata" then return (tensor(result) * weights):sum() end
    return (result:to "f32" * weights):sum()
  end
end

local function compare(f, name)
  local symbolic = wane.value_and_grad(weighed(f), { argnums = { 1, 2 } })(a, b)
  local eager = weighed(f)(a, b)
  check.near(symbolic, eager, 1e-5 * math.max(1, math.abs(eager)))
  -- The shape that the trace works with is that of the result.
  local shape
  wane.grad(function(x, y) local result = f(x, y) shape = result.shape return (x * y):sum() end, { argnums = { 1, 2 } })(a, b)
  check.equal(table.concat(shape, "x"), table.concat(tensor(f(a, b)).shape, "x"), name)
end

--- The gradient of a function of two tensors by central differences, in steps that f32 can see.
local function differences(f, position)
  local operands = { a, b }
  local step, result = 4e-3, {}
  for i = 1, 2 do
    result[i] = {}
    for j = 1, 3 do
      local function moved(by)
        local point = { operands[1], operands[2] }
        point[position] = operands[position]:copy()
        point[position]:set(i, j, operands[position](i, j) + by)
        return f(point[1], point[2])
      end
      result[i][j] = (moved(step) - moved(-step)) / (2 * step)
    end
  end
  return wane.tensor(result)
end

for name, f in pairs(functions) do
  test("symbolic and eager agree: " .. name, function() compare(f, name) end)
  test("the gradient is that of differences: " .. name, function()
    local scalar = weighed(f)
    local x, y = wane.grad(scalar, { argnums = { 1, 2 } })(a, b)
    for position, gradient in ipairs { x, y } do
      local expected = differences(scalar, position)
      local distance = (gradient - expected):abs():max()
      check.near(distance, 0, 3e-3 * math.max(1, expected:abs():max()))
    end
  end)
end

for name, f in pairs(rough) do
  test("symbolic and eager agree: " .. name, function() compare(f, name) end)
end

test("a layer computes for every sample what eager tensors do", function()
  local weights = wane.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } }
  local batched = {
    function(x) return x * x:sigmoid() end,
    function(x) return x / x:square():sum(2, { keep_axes = true }) end,
    function(x) return x:matmul(weights) + { 1, -1 } end,
    function(x) return x:reshape(-1, 3, 1):transpose():matmul(weights):squeeze(2) end,
    function(x) return x({}, { 2, 3 }) * x({}, 1):unsqueeze(2) end,
    function(x) return wane.concat({ x, x:exp() }, 2) end,
    function(x) return x - x:mean(2, { keep_axes = true }) end,
    function(x) return (x - x:max(2):unsqueeze(2)) / x:std { axis = 2, keep_axes = true } end,
    function(x) return x:gt(0):where(x, 0.1 * x) end,
    function(x) return x:max(2) end,
  }
  for _, f in ipairs(batched) do
    local model = wane.nn.sequential { wane.nn.input { 3 }, wane.nn.lambda(f) }
    local expected, got = f(a), model:predict(a)
    check.equal(table.concat(got.shape, "x"), table.concat(expected.shape, "x"))
    check.near((got - expected):abs():max(), 0, 1e-6)
  end
end)

test("every method of a symbolic tensor is one of a tensor", function()
  local names = {}
  wane.grad(function(x)
    for _, name in ipairs {
      "reshape", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "broadcast_to", "gather",
      "one_hot", "matmul", "slice", "get", "to", "copy", "clamp", "softmax", "log_softmax", "where",
      "maximum", "minimum", "sum", "mean", "max", "min", "var", "std", "any", "all",
    } do
      if x[name] then names[#names + 1] = name end
    end
    return x:sum()
  end)(a)
  check.equal(#names, 28)
  for _, name in ipairs(names) do check.truthy(a[name], name) end
end)
