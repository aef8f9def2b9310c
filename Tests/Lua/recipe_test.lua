-- Pipelines from files and to files: tables that are read, not run.

local samples = require "samples"
local wane = require "wane"

local function with_file(text, body)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local ok, message = pcall(body, path)
  os.remove(path)
  if not ok then error(message, 0) end
end

local function refused(message, text)
  with_file(text, function(path)
    local ok, got = pcall(wane.pipeline, path)
    check.equal(ok, false, text)
    check.equal(got:gsub(path:gsub("%p", "%%%0"), "FILE"):gsub("^pipeline: ", ""), message)
  end)
end

test("a recipe stands in a file and runs like one in the script", function()
  local list = {
    { "prune", sparsity = 0.5, epochs = 1, batch_size = 32, only = { "dense", "conv2d" } },
    { "quantize", bits = { ["dense.*"] = 4, conv2d = 8 }, epochs = 0 },
    { "fit", epochs = 0.5, learning_rate = 1e-3, batch_size = 32 },
  }
  local pipeline = wane.pipeline(list)
  check.equal(#pipeline, 3)
  local path = os.tmpname()
  pipeline:save(path)
  local read = wane.pipeline(path)
  local file <close> = assert(io.open(path))
  local text = file:read "a"
  os.remove(path)
  check.equal(text, [[
return {
  { "prune", batch_size = 32, epochs = 1, only = { "dense", "conv2d" }, sparsity = 0.5 },
  { "quantize", bits = { conv2d = 8, ["dense.*"] = 4 }, epochs = 0 },
  { "fit", batch_size = 32, epochs = 0.5, learning_rate = 0.001 },
}
]])
  check.equal(load(text)()[3].learning_rate, 0.001)
  check.equal(tostring(read), tostring(pipeline))
  check.equal(read.stages[2].bits["dense.*"], 4)
  check.equal(read.stages[1][1], "prune")
  local data = samples.images(128)
  local one, report = pipeline:run(samples.trained(), { data = data })
  check.equal(report.verb, "fit")
  check.equal(#report.history, 1)
  check.truthy(samples.same(one, (read:run(samples.trained(), { data = data }))))
  check.truthy(select(2, samples.count(one, "dense/kernel")) > 400)
end)

test("comments, long strings, numbers and semicolons are those of Lua", function()
  with_file([==[
#!/usr/bin/env wane
--[[ a comment
of two lines ]]
return { -- one stage
  { "prune"; sparsity = .5e0, ['epochs'] = 0x0; seed = -3, only = [[dense]], except = {}, progress = nil };
};
]==], function(path)
    local stage = wane.pipeline(path).stages[1]
    check.equal(stage.sparsity, 0.5)
    check.equal(stage.epochs, 0)
    check.equal(stage.seed, -3)
    check.equal(stage.only, "dense")
    check.equal(#stage.except, 0)
  end)
  with_file([[{ { "pr\u0075ne" } }]], function(path) check.raises("...unknown escape...", wane.pipeline, path) end)
  with_file([[{ { "\112r\x75ne", sparsity = 0.25 } }]], function(path)
    check.equal(wane.pipeline(path).stages[1][1], "prune")
  end)
end)

test("nothing in a recipe is run", function()
  refused("FILE:1: 'os' is a variable or a function: a recipe holds values and is not run", "return { os.exit(3) }")
  refused("FILE:2: 'f' is a variable or a function: a recipe holds values and is not run",
    "return {\n  { f 'x' } }")
  refused("FILE:1: 'function' cannot stand in a recipe, which holds values and is not run",
    "return { { 'prune', sparsity = function() end } }")
  refused("FILE:1: a recipe is 'return { ... }', got 'while'", "while true do end")
  refused("FILE:1: a recipe is 'return { ... }', got 'local'", "local x = {}")
  refused("FILE:1: a recipe is 'return { ... }', got the end of the file", "")
  refused("FILE:1: ',' or '}' expected, got '/': a recipe holds values and is not run",
    "return { { 'prune', sparsity = 1 / 2 } }")
  refused("FILE:1: ',' or '}' expected, got '.': a recipe holds values and is not run", "return { 'a' .. 'b' }")
  refused("FILE:1: a value expected, got '(': a recipe holds values and is not run", "return { (1) }")
  refused("FILE:3: 'os' after the end of the recipe", "return {\n}\nos.exit()")
  refused("FILE:1: a value expected, got '\27': a recipe holds values and is not run", "return {\27Lua}")
  refused("FILE:1: a recipe is 'return { ... }', got '\27'", "\27Lua")
end)

test("what is wrong with a recipe is told with its line", function()
  refused("FILE:2: unfinished string", "return {\n { 'prune")
  refused("FILE:1: malformed number '0.5x'", "return { 0.5x }")
  refused("FILE:1: malformed number '1e999'", "return { 1e999 }")
  refused("FILE:1: unfinished long string or comment", "--[[ x")
  refused("FILE:1: '-' stands before a number only", "return { - - 1 }")
  refused("FILE:1: 'a' is given twice", "return { { a = 1, a = 2 } }")
  refused("FILE:1: a list cannot hold nil", "return { nil }")
  refused("FILE:1: a key in brackets must be a string, got 1", "return { [1] = 2 }")
  refused("FILE:1: '=' expected, got 2", "return { ['a'] 2 }")
  refused("FILE:1: tables are nested more than 16 deep", "return " .. ("{"):rep(1000))
  refused("FILE:1: unexpected character", "return { \xff }")
  refused("FILE:1: a string is not text in UTF-8", "return { '\xff' }")
  refused("FILE:1: more than 100000 values", "return {" .. ("1,"):rep(100001) .. "}")
  refused("FILE: stage 1: no verb 'prun' (did you mean 'prune'?)", "return { { 'prun' } }")
  refused("FILE: bad option 'sparcity' to 'prune' (did you mean 'sparsity'?)",
    "return { { 'prune', sparcity = 0.5 } }")
  check.raises("pipeline: cannot read '/nowhere/recipe.lua': No such file or directory", wane.pipeline,
    "/nowhere/recipe.lua")
  check.raises("pipeline: cannot read '/dev/null': not a regular file", wane.pipeline, "/dev/null")
end)

test("a model or a function has no place in a recipe", function()
  local pipeline = wane.pipeline { { "distill", teacher = samples.network(), epochs = 1 } }
  check.raises("pipeline: 'teacher' of stage 1 is a Model, which a recipe cannot hold", pipeline.save, pipeline,
    os.tmpname())
  check.equal(tostring(pipeline), 'wane.pipeline {\n  { "distill", epochs = 1, teacher = <Model> },\n}')
  check.raises("...stage 1: 'loss' is a function, which a stage cannot keep...", wane.pipeline,
    { { "fit", loss = print } })
  check.raises("...cannot write '/nowhere/x.lua': No such file or directory", pipeline.save,
    wane.pipeline { { "prune", sparsity = 0.5 } }, "/nowhere/x.lua")
end)

test("a stage learns from the model that the pipeline starts from", function()
  local data = samples.images(128)
  local function run(stage, options)
    stage.epochs, stage.batch_size, options.data = 1, 32, data
    return (wane.pipeline { { "prune", sparsity = 0.7, epochs = 0 }, stage }:run(samples.trained(), options))
  end
  local taught = run({ "fit", teacher = "original", temperature = 2 }, {})
  check.truthy(samples.same(taught, run({ "fit", teacher = samples.trained(), temperature = 2 }, {})))
  check.equal((samples.same(taught, run({ "fit" }, {}))), false)
  check.truthy(samples.same(run({ "distill", teacher = "original" }, {}),
    run({ "distill" }, { teacher = samples.trained() })))
  check.raises("bad option 'teacher' to 'fit' (Model or list of them expected, got 'origin')", wane.pipeline,
    { { "fit", teacher = "origin" } })
end)
