-- Layers as scripts make them: defaults, shapes of results and parameters, errors, training.

local wane = require "wane"
local nn = wane.nn

--- The shape that a layer makes of a sample, as text.
local function shape_after(layer, ...)
  local model = nn.sequential { nn.input { ... }, layer }
  local result = model:predict(wane.zeros({ 2, ... }))
  return table.concat(result.shape, "x")
end

--- The result of a layer for one tensor.
local function apply(layer, samples)
  local sample = { table.unpack(samples.shape, 2) }
  return nn.sequential { nn.input(sample), layer }:predict(samples)
end

local function expect(t, values, tolerance)
  local got = t:reshape(-1):tolist()
  check.equal(#got, #values, "elements")
  for i, value in ipairs(values) do check.near(got[i], value, tolerance or 1e-5) end
end

test("convolutions have Keras's shapes", function()
  check.equal(shape_after(nn.depthwise_conv2d { 3 }, 7, 6, 2), "2x5x4x2")
  check.equal(
    shape_after(nn.depthwise_conv2d { 3, strides = 2, padding = "same", depth_multiplier = 3 }, 7, 6, 2), "2x4x3x6")
  check.equal(shape_after(nn.separable_conv2d { 5, { 3, 1 } }, 7, 6, 2), "2x5x6x5")
  check.equal(shape_after(nn.conv1d { 4, 3 }, 9, 2), "2x7x4")
  check.equal(shape_after(nn.conv1d { 4, 3, padding = "causal", strides = 2 }, 9, 2), "2x5x4")
  check.equal(shape_after(nn.conv1d { 4, 3, padding = "same", dilation = 4 }, 9, 2), "2x9x4")
  check.equal(shape_after(nn.conv2d_transpose { 4, 3, strides = 2 }, 3, 5, 2), "2x7x11x4")
  check.equal(shape_after(nn.conv2d_transpose { 4, 3, strides = 2, padding = "same" }, 3, 5, 2), "2x6x10x4")
end)

test("pooling and resizing", function()
  check.equal(shape_after(nn.max_pool1d {}, 7, 3), "2x3x3")
  check.equal(shape_after(nn.avg_pool1d { 3, strides = 1, padding = "same" }, 7, 3), "2x7x3")
  check.equal(shape_after(nn.global_avg_pool2d {}, 7, 5, 3), "2x3")
  check.equal(shape_after(nn.global_max_pool2d { keep_dims = true }, 7, 5, 3), "2x1x1x3")
  check.equal(shape_after(nn.global_max_pool1d {}, 7, 3), "2x3")
  check.equal(shape_after(nn.global_avg_pool1d {}, 70000, 1), "2x1")
  check.equal(shape_after(nn.global_max_pool1d { keep_dims = true }, 70000, 1), "2x1x1")
  check.equal(shape_after(nn.global_avg_pool1d { keep_dims = true }, 7, 3), "2x1x3")
  check.equal(shape_after(nn.up_sample2d { { 2, 3 } }, 2, 3, 1), "2x4x9x1")
  check.equal(shape_after(nn.up_sample1d { 3 }, 4, 2), "2x12x2")
  check.equal(shape_after(nn.reshape { 3, -1 }, 4, 3), "2x3x4")
  local image = wane.tensor { { { { 1 }, { 3 } }, { { 5 }, { 7 } } } }
  expect(apply(nn.global_avg_pool2d {}, image), { 4 })
  expect(apply(nn.up_sample2d { 2, interpolation = "bilinear" }, image),
    { 1, 1.5, 2.5, 3, 2, 2.5, 3.5, 4, 4, 4.5, 5.5, 6, 5, 5.5, 6.5, 7 })
end)

test("a whole image is pooled however large it is", function()
  local image = wane.ones { 1, 300, 301, 2 }
  expect(apply(nn.global_avg_pool2d {}, image), { 1, 1 })
  expect(apply(nn.global_max_pool2d {}, image), { 1, 1 })
end)

test("activations as layers and by name", function()
  local x = wane.tensor { { -4, -1, 0.5, 7 } }
  expect(apply(nn.relu {}, x), { 0, 0, 0.5, 7 })
  expect(apply(nn.relu6 {}, x), { 0, 0, 0.5, 6 })
  expect(apply(nn.leaky_relu {}, x), { -1.2, -0.3, 0.5, 7 })
  expect(apply(nn.leaky_relu { 0.1 }, x), { -0.4, -0.1, 0.5, 7 })
  expect(apply(nn.activation { "leaky_relu" }, x), { -0.8, -0.2, 0.5, 7 })
  expect(apply(nn.elu { alpha = 2 }, x), { 2 * (math.exp(-4) - 1), 2 * (math.exp(-1) - 1), 0.5, 7 })
  expect(apply(nn.hard_sigmoid {}, x), { 0, 1 / 3, 0.5 + 0.5 / 6, 1 })
  expect(apply(nn.hard_swish {}, x), { 0, -1 / 3, 0.5 * (0.5 + 0.5 / 6), 7 })
  expect(apply(nn.softsign {}, x), { -0.8, -0.5, 1 / 3, 0.875 })
  expect(apply(nn.prelu {}, x), { 0, 0, 0.5, 7 })
  local exact, near = apply(nn.gelu {}, x), apply(nn.gelu { approximate = true }, x)
  expect(exact, { -0.000126685, -0.158655, 0.345731, 7 })
  expect(near, { -0.0000702, -0.158808, 0.345714, 7 })
  for _, name in ipairs { "selu", "sigmoid", "tanh", "softmax", "silu", "softplus", "mish" } do
    expect(apply(nn[name] {}, x), apply(nn.activation { name }, x):reshape(-1):tolist())
    check.equal(nn[name] {}.kind, name)
  end
  local wide = nn.dense { 3, activation = "hard_swish" }
  check.equal(shape_after(wide, 4), "2x3")
end)

test("learned slopes can be shared", function()
  local function slopes(options, ...)
    return nn.sequential { nn.input { ... }, nn.prelu(options) }.parameters
  end
  check.equal(slopes({}, 4, 5, 3), 60)
  check.equal(slopes({ shared_axes = { 2, 3 } }, 4, 5, 3), 3)
  check.equal(slopes({ shared_axes = 2 }, 4, 5, 3), 15)
  check.equal(slopes({ shared_axes = 3 }, 4, 5), 4)
  check.raises("...bad option 'shared_axes' to 'prelu' (axes of a sample, from 2 or -1, expected...",
    function() nn.prelu { shared_axes = 1 } end)
end)

test("normalizations", function()
  local x = wane.tensor { { 1, 2, 3, 6 } }
  local root = math.sqrt(3.5 + 1e-3)
  expect(apply(nn.layer_norm {}, x), { -2 / root, -1 / root, 0, 3 / root })
  expect(apply(nn.group_norm { 2, epsilon = 1e-9 }, x), { -1, 1, -1, 1 })
  local square = math.sqrt(12.5 + 1e-6)
  expect(apply(nn.rms_norm {}, x), { 1 / square, 2 / square, 3 / square, 6 / square })
  expect(apply(nn.group_norm { -1 }, x), { 0, 0, 0, 0 })
  expect(apply(nn.normalization { mean = 2, variance = 4 }, x), { -0.5, 0, 0.5, 2 })
  check.raises("...4 channels do not divide into 32 groups", function() apply(nn.group_norm {}, x) end)
  check.raises("...bad option 'groups' to 'group_norm' (must be positive, or -1, got 0)",
    function() nn.group_norm { 0 } end)
end)

test("statistics are learned from data and stay with the model", function()
  local samples = wane.tensor { { 1, 10 }, { 3, 20 }, { 5, 60 } }
  local layer = nn.normalization {}:adapt(samples)
  local model = nn.sequential { nn.input { 2 }, layer }
  local spread = math.sqrt(8 / 3)
  local wide = math.sqrt(1400 / 3)
  expect(model:predict(samples), { -2 / spread, -20 / wide, 0, -10 / wide, 2 / spread, 30 / wide })
  local path = os.tmpname()
  model:save(path)
  expect(wane.load(path):predict(samples), model:predict(samples):reshape(-1):tolist())
  os.remove(path)
  check.raises("...has no statistics; give it mean and variance, or call adapt with data",
    function() return nn.sequential { nn.input { 2 }, nn.normalization {} } end)
  check.raises("...a normalization layer expected, got a dense layer...",
    function() nn.dense { 2 }:adapt(samples) end)
  check.raises("...missing option 'variance' to 'normalization'", function() nn.normalization { mean = 1 } end)
end)

test("noise is for training alone", function()
  local x = wane.tensor { { { 1, 2 }, { 3, 4 } } }
  expect(apply(nn.spatial_dropout1d { 0.5 }, x), { 1, 2, 3, 4 })
  expect(apply(nn.gaussian_noise { 2 }, x), { 1, 2, 3, 4 })
  check.equal(shape_after(nn.spatial_dropout2d { 0.5 }, 3, 2, 2), "2x3x2x2")
  check.raises("...rate must be in [0, 1), got 1.0", function() nn.spatial_dropout2d { 1 } end)
  check.raises("...stddev must be at least 0, got -1.0", function() nn.gaussian_noise { -1 } end)
  check.raises("...takes images [height, width, channels], got Nx2x2",
    function() apply(nn.spatial_dropout2d { 0.5 }, x) end)
end)

test("a dense layer is applied along the last axis", function()
  check.equal(shape_after(nn.dense { 3 }, 5, 2), "2x5x3")
  check.equal(nn.sequential { nn.input { 5, 4, 2 }, nn.dense { 3 } }.parameters, 9)
end)

test("values are merged", function()
  local x = nn.input { 2, 2 }
  local y = nn.rescaling { -1, 5 } (x)
  local numbers = wane.tensor { { { 1, 2 }, { 3, 4 } } }
  local function merged(value) return nn.model { inputs = x, outputs = value }:predict(numbers) end
  expect(merged(nn.subtract { x, y }), { -3, -1, 1, 3 })
  expect(merged(nn.multiply { x, y }), { 4, 6, 6, 4 })
  expect(merged(nn.average { x, y, x }), { 2, 7 / 3, 8 / 3, 3 })
  expect(merged(nn.maximum {} { x, y }), { 4, 3, 3, 4 })
  expect(merged(nn.minimum { x, y, name = "least" }), { 1, 2, 2, 1 })
  expect(merged(nn.concat { x, y }), { 1, 2, 4, 3, 3, 4, 2, 1 })
  expect(merged(nn.concat { x, y, axis = 2 }), { 1, 2, 3, 4, 4, 3, 2, 1 })
  check.raises("...subtract: takes 2 values, got 3...", function() nn.subtract { x, y, x } end)
  check.raises("...bad option 'axis' to 'concat' (an axis of a sample expected, from 2 or -1, got 1)",
    function() nn.concat { x, y, axis = 1 } end)
  check.raises("...a list of symbolic values expected...", function() nn.multiply { 1, 2 } end)
end)

test("axes and borders", function()
  check.equal(shape_after(nn.permute { 3, 1, 2 }, 2, 3, 4), "2x4x2x3")
  check.equal(shape_after(nn.zero_pad2d {}, 2, 3, 4), "2x4x5x4")
  check.equal(shape_after(nn.zero_pad2d { { 1, 2 } }, 2, 3, 4), "2x4x7x4")
  check.equal(shape_after(nn.zero_pad2d { { { 0, 1 }, { 2, 3 } } }, 2, 3, 4), "2x3x8x4")
  check.equal(shape_after(nn.crop2d { padding = nil, cropping = { { 1, 0 }, { 0, 2 } } }, 4, 5, 1), "2x3x3x1")
  check.equal(shape_after(nn.zero_pad1d { { 2, 0 } }, 3, 4), "2x5x4")
  check.equal(shape_after(nn.crop1d {}, 5, 4), "2x3x4")
  expect(apply(nn.zero_pad1d { { 1, 0 } }, wane.tensor { { { 1 }, { 2 } } }), { 0, 1, 2 })
  check.raises("...nothing is left of Nx2x4...", function() return shape_after(nn.crop1d {}, 2, 4) end)
  check.raises("...bad option 'padding' to 'zero_pad2d' (whole numbers of at least 0 expected, got...",
    function() nn.zero_pad2d { { 1, -1 } } end)
  check.raises("...the numbers 1 to 2 expected, got...", function() nn.permute { 0, 1 } end)
end)

test("a network of them learns", function()
  local x, y = {}, {}
  for i = 1, 64 do
    local row, bright = {}, i % 2
    for p = 1, 64 do row[p] = { ((p <= 32) == (bright == 1) and 1 or 0) + math.sin(i * p) / 10 } end
    x[i], y[i] = row, bright
  end
  local train = wane.data.tensors(wane.tensor(x), wane.tensor(y, "i32"))
  local model = nn.sequential {
    nn.input { 64, 1 },
    nn.reshape { 8, 8, 1 },
    nn.conv2d { 4, 3, padding = "same", use_bias = false },
    nn.group_norm { 2 },
    nn.silu {},
    nn.depthwise_conv2d { 3, strides = 2, padding = "same", activation = "relu6" },
    nn.separable_conv2d { 6, 3, activation = "gelu" },
    nn.spatial_dropout2d { 0.1 },
    nn.gaussian_noise { 0.01 },
    nn.prelu { shared_axes = { 2, 3 } },
    nn.global_avg_pool2d {},
    nn.layer_norm {},
    nn.dense { 2, activation = "softmax" },
  }
  model:fit(train, { epochs = 15, batch_size = 16, learning_rate = 0.01, seed = 1 })
  check.truthy(model:evaluate(train).accuracy > 0.9, "accuracy")
end)
