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
  prod = function(x) return x:prod() end,
  prod_rows = function(x) return x:prod(2) * row:slice(1, 1, 2) end,
  prod_kept = function(x) return x:prod(1, { keep_axes = true }) + x end,
  prod_zeros = function(x) return (x - 0.7):prod(-1) end,
  norm = function(x) return x:norm() end,
  norm_rows = function(x) return x:norm(2) end,
  norm_one = function(x) return x:norm { order = 1, axis = 1 } end,
  norm_largest = function(x) return x:norm(2, { order = math.huge }) end,
  cumsum = function(x) return x:cumsum():square() end,
  cumsum_columns = function(x) return x:cumsum(1) * b end,
  sort = function(x) return x:sort() * b end,
  sort_columns = function(x) return x:sort(1, { descending = true }) * b end,
  sort_options = function(x) return x:sort { descending = true } * b end,
  top_k = function(x) return x:top_k(2) * wane.tensor { 1, 3 } end,
  top_k_columns = function(x) return x:top_k(1, 1) * row end,
  flip = function(x) return x:flip() * b end,
  flip_axis = function(x) return x:flip(2) * b end,
  flip_axes = function(x) return x:flip { 1, -1 } * b end,
  roll = function(x) return x:roll(1) * b end,
  roll_back = function(x) return x:roll(-7, 1) * b end,
  roll_nothing = function(x) return x:roll(3) * b end,
  tile = function(x) return x:tile(2, 3):cumsum() end,
  tile_axis = function(x) return x:tile(2, 1, 2):cumsum() end,
  repeat_elements = function(x) return x:repeat_elements(2):cumsum() end,
  repeat_rows = function(x) return x:repeat_elements(3, 1):cumsum(1) end,
  pad = function(x) return x:pad(1, 2):cumsum() end,
  pad_axes = function(x) return x:pad({ 0, { 2, 1 } }):cumsum() end,
  split = function(x) local l, m, r = x:split(3, -1) return l * m + r end,
  split_sizes = function(x) local l, r = x:split({ 1, 2 }, 2) return l * r end,
  outer = function(x, y) return x:outer(y) end,
  dot = function(x) return x[1]:dot(x[2]) end,
  clip = function(x) return x:clip(-0.5, 0.5) end,
  einsum_product = function(x, y) return wane.einsum("ij,kj->ik", x, y) end,
  einsum_sum = function(x) return wane.einsum("ij->j", x) end,
  einsum_trace = function(x, y) return wane.einsum("ii->", x:transpose():matmul(y)) end,
  einsum_diagonal = function(x, y) return wane.einsum("ii->i", x:transpose():matmul(y)) end,
  einsum_batches = function(x, y) return wane.einsum("bi,bj->bij", x, y) end,
  einsum_three = function(x, y) return wane.einsum("bi,bj,j->b", x, y, row) end,
  einsum_turned = function(x) return wane.einsum("ij->ji", x) end,
  einsum_implied = function(x, y) return wane.einsum("ij, kj", x, y) end,
  einsum_eager_first = function(x) return wane.einsum("ij,jk->ik", b, x:transpose()) end,
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
  argmax = function(x) return x:argmax() end,
  argmax_rows = function(x) return x:argmax(2) end,
  argmax_kept = function(x) return x:argmax(1, { keep_axes = true }) end,
  argmax_all_kept = function(x) return x:argmax { keep_axes = true } end,
  argmin = function(x) return x:argmin { axis = 1 } end,
  argsort = function(x) return x:argsort() end,
  argsort_columns = function(x) return x:argsort(1, { descending = true }) end,
  sort_positions = function(x) return select(2, x:sort(1)) end,
  top_k_positions = function(x) return select(2, x:top_k(2)) end,
  isnan = function(x) return (x / 0 * 0):isnan() end,
  isinf = function(x) return (x:relu() / 0):isinf() end,
  isfinite = function(x) return (x:relu() / 0):isfinite() end,
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
    function(x) return x:prod(2) + x:norm(2) end,
    function(x) return x:cumsum() * x:flip(2) + x:roll(1) end,
    function(x) return x:sort() + x:argmax(2, { keep_axes = true }) end,
    function(x) return (x:top_k(2, 2)) end,
    function(x) return x:argsort { descending = true } end,
    function(x) local first, rest = x:split({ 1, 2 }, 2) return rest * first end,
    function(x) return x:repeat_elements(2):pad { { 0, 0 }, 1 } end,
    function(x) return wane.einsum("bi,ij->bj", x, weights) end,
    function(x) return wane.einsum("bi,bj,jk->bik", x, x, weights) end,
  }
  for _, f in ipairs(batched) do
    local model = wane.nn.sequential { wane.nn.input { 3 }, wane.nn.lambda(f) }
    local expected, got = f(a), model:predict(a)
    check.equal(table.concat(got.shape, "x"), table.concat(expected.shape, "x"))
    check.near((got - expected):abs():max(), 0, 1e-6)
  end
end)

test("a model that sorts is saved and loaded", function()
  local model = wane.nn.sequential {
    wane.nn.input { 3 },
    wane.nn.lambda(function(x) return x:sort():cumsum() + x:flip(2) + x:argmax(2, { keep_axes = true }) end),
  }
  local file = os.tmpname()
  model:save(file)
  check.truthy(wane.load(file):predict(a) == model:predict(a))
  os.remove(file)
end)

test("a batch stays where it is", function()
  local function raises(message, f)
    check.raises(message, wane.nn.sequential, { wane.nn.input { 3 }, wane.nn.lambda(f) })
  end
  raises("...sort: the batch axis of Nx3 stays where it is, and whole", function(x) return x:sort(1) end)
  raises("...flip: the batch axis of Nx3 stays...", function(x) return x:flip(1) end)
  raises("...argmax: an axis of a sample expected for Nx3...", function(x) return x:argmax() end)
  raises("...argmin: the batch axis of Nx3 stays...", function(x) return x:argmin(1) end)
  raises("...pad: the batch axis of Nx3 stays whole: its widths are 0", function(x) return x:pad { 1 } end)
  raises("...tile: the batch axis of Nx3 stays as it is: its count is 1", function(x) return x:tile(2, 1) end)
  raises("...prod: axes of a sample expected for Nx3...", function(x) return x:prod() end)
  raises("...einsum: the batch stays the first axis, in 'bi->ib'", function(x) return wane.einsum("bi->ib", x) end)
  raises("...einsum: the batch has one letter, got 'bc' in...", function(x)
    return wane.einsum("bi,ci->bc", x, x)
  end)
  raises("...einsum: 'i' is -1 and 3 in 'ii->i'", function(x) return wane.einsum("ii->i", x) end)
end)

test("sums over a batch by einsum are those of the whole batch", function()
  local function loss(predicted, label)
    return wane.einsum("bi,bj->ij", predicted, label):mean()
  end
  local x = wane.randn({ 6, 2 }, { seed = 3 })
  local threads = wane.threads()
  for count = 1, 2 do
    wane.threads(count)
    local model = wane.nn.sequential { wane.nn.input { 2 }, wane.nn.lambda(function(v) return v * 1 end) }
    local step = wane.trainer(model, { loss = loss })
    check.near(step(x, x), x:transpose():matmul(x):mean(), 1e-4)
  end
  wane.threads(threads)
end)

test("wrong order and parts are told", function()
  local function raises(message, f) check.raises(message, wane.grad(f), a) end
  raises("...top_k: k must be in 0..3, got 4", function(x) return x:top_k(4) end)
  raises("...norm: order must be 1, 2 or infinity, got 3", function(x) return x:norm { order = 3 } end)
  raises("...split: the 3 of the axis in 2x3 are not 2 equal parts", function(x) return x:split(2, 2) end)
  raises("...split: sizes [1, 1] do not add up to the 3...", function(x) return x:split({ 1, 1 }, 2) end)
  raises("...pad: widths must not be negative", function(x) return x:pad(-1) end)
  raises("...argmax: one axis expected, got 2", function(x) return x:argmax { axis = { 1, 2 } } end)
  raises("...unique: a symbolic tensor has no values...", function(x) return x:unique() end)
  raises("...nonzero: a symbolic tensor has no values...", function(x) return x:nonzero() end)
end)

test("every method of a tensor is one of a symbolic tensor", function()
  local names = {}
  for name in ([[abs all any argmax argmin argsort broadcast_to ceil clamp clip copy cos cumsum dot eq erf
      exp flatten flip floor gather ge get gt isfinite isinf isnan item le log log_softmax logical_and
      logical_not logical_or logical_xor lt matmul max maximum mean min minimum ne neg nonzero norm
      one_hot outer pad permute prod reciprocal relu repeat_elements reshape roll round rsqrt save_csv
      save_npy set sigmoid sign sin slice softmax sort split sqrt square squeeze std sum tanh tile to
      tolist top_k transpose unique unsqueeze var where]]):gmatch "%S+" do
    names[#names + 1] = name
  end
  wane.grad(function(x)
    for _, name in ipairs(names) do
      check.truthy(x[name], name)
      check.truthy(a[name], name)
    end
    return x:sum()
  end)(a)
end)
