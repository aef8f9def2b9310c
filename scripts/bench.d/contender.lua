-- Trains and runs the network of examples/fashion_mnist.lua, round by round, as scripts/peers/run
-- asks; its README.md says what is asked and what the fields are.

local wane = require "wane"
local nn = wane.nn

local part = os.getenv "WANE_PEERS_PART"
local folder = os.getenv "WANE_PEERS_DATA"
wane.threads(tonumber(os.getenv "WANE_PEERS_THREADS"))

-- Answers ---------------------------------------------------------------------------------------

local function json(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if math.type(value) == "integer" then return ("%d"):format(value) end
  if type(value) == "number" then return ("%.9g"):format(value) end
  local parts = {}
  for _, item in ipairs(value) do parts[#parts + 1] = json(item) end
  if #parts > 0 then return "[" .. table.concat(parts, ", ") .. "]" end
  for name, item in pairs(value) do parts[#parts + 1] = ("%q: %s"):format(name, json(item)) end
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function say(answer)
  io.stdout:write(json(answer), "\n")
  io.stdout:flush()
end

local function serve(identity, round, finish)
  identity.version = wane.version
  say { ready = identity }
  for line in io.lines() do
    if line == "round" then
      say { round = round() }
    elseif line == "finish" then
      say { finish = finish() }
      return
    end
  end
end

-- What is measured ------------------------------------------------------------------------------

local function data()
  if folder then return wane.data.mnist_family(folder) end
  return wane.datasets.fashion_mnist()
end

local function network()
  return nn.sequential {
    seed = 1,
    nn.input { 28, 28, 1 },
    nn.conv2d { 32, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.conv2d { 64, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { 64, activation = "relu" },
    nn.dense { 10, activation = "softmax" },
  }
end

--- The most memory that this process has had, libraries and data included.
local function peak_memory_bytes()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmHWM:%s*(%d+) kB"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

--- Rounds of one epoch in each precision. Optimizer and batches start anew each round; the weights
-- go on.
local function train()
  local samples, test = data()
  local model, short = network(), network()
  local one = { data = test:take(1), seconds = 0.01, progress = false }
  local macs = wane.compare({ { "float", model } }, one).float.macs
  local peak
  local function round()
    local options = { epochs = 1, batch_size = 128, progress = false }
    local seconds = model:fit(samples, options).seconds[1]
    peak = peak or peak_memory_bytes()
    options.precision = "bf16"
    return { epoch_s = seconds, epoch_bf16_s = short:fit(samples, options).seconds[1] }
  end
  local function finish()
    return {
      accuracy = model:evaluate(test).accuracy, accuracy_bf16 = short:evaluate(test).accuracy,
      peak_memory_bytes = peak,
      -- Last: it is a hot loop, which would lend warmth to no round.
      macs = macs, peak_flops = wane.machine({ peak = true }).peak_flops,
    }
  end
  serve({ samples = #samples }, round, finish)
end

--- Rounds of 0.3 s at batch 1 and again at batch 256, for the float model and its int8 form.
local function infer()
  local samples, test = data()
  local float = network()
  float:fit(samples, { epochs = 2, batch_size = 128, seed = 1, progress = false })
  local int8 = wane.quantize(float, { bits = 8, calibration = samples:take(512), progress = false })
  local models = { { "float", float }, { "int8", int8 } }
  local function round()
    local options = { data = test:take(256), seconds = 0.6, progress = false }
    local measured = wane.compare(models, options)
    local times = {}
    for _, kind in ipairs { "float", "int8" } do
      local row = measured[kind]
      times[kind .. "_b1_s"] = { row.latency_b1_s, row.latency_b1_p95_s }
      times[kind .. "_b256_s"] = 256 / row.throughput_b256
    end
    return times
  end
  local function finish()
    local measured = wane.compare(models, { data = test, seconds = 0.01, progress = false })
    local result = { accuracy = {}, file_bytes = {}, memory_bytes = {}, macs = measured.float.macs }
    for _, kind in ipairs { "float", "int8" } do
      result.accuracy[kind] = measured[kind].accuracy
      result.file_bytes[kind] = measured[kind].file_bytes
      result.memory_bytes[kind] = measured[kind].memory_bytes
    end
    result.peak_flops = wane.machine({ peak = true }).peak_flops
    return result
  end
  serve({}, round, finish)
end

-- Networks of MLPerf Tiny, and an LSTM --------------------------------------------------------

local function normalized(layer, x)
  return nn.activation { "relu" } (nn.batch_norm {} (layer(x)))
end

local function convolution(filters, size, strides)
  return nn.conv2d { filters, size, strides = strides or 1, padding = "same", use_bias = false }
end

local function depthwise(strides)
  return nn.depthwise_conv2d { 3, strides = strides or 1, padding = "same", use_bias = false }
end

local function head(input, x, classes)
  return nn.model { inputs = input, outputs = nn.dense { classes } (nn.global_avg_pool2d {} (x)) }
end

local networks = {}

function networks.resnet8()
  local input = nn.input { 32, 32, 3 }
  local x = normalized(convolution(16, 3), input)
  for _, stage in ipairs { { 16, 1 }, { 32, 2 }, { 64, 2 } } do
    local filters, strides = stage[1], stage[2]
    local y = normalized(convolution(filters, 3, strides), x)
    y = nn.batch_norm {} (convolution(filters, 3)(y))
    if strides > 1 then x = nn.conv2d { filters, 1, strides = strides, padding = "same" } (x) end
    x = nn.activation { "relu" } (nn.add { x, y })
  end
  return head(input, x, 10), { 32, 32, 3 }, 10
end

function networks.mobilenet()
  local input = nn.input { 96, 96, 3 }
  local x = normalized(convolution(8, 3, 2), input)
  local stages = { { 16, 1 }, { 32, 2 }, { 32, 1 }, { 64, 2 }, { 64, 1 }, { 128, 2 } }
  for _ = 1, 5 do stages[#stages + 1] = { 128, 1 } end
  stages[#stages + 1] = { 256, 2 }
  stages[#stages + 1] = { 256, 1 }
  for _, stage in ipairs(stages) do
    x = normalized(convolution(stage[1], 1), normalized(depthwise(stage[2]), x))
  end
  return head(input, x, 2), { 96, 96, 3 }, 2
end

function networks.dscnn()
  local input = nn.input { 49, 10, 1 }
  local x = normalized(convolution(64, { 10, 4 }, 2), input)
  for _ = 1, 4 do x = normalized(convolution(64, 1), normalized(depthwise(), x)) end
  return head(input, x, 12), { 49, 10, 1 }, 12
end

function networks.lstm()
  return nn.sequential { nn.input { 28, 28 }, nn.lstm { 128 }, nn.dense { 10 } }, { 28, 28 }, 10
end

--- Rounds of ten steps of each network, on random samples.
local function train_networks()
  local batch, steps, runs = 64, 10, {}
  for name, make in pairs(networks) do
    local model, shape, classes = make()
    local labels = {}
    for i = 1, batch * steps do labels[i] = i % classes end
    table.insert(shape, 1, #labels)
    local samples = wane.data.tensors(wane.rand(shape), wane.tensor(labels, { dtype = "i32" }))
    runs[name] = { model = model, samples = samples }
  end
  local options = { epochs = 1, batch_size = batch, progress = false }
  local function round()
    local times = {}
    for name, run in pairs(runs) do
      times[name .. "_step_s"] = run.model:fit(run.samples, options).seconds[1] / steps
    end
    return times
  end
  local function finish()
    local result = { networks_peak_memory_bytes = peak_memory_bytes(), networks_batch = batch }
    for name, run in pairs(runs) do result[name .. "_macs"] = run.model.macs end
    result.peak_flops = wane.machine({ peak = true }).peak_flops
    return result
  end
  for _ = 1, 3 do round() end
  serve({}, round, finish)
end

local parts = { train = train, networks = train_networks, inference = infer }
parts[part]()
