-- Derivatives of functions, layers and losses written in Lua, and training by hand.

local wane = require "wane"
local nn = wane.nn

local grid = wane.tensor { { 1, 2 }, { 3, 4 } }

local function close(a, b, tolerance)
  check.equal(table.concat(a.shape, "x"), table.concat(b.shape, "x"))
  check.near((a - b):abs():max(), 0, tolerance or 1e-5)
end

--- Images whose class is the brightest colour.
local function colours(count, size)
  local images = wane.rand({ count, size, size, 3 }, { seed = 7 })
  local labels = images:mean { axis = { 2, 3 } }:argmax(2):to "i32" - 1
  return wane.data.tensors(images, labels)
end

-- ---- Derivatives ------------------------------------------------------------------------------

test("the derivative of a power", function()
  local dfdx = wane.grad(function(v) return (v ^ 3):sum() end)
  close(dfdx(grid), 3 * grid * grid)
  close(dfdx(2 * grid), 12 * grid * grid)
end)

test("the derivative of the derivative", function()
  local cube = function(v) return (v ^ 3):sum() end
  close(wane.grad(function(v) return wane.grad(cube)(v):sum() end)(grid), 6 * grid)
  local third = wane.grad(function(v)
    return wane.grad(function(w) return wane.grad(cube)(w):sum() end)(v):sum()
  end)
  close(third(grid), wane.full({ 2, 2 }, 6))
  check.near(wane.grad(wane.grad(function(x) return x ^ 3 end))(2), 12, 1e-5)
end)

test("an inner derivative holds fixed what it was not given", function()
  -- d/dv of v * d/dw (w^2 v) at w = v is 4 v.
  local f = function(v)
    local inner = wane.grad(function(w) return (w * w * v):sum() end)(v)
    return (inner * 1):sum()
  end
  close(wane.grad(f)(grid), 4 * grid)
end)

test("values and derivatives by several arguments", function()
  local f = function(a, b) return (a:matmul(b)):sum() end
  local value, da, db = wane.value_and_grad(f, { argnums = { 1, 2 } })(grid, grid + 1)
  check.near(value, f(grid, grid + 1), 1e-4)
  close(da, wane.grad(f)(grid, grid + 1))
  close(db, wane.grad(f, { argnums = 2 })(grid, grid + 1))
  local list = { wane.grad(f, { argnums = { 1 } })(grid, grid) }
  check.equal(#list, 1)
end)

test("tables of tensors, and arguments that are merely passed on", function()
  local loss = function(parameters, x, y, scale)
    return ((x:matmul(parameters.weights[1]) + parameters.bias - y):square() * scale):mean()
  end
  local parameters = { weights = { wane.zeros { 2, 1 } }, bias = wane.zeros { 1 }, kind = "linear" }
  local y = wane.tensor { { 1 }, { 2 } }
  local gradient = wane.grad(loss)(parameters, grid, y, 2)
  close(gradient.weights[1], wane.tensor { { -14 }, { -20 } })
  close(gradient.bias, wane.tensor { -6 })
  check.equal(gradient.kind, nil)
end)

test("what a function takes from around it is that of the call", function()
  local factor = wane.tensor { { 1, 1 }, { 1, 1 } }
  local dfdx = wane.grad(function(v) return (v * factor):sum() end)
  close(dfdx(grid), factor)
  factor = grid
  close(dfdx(grid), grid)
  local rate = 2
  local scaled = wane.grad(function(v) return (v * rate):sum() end)
  check.near(scaled(grid)(1, 1), 2)
  rate = 5
  check.near(scaled(grid)(1, 1), 5)
end)

test("shapes may change from call to call", function()
  local dfdx = wane.grad(function(v) return v:square():sum() end)
  for size = 1, 12 do close(dfdx(wane.ones { size }), wane.full({ size }, 2)) end
  close(dfdx(wane.ones { 1 }), wane.full({ 1 }, 2))
end)

test("an argument without influence has a derivative of zero", function()
  local a, b = wane.grad(function(x, _) return x:sum() end, { argnums = { 1, 2 } })(grid, grid)
  close(a, wane.ones { 2, 2 })
  close(b, wane.zeros { 2, 2 })
end)

test("a traced function may yield, and its errors are its own", function()
  local co = coroutine.wrap(function()
    return wane.grad(function(v) coroutine.yield "waiting" return v:sum() end)(grid)
  end)
  check.equal(co(), "waiting")
  close(co(), wane.ones { 2, 2 })
  local object = {}
  local ok, message = pcall(wane.grad(function() error(object) end), grid)
  check.equal(ok, false)
  check.equal(message, object)
end)

test("gradients of a training step by hand", function()
  wane.seed(1)
  local x = wane.randn({ 64, 3 }, { seed = 1 })
  local y = x:matmul(wane.tensor { { 1 }, { -2 }, { 0.5 } }) + 0.25
  local parameters = { w = wane.zeros { 3, 1 }, b = wane.zeros { 1 } }
  local step = wane.value_and_grad(function(p, inputs, targets)
    return wane.losses.mse(inputs:matmul(p.w) + p.b, targets)
  end)
  local loss
  for _ = 1, 200 do
    local gradient
    loss, gradient = step(parameters, x, y)
    for name, value in pairs(gradient) do parameters[name] = parameters[name] - 0.1 * value end
  end
  check.truthy(loss < 1e-4, "the loss")
  close(parameters.b, wane.tensor { 0.25 }, 1e-2)
end)

test("wrong functions are told", function()
  local function raises(message, f, ...) check.raises(message, wane.grad(f), ...) end
  raises("grad: the function must return a scalar, got shape 2x2; add :sum() or :mean()",
    function(v) return v end, grid)
  raises("grad: the function must return a scalar that is computed from its arguments, got 5",
    function() return 5 end, grid)
  raises("grad: the function must return a scalar that is computed from its arguments, got nothing",
    function() end, grid)
  raises("...item: a symbolic tensor has no values...", function(v) return v:sum():item() end, grid)
  raises("...tolist: a symbolic tensor has no values...", function(v) return v:tolist() end, grid)
  raises("...assignment: a symbolic tensor has no values...", function(v) v[1] = 0 end, grid)
  raises("...no values to compare by <...", function(v) if v:sum() < 1 then return v:sum() end end, grid)
  raises("...no values to compare by ==...", function(v) return v == v * 2 end, grid)
  raises("...matmul: matrices 2x2 and 3x3 do not fit",
    function(v) return v:matmul(wane.ones { 3, 3 }):sum() end, grid)
  raises("...shapes 2x2 and 3 do not broadcast", function(v) return (v + { 1, 2, 3 }):sum() end, grid)
  raises("...a tensor of i32 has no gradient; convert it by :to \"f32\"",
    function(v) return v:sum() end, wane.tensor({ 1 }, "i32"))
  raises("grad: argument 1 is missing, with respect to which the function is differentiated",
    function(v) return v:sum() end)
  check.raises("...tensor, number or table of tensors expected, got 'x')",
    wane.grad(function(v) return v end), "x")
  check.raises("bad argument #1 to 'grad' (function expected, got number)", wane.grad, 1)
  check.raises("...did you mean 'argnums'?...", wane.grad, print, { argnum = 1 })
  check.raises("...different positions from 1 expected...", wane.grad, print, { argnums = 0 })
  local kept
  wane.grad(function(v) kept = v return v:sum() end)(grid)
  check.raises("...no use after the function...", function() return kept + 1 end)
  raises("...symbolic tensors of different functions do not mix...", function(v)
    return wane.grad(function(w) return (w * v):sum() end)(grid):sum()
  end, grid)
end)

-- ---- Layers -----------------------------------------------------------------------------------

test("a lambda is a layer of plain operations", function()
  local swish = nn.lambda(function(v) return v * v:sigmoid() end, { name = "swish" })
  local model = nn.sequential { nn.input { 4 }, nn.dense { 3 }, swish, nn.dense { 2 } }
  local x = wane.randn({ 5, 4 }, { seed = 2 })
  local path = os.tmpname()
  model:save(path)
  local copy = wane.load(path)
  os.remove(path)
  close(copy:predict(x), model:predict(x), 0)
  check.truthy(tostring(model):find "swish +sigmoid %+ binary +Nx3", "the table of the model")
end)

test("a lambda is called once a model, and takes several values", function()
  local calls = 0
  local mix = nn.lambda(function(a, b) calls = calls + 1 return a * b + a end)
  local x = nn.input { 3 }
  local model = nn.model { inputs = x, outputs = mix { x, nn.dense { 3 } (x) } }
  check.equal(calls, 1)
  for _ = 1, 3 do model:predict(wane.ones { 2, 3 }) end
  check.equal(calls, 1)
end)

test("a layer has parameters of its own", function()
  local function affine(units)
    return nn.layer {
      name = "affine_" .. units,
      units = units,
      build = function(self, shape)
        self.w = nn.parameter { shape[#shape], self.units, name = "w" }
        self.b = nn.parameter { self.units, init = "zeros" }
      end,
      call = function(self, x) return x:matmul(self.w) + self.b end,
    }
  end
  local data = wane.data.tensors(wane.randn({ 128, 3 }, { seed = 3 }), wane.zeros { 128, 2 })
  local model = nn.sequential { nn.input { 3 }, affine(8), nn.activation { "tanh" }, affine(2) }
  local history = model:fit(data, { epochs = 20, learning_rate = 0.01, progress = false, loss = "mse" })
  check.truthy(history.loss[20] < 0.3 * history.loss[1], "the loss falls")
  check.truthy(tostring(model):find "affine_8 +matmul %+ binary +Nx8 +32")
end)

test("a layer applied twice shares its parameters, and starts with what it is given", function()
  local scale = nn.layer {
    build = function(self) self.w = nn.parameter { value = wane.tensor { 2, 3 }, trainable = false } end,
    call = function(self, x) return x * self.w end,
  }
  local x = nn.input { 2 }
  local model = nn.model { inputs = x, outputs = scale(scale(x)) }
  close(model:predict(wane.ones { 1, 2 }), wane.tensor { { 4, 9 } })
end)

test("wrong layers are told", function()
  local function raises(message, f)
    check.raises(message, nn.sequential, { nn.input { 4 }, nn.lambda(f) })
  end
  raises("...goes over axis 1, the batch; name the other axes", function(v) return v - v:mean() end)
  raises("...the function must return a symbolic tensor, got Tensor",
    function() return wane.grad(function(w) return w:sum() end)(wane.ones { 3 }) end)
  raises("...the function must return a symbolic tensor, got 3", function() return 3 end)
  raises("...mine", function() error "mine" end)
  raises("...batch axis of Nx4 stays where it is, and whole", function(v) return v:slice(1, 1, 2) end)
  raises("...the first extent must be -1, the batch of Nx4...", function(v) return v:reshape(2, 2) end)
  raises("...the number of samples is not known", function(v) return #v end)
  check.raises("...parameters are made by the build function of an nn.layer...", nn.parameter, { 3 })
  check.raises("missing option 'call' to 'layer'", nn.layer, {})
  check.raises("bad argument #1 to 'lambda' (function expected, got no value)", nn.lambda)
end)

test("layers let go of their functions", function()
  local alive = setmetatable({}, { __mode = "k" })
  do
    local f = function(v) return v end
    alive[f] = true
    nn.sequential { nn.input { 1 }, nn.lambda(f) }
  end
  collectgarbage() collectgarbage()
  check.equal(next(alive), nil)
end)

-- ---- Losses and training ----------------------------------------------------------------------

test("a loss that is a function trains as the one that is built in", function()
  local data = colours(96, 6)
  local function history(loss)
    local model = nn.sequential {
      nn.input { 6, 6, 3 }, nn.conv2d { 4, 3, activation = "relu" }, nn.flatten {}, nn.dense { 3 },
    }
    return model:fit(data, {
      epochs = 2, batch_size = 32, seed = 1, progress = false, validation = data, loss = loss })
  end
  local expected = history "cross_entropy"
  local got = history(function(predicted, label) return wane.losses.cross_entropy(predicted, label) end)
  for epoch = 1, 2 do
    check.near(got.loss[epoch], expected.loss[epoch], 1e-5)
    check.near(got.validation_loss[epoch], expected.validation_loss[epoch], 1e-5)
  end
  local general = history(function(predicted, label)
    return -(label:one_hot(3) * predicted:log_softmax()):sum(2):mean()
  end)
  check.near(general.loss[2], expected.loss[2], 1e-4)
end)

test("losses of statistics over the batch do not depend on the number of threads", function()
  local data = colours(64, 4)
  local threads = wane.threads()
  local function train(count, loss)
    wane.threads(count)
    local model = nn.sequential { nn.input { 4, 4, 3 }, nn.flatten {}, nn.dense { 3 } }
    return model:fit(data, { epochs = 3, batch_size = 32, progress = false, loss = loss }).loss[3]
  end
  local losses = {
    function(p, l) return wane.losses.cross_entropy(p, l) + 0.1 * p:square():mean():sqrt() end,
    function(p, l) return wane.losses.cross_entropy(p, l) + 0.01 * p:max() end,
    function(p) return p:std() + p:mean(1):square():sum() end,
    function(p, l) return -(l:one_hot(3) * p:log_softmax()):sum(2) end,
  }
  for _, loss in ipairs(losses) do check.near(train(2, loss), train(1, loss), 1e-5) end
  wane.threads(threads)
end)

test("wrong losses are told", function()
  local data = colours(8, 2)
  local model = nn.sequential { nn.input { 2, 2, 3 }, nn.flatten {}, nn.dense { 3 } }
  local function raises(message, loss)
    check.raises(message, model.fit, model, data, { loss = loss, progress = false })
  end
  raises("...must return a scalar that is computed from its arguments, got 1", function() return 1 end)
  raises("...must be a scalar or one number a sample, got Nx3", function(p) return p end)
  raises("...mine", function() error "mine" end)
  raises("...labels N i32 do not fit...", function(p, l) return wane.losses.cross_entropy(p:unsqueeze(2), l) end)
  raises("...did you mean 'mse'?...", "mze")
end)

test("losses of tensors are numbers", function()
  local p, y = wane.tensor { { 2, 1 }, { 0, 3 } }, wane.tensor({ 0, 1 }, "i32")
  check.near(wane.losses.cross_entropy(p, y), (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))) / 2)
  check.near(wane.losses.mse(p, wane.zeros { 2, 2 }), 14 / 4)
  check.near(wane.losses.mae({ 1, -3 }, { 0, 0 }), 2)
  check.near(wane.losses.huber({ 0.5, 3 }, { 0, 0 }), (0.125 + 2.5) / 2)
  check.near(wane.losses.hinge({ 0.5, 3 }, { 1, -1 }), (0.5 + 4) / 2)
  check.near(wane.losses.binary_cross_entropy({ 0, 0 }, { 0, 1 }), math.log(2))
  check.near(wane.losses.kl({ { 0.5, 0.5 } }, { { 1, 0 } }), math.log(2), 1e-4)
  check.raises("...predictions 2 and labels 3 differ in shape", wane.losses.mse, { 1, 2 }, { 1, 2, 3 })
end)

test("the example of research code", function()
  local train = colours(256, 32)

  local x = nn.input { 32, 32, 3 }               -- functional form, any directed acyclic graph
  local y = nn.conv2d { 16, 3, padding = "same", activation = "relu" } (x)
  y = nn.add { y, nn.conv2d { 16, 1 } (x) }
  local model = nn.model { inputs = x, outputs = nn.dense { 10 } (nn.flatten {} (y)) }

  local swish = nn.lambda(function(v) return v * v:sigmoid() end)     -- traced once, then native

  local step = wane.trainer(model, {
    optimizer = wane.optim.adamw { learning_rate = 1e-3 },
    loss = function(predicted, label) return wane.losses.cross_entropy(predicted, label) + 1e-4 * predicted:square():mean() end,
  })
  local first, last
  for epoch = 1, 3 do
    for images, labels in train:batches(128, { shuffle = true }) do
      local loss = step(images, labels)          -- a number
      first, last = first or loss, loss
    end
  end

  local t = wane.tensor { { 1, 2 }, { 3, 4 } }   -- eager tensors: t + 1, t:matmul(t), t[1], t:sum(2), t:reshape(4), #t, print(t)
  local dfdx = wane.grad(function(v) return (v ^ 3):sum() end)
  close(dfdx(t), 3 * t ^ 2)
  check.truthy(last < first, "the loss falls")
  check.truthy(swish)
end)

test("a trainer moves its model as fit does", function()
  local data = colours(64, 4)
  local function network()
    return nn.sequential { nn.input { 4, 4, 3 }, nn.flatten {}, nn.dense { 3 } }
  end
  local fitted, stepped = network(), network()
  fitted:fit(data, { epochs = 1, batch_size = 32, shuffle = false, progress = false })
  local step = wane.trainer(stepped, {})
  for inputs, labels in data:batches(32) do check.equal(type(step(inputs, labels)), "number") end
  local x = wane.rand({ 5, 4, 4, 3 }, { seed = 9 })
  close(stepped:predict(x), fitted:predict(x), 1e-6)
  -- A smaller last batch is compiled for itself.
  step(data:take(5):batches(5)())
  check.raises("...are not like those of the first step...", step, wane.ones { 2, 3 }, wane.tensor({ 0, 1 }, "i32"))
  check.raises("bad argument #1 to 'trainer' (Model expected, got nil)", wane.trainer, nil)
end)
