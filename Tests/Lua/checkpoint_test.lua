-- Runs that are kept in a file, and go on.

local wane = require "wane"

local folder = os.getenv "TMPDIR" or "/tmp"
local mark = tostring({}):match "0x(%x+)"
local function path(name) return ("%s/wane-training-%s-%s"):format(folder, mark, name) end

local shared = require "corners"
local contents, corners, network = shared.contents, shared.data, shared.network
local line, regression = shared.line, shared.regression

local function write(name, text)
  local file = assert(io.open(name, "wb"))
  file:write(text)
  file:close()
end

local interpreter = arg and arg[-1] or "lua5.4"
do
  local index = -1
  while arg and arg[index] do
    interpreter = arg[index]
    index = index - 1
  end
end

--- A script that trains with everything that has a state, and writes its weights when it ends.
local script = [[
local wane = require "wane"
local checkpoint, result, kill = ...
local points, labels = {}, {}
local noise = wane.rand({ 60, 2 }, { seed = 1 }):tolist()
for i = 1, 60 do
  local class = (i - 1) %% 4
  points[i] = { class // 2 * 2 - 1 + noise[i][1], class %% 2 * 2 - 1 + noise[i][2] }
  labels[i] = class
end
local data = wane.data.tensors(wane.tensor(points), wane.tensor(labels, "i32"))
local model = wane.nn.sequential {
  wane.nn.input { 2 }, wane.nn.dense { 16, activation = "relu" }, wane.nn.batch_norm {},
  wane.nn.dropout { 0.2 }, wane.nn.dense { 4, activation = "softmax" }, seed = 1,
}
local history = model:fit(data, {
  epochs = 4, batch_size = 8, seed = 7, validation = data, metrics = { "f1", "confusion_matrix" },
  optimizer = wane.optim.adam { learning_rate = 0.02, amsgrad = true, use_ema = true, ema_momentum = 0.9 },
  learning_rate_schedule = { "cosine", warmup_steps = 5 },
  early_stopping = { patience = 10, restore_best = true },
  reduce_on_plateau = { patience = 1, factor = 0.5 },
  checkpoint = checkpoint ~= "" and { path = checkpoint } or nil,
  resume = checkpoint ~= "" and "auto" or nil,
  on_batch = function(batch)
    if kill and batch.step == tonumber(kill) then
      local stat = io.open "/proc/self/stat"
      local pid = stat:read "n"
      stat:close()
      os.execute("kill -9 " .. math.tointeger(pid))
    end
  end,
})
local file = io.open(result, "w")
for _, name in ipairs(model:parameter_names()) do
  for _, value in ipairs(model:parameter(name):reshape(-1):tolist()) do
    file:write(("%%a\n"):format(value))
  end
end
for _, name in ipairs { "loss", "accuracy", "lr", "f1", "validation_loss", "validation_f1" } do
  for _, value in ipairs(history[name]) do file:write(name, (" %%a\n"):format(value)) end
end
file:write(#history.seconds, " ", #history.confusion_matrix, "\n")
file:close()
]]

test("a killed run goes on bit for bit", function()
  local code, whole, resumed, checkpoint = path "run.lua", path "whole", path "resumed", path "run.ckpt"
  write(code, (script:gsub("%%%%", "%%")))
  local function run(...)
    local words = { interpreter, code, ... }
    for i, word in ipairs(words) do words[i] = "'" .. word .. "'" end
    return os.execute(table.concat(words, " ") .. " 2>/dev/null")
  end
  check.truthy(run("", whole))
  for _, step in ipairs { 11, 25 } do -- in the second epoch of 8 steps, and in the fourth
    check.truthy(not run(checkpoint, resumed, tostring(step)), "the process was killed")
    check.equal(io.open(resumed), nil)
  end
  check.truthy(run(checkpoint, resumed))
  check.equal(contents(resumed), contents(whole))
  -- Once more: it had ended, and is what it was.
  os.remove(resumed)
  check.truthy(run(checkpoint, resumed))
  check.equal(contents(resumed), contents(whole))
  for _, name in ipairs { code, whole, resumed, checkpoint } do os.remove(name) end
end)

test("what cannot be resumed says why", function()
  local file = path "bad.ckpt"
  local data = corners(32)
  local function fit(options)
    options = options or {}
    options.checkpoint = options.checkpoint or file
    options.epochs = 2
    options.batch_size = options.batch_size or 8
    return network(options.model_seed):fit(data, options)
  end
  check.raises("...resume: cannot read '" .. file .. "': No such file or directory", function() fit { resume = true } end)
  fit()
  local history = fit { resume = true }
  check.equal(#history.loss, 2)
  check.raises("...resume: batch_size was 8 in the checkpoint, and is 16 now",
    function() fit { resume = true, batch_size = 16 } end)
  check.raises("...resume: seed was 0 in the checkpoint, and is 3 now", function() fit { resume = true, seed = 3 } end)
  check.raises("...resume: the model was #...", function()
    regression():fit(line(32), { checkpoint = file, resume = true, epochs = 2, batch_size = 8 })
  end)
  check.raises("...bad option 'resume' to 'fit' (the option 'checkpoint' must say from which file)",
    function() network():fit(data, { resume = true }) end)
  check.raises("...bad option 'resume' to 'fit' (a boolean or 'auto' expected, got 3)",
    function() fit { resume = 3 } end)
  check.raises("...missing option 'path' to 'fit' option 'checkpoint'",
    function() network():fit(data, { checkpoint = { every = 2 } }) end)

  local good = contents(file)
  local function refused(text, message)
    write(file, text)
    check.raises(message, function() fit { resume = "auto" } end)
  end
  refused("", "...' is not a checkpoint")
  refused("hello, world", "...' is not a checkpoint")
  refused(good:sub(1, 7), "...' is truncated: it has 7 bytes")
  for _, count in ipairs { 11, 100, #good // 2, #good - 1 } do
    refused(good:sub(1, count), "...' is truncated: it has " .. count .. " bytes")
  end
  refused(good .. "x", "...' is damaged: bytes follow its end")
  for _, position in ipairs { 20, #good // 3, #good } do
    local byte = string.char(good:byte(position) ~ 0x10)
    refused(good:sub(1, position - 1) .. byte .. good:sub(position + 1), "...' is damaged: its checksum does not match")
  end
  check.raises("...save: cannot write '/nowhere/run.ckpt': No such file or directory",
    function() fit { checkpoint = "/nowhere/run.ckpt" } end)
  os.remove(file)
end)

test("a checkpoint is written every so many epochs", function()
  local file = path "every.ckpt"
  local exists = {}
  network():fit(corners(16), {
    epochs = 5, checkpoint = { path = file, every = 3 },
    on_epoch = function() exists[#exists + 1] = io.open(file) ~= nil end,
  })
  -- The callback comes before the file of its epoch.
  check.equal(tostring(exists[3]) .. tostring(exists[4]), "falsetrue")
  os.remove(file)
end)


test("a run goes on only with the loss, the weights and the data that it had", function()
  local file = path "conditions.ckpt"
  local data = corners(32)
  --- A run with some options is not gone on with when others take their place.
  local function refuses(message, first, then_)
    local train, other = first.data, then_.data
    first.data, then_.data = nil, nil
    first.resume = false
    first.checkpoint, then_.checkpoint = file, file
    for _, options in ipairs { first, then_ } do
      options.epochs = options.epochs or 2
      options.batch_size = 8
    end
    network():fit(train or data, first)
    then_.resume = true
    check.raises("...resume: " .. message, function() network():fit(other or train or data, then_) end)
    -- What was written may be gone on with.
    first.resume = true
    check.truthy(network():fit(train or data, first).loss[2])
  end
  refuses("loss was focal gamma 2.0 in the checkpoint, and is focal gamma 1.0 now",
    { loss = "focal" }, { loss = { "focal", gamma = 1 } })
  refuses("loss was the usual in the checkpoint, and is cross_entropy label_smoothing 0.1 now",
    {}, { loss = { "cross_entropy", label_smoothing = 0.1 } })
  local function scaled(factor)
    return function(predicted, label) return wane.losses.cross_entropy(predicted, label) * factor end
  end
  refuses("validation was none in the checkpoint, and is 16 samples of 2, #...", {}, { validation = corners(16) })
  refuses("early_stopping was the usual auto 0.0, patience 3 in the checkpoint, and is none now",
    { early_stopping = { patience = 3 } }, {})
  refuses("early_stopping was the usual auto 0.0, patience 3 in the checkpoint, "
    .. "and is the usual auto 0.0, patience 4, restore_best now",
    { early_stopping = { patience = 3 } }, { early_stopping = { patience = 4, restore_best = true } })
  refuses("reduce_on_plateau was none in the checkpoint, and is the usual...", {},
    { reduce_on_plateau = { patience = 1 } })
  local threads = wane.threads()
  wane.threads(1)
  network():fit(data, { checkpoint = file, epochs = 2, batch_size = 8 })
  wane.threads(2)
  check.raises("...resume: the number of threads was 1 in the checkpoint, and is 2 now", function()
    network():fit(data, { checkpoint = file, epochs = 2, batch_size = 8, resume = true })
  end)
  wane.threads(threads)
  refuses("loss was the function #...", { loss = scaled(1.5) }, { loss = scaled(2.5) })
  refuses("loss was the function #...", { loss = scaled(wane.tensor(1.5)) }, { loss = scaled(wane.tensor(2.5)) })
  refuses("class_weight was [1.0, 2.0] in the checkpoint, and is none now", { class_weight = { 1, 2 } }, {})
  refuses("the content of the data set was #...", {}, { data = corners(32, 2) })
  refuses("the content of the data set was #...", {}, { data = data:weigh(wane.ones { 32 } * 2) })
  refuses("the augmentation was none in the checkpoint, and is #...", {}, { data = data:augment { noise = 0.1 } })
  local average = { use_ema = true, ema_overwrite_frequency = 2 }
  refuses("ema_overwrite_frequency was 2 in the checkpoint, and is none now",
    { optimizer = wane.optim.adam(average) }, { optimizer = wane.optim.adam { use_ema = true } })
  refuses("the length of a run that its schedule follows was 8 steps in the checkpoint, and is 12 steps now",
    { learning_rate_schedule = "cosine" }, { learning_rate_schedule = "cosine", epochs = 3 })
  os.remove(file)
end)
