-- The border between Lua and Swift, through the module `waneprobe` of test objects.

local probe = require "waneprobe"

local function settled()
  collectgarbage() collectgarbage()
  return probe.live()
end

--- Resident memory of this process in kB.
local function resident()
  local file <close> = assert(io.open "/proc/self/statm")
  local _, pages = file:read("n", "n")
  return pages * 4
end

-- ---- Arguments and results --------------------------------------------------------------------

test("arguments are read strictly", function()
  check.equal(probe.add(1, 2.5), 3.5)
  check.raises("bad argument #2 to 'add' (number expected, got string)", probe.add, 1, "2")
  check.raises("bad argument #2 to 'add' (number expected, got no value)", probe.add, 1)
  check.raises("bad argument #1 to 'text' (integer expected, got 1.5)", probe.text, 1.5)
  check.raises("bad argument #1 to 'text' (must be between 0 and 100000000, got -1)", probe.text, -1)
end)

test("errors carry the caller's position", function()
  local line = debug.getinfo(1, "l").currentline
  local ok, message = pcall(function() probe.fail "boom" end)
  check.equal(ok, false)
  check.truthy(message:find("boundary_test.lua:" .. line + 1 .. ": boom 100", 1, true), message)
end)

test("values go through and come back", function()
  local f = function() end
  local block = probe.block(10)
  check.equal(select("#", probe.echo()), 0)
  check.equal(select("#", probe.echo(nil, nil)), 2)
  for _, value in ipairs { true, false, 0, -1, 2.5, math.mininteger, math.maxinteger, "", "a\0b", "\xff\xfe", f } do
    check.equal(probe.echo(value), value)
    check.equal(math.type(probe.echo(value)), math.type(value))
  end
  check.equal(probe.echo(block), block)
  local many = table.pack(probe.echo(table.unpack({}, 1, 200)))
  check.equal(many.n, 200)
  local t = probe.echo { 1, { 2, { f, block } }, name = { list = { f } }, f = f }
  check.equal(t[2][1], 2)
  check.equal(t[2][2][1], f)
  check.equal(t[2][2][2], block)
  check.equal(t.name.list[1], f)
  check.equal(t.f, f)
end)

test("strings of any length and bytes", function()
  for _, n in ipairs { 0, 1, 511, 512, 513, 5000, 1000000 } do check.equal(#probe.text(n), n) end
  check.equal(table.concat(probe.bytes "\0\xff\n", ","), "0,255,10")
  check.raises("...(text in UTF-8 expected)", probe.latin, "\xff")
end)

test("tables are read within limits", function()
  local cycle = {}
  cycle.again = { cycle }
  check.raises("...(table contains itself)", probe.echo, cycle)
  local deep = {}
  for _ = 1, 100 do deep = { deep } end
  check.raises("...(tables are nested more than 64 deep)", probe.echo, deep)
  check.raises("...(list of 3 has a hole)", probe.echo, { 1, nil, 3 })
  check.raises("...(list has a hole before [5])", probe.echo, { [5] = 1 })
  check.raises("...(table has a key that is a number)", probe.echo, { [0.5] = 1 })
  check.raises("...(table has a key that is a boolean)", probe.echo, { [true] = 1 })
  check.raises("...(a thread is of no use here)", probe.echo, coroutine.create(print))
  local shared = { 1 }
  check.equal(probe.echo({ shared, shared })[2][1], 1)
end)

test("metamethods of option tables are not run", function()
  local t = setmetatable({}, { __index = function() error "ran" end, __pairs = function() error "ran" end })
  check.equal(probe.prune(nil, t).sparsity, 0.5)
end)

test("nested numbers", function()
  local shape, sum, integers = probe.numbers { { 1, 2, 3 }, { 4, 5, 6 } }
  check.equal(table.concat(shape, "x"), "2x3")
  check.equal(sum, 21)
  check.equal(integers, true)
  check.equal(#probe.numbers(3), 0)
  check.equal(probe.numbers({})[1], 0)
  check.raises("...(lists differ in length: 2 and 1 at depth 2)", probe.numbers, { { 1, 2 }, { 3 } })
  check.raises("...(number expected, got string)", probe.numbers, { 1, "2" })
  check.raises("...(list expected, got number)", probe.numbers, { { 1 }, 2 })
  local cycle = {}
  cycle[1] = cycle
  check.raises("...(lists are nested more than 16 deep)", probe.numbers, cycle)
end)

-- ---- Options ----------------------------------------------------------------------------------

test("options are checked by name", function()
  check.raises("bad option 'sparcity' to 'prune' (did you mean 'sparsity'?)", probe.prune, nil, { sparcity = 1 })
  check.raises("bad option 'epoch' to 'prune' (did you mean 'epochs'?)", probe.prune, nil, { epoch = 1 })
  check.raises("bad option 'zzz' to 'prune' (expected one of: sparsity, epochs, method...", probe.prune, nil, { zzz = 1 })
  check.raises("bad argument #2 to 'prune' (table of options expected, got number)", probe.prune, nil, 0.5)
end)

test("options are checked by type and value", function()
  check.raises("bad option 'sparsity' to 'prune' (number expected, got 'much')", probe.prune, nil, { sparsity = "much" })
  check.raises("bad option 'epochs' to 'prune' (integer expected, got 1.5)", probe.prune, nil, { epochs = 1.5 })
  check.raises("bad option 'epochs' to 'prune' (must be at least 1, got 0)", probe.prune, nil, { epochs = 0 })
  check.raises("bad option 'data' to 'prune' (Block expected, got table)", probe.prune, nil, { data = {} })
  check.raises("bad option 'method' to 'prune' (expected one of 'share', 'filters', got 'filter' (did you mean 'filters'?))",
    probe.prune, nil, { method = "filter" })
  check.raises("prune: sparsity must be in [0, 1), got 1.5", probe.prune, nil, { sparsity = 1.5 })
end)

test("options may stand by position, hold objects, lists and functions", function()
  local block = probe.block(64)
  local report, hooked = probe.prune(nil, { 0.25, 3, data = block, axes = { 1, 2 }, on_epoch = function(s) return s * 2 end })
  check.equal(report.sparsity, 0.25)
  check.equal(report.epochs, 3)
  check.equal(report.bytes, 64)
  check.equal(report.axes[2], 2)
  check.equal(hooked, 0.5)
  check.equal(probe.prune(nil, { axes = 7 }).axes[1], 7)
  check.raises("bad option 'sparsity' to 'prune' (given twice)", probe.prune, nil, { 0.25, sparsity = 0.5 })
  check.raises("bad option [3] to 'prune' (...", probe.prune, nil, { 0.25, 1, 2 })
end)

test("options that belong to something else are refused", function()
  local function refused(message, options)
    check.raises("bad option " .. message, probe.prune, nil, options)
  end
  refused("'clusters' to 'prune' (belongs to method 'share', not 'filters', which takes 'ratio')",
    { method = "filters", clusters = 3 })
  -- What another option is by default counts.
  refused("'ratio' to 'prune' (belongs to method 'filters', not 'share', which takes 'clusters', 'initial')",
    { ratio = 0.5 })
  check.equal(probe.prune(nil, { clusters = 3 }).method, "share")
  check.equal(probe.prune(nil, { method = "filters", ratio = 0.5 }).method, "filters")
  -- A pattern among the words.
  refused("'extent' to 'prune' (belongs to unit 'block' or 'n:m', not 'weight')", { extent = 2 })
  check.truthy(probe.prune(nil, { unit = "2:4", extent = 2 }))
  check.truthy(probe.prune(nil, { unit = "block", extent = 2 }))
  -- What says itself what the other option is.
  check.truthy(probe.prune(nil, { group = 2 }))
  check.truthy(probe.prune(nil, { share_by = "group", group = 2 }))
  refused("'group' to 'prune' (belongs to share_by 'group', not 'layer')", { share_by = "layer", group = 2 })
  -- What acts only beside others.
  refused("'weight' to 'prune' (does nothing without 'data' or 'on_epoch')", { weight = 2 })
  refused("'weight' to 'prune' (does nothing without 'data' or 'on_epoch')", { weight = 2, data = false })
  check.truthy(probe.prune(nil, { weight = false }))
  check.truthy(probe.prune(nil, { weight = 2, data = probe.block(64) }))
  -- What is wrong by itself is said first.
  refused("'method' to 'prune' (expected one of ...", { method = "shares", ratio = 0.5 })
  refused("'method' to 'prune' (string expected, got 3)", { method = 3, ratio = 0.5 })
  local text = probe.help(probe.prune)
  check.truthy(text:find('clusters: integer = 16\n      with method = "share": how many', 1, true), text)
  check.truthy(text:find('with unit = "block" or "n:m": how large', 1, true), text)
  check.truthy(text:find("with data or on_epoch: of what is learned", 1, true), text)
end)

-- ---- Objects ----------------------------------------------------------------------------------

test("methods, fields and metamethods", function()
  local b = probe.block(2048)
  check.equal(b:size(), 2048)
  check.equal(#b, 2048)
  check.equal(b.bytes, 2048)
  check.equal(b.kilobytes, 2.0)
  check.equal(b.twin.bytes, 2048)
  check.equal(b[7], 70)
  check.equal(b.nothing, nil)
  check.equal((b + b):size(), 4096)
  check.equal((1 + b):size(), 2049)
  check.equal(tostring(b), "Block of 2048 bytes")
  check.truthy(rawequal(b, b:itself()))
  check.truthy(not rawequal(b, b:alias()) and b == b:alias())
  check.truthy(b ~= probe.block(2048))
  check.equal(getmetatable(b), false)
  check.raises("...: broken", function() return b.broken end)
  check.raises("...: a Block cannot be changed: no field 'x' to set", function() b.x = 1 end)
  check.raises("...: bad argument #1 to 'get' (index 0 is out of range 1..2048)", function() b:get(0) end)
  check.raises("...: bad argument #2 to 'get' (index 0 is out of range 1..2048)", function() b.get(b, 0) end)
  check.raises("bad argument #1 to 'size' (Block expected, got table)", b.size, {})
  check.raises("bad argument #1 to 'size' (Block expected, got userdata)", b.size, io.stdout)
  check.raises("bad argument #1 to 'invoke' (Holder expected, got Block)", probe.holder(print).invoke, b)
end)

test("pairs walks the fields", function()
  local seen = {}
  local ok = pcall(function()
    for name, value in pairs(probe.block(8)) do seen[#seen + 1] = name .. "=" .. tostring(value) end
  end)
  check.equal(ok, false) -- the last field raises
  check.equal(table.concat(seen, " "), "bytes=8 kilobytes=0.0078125 twin=Block of 8 bytes")
end)

test("a closed object is gone", function()
  local before = settled()
  local kept
  do
    local b <close> = probe.block(16)
    kept = b
    check.equal(probe.live(), before + 1)
  end
  check.equal(probe.live(), before)
  check.equal(tostring(kept), "Block (closed)")
  check.raises("...(Block was closed)", function() return kept:size() end)
  check.raises("...(Block was closed)", function() return kept + 1 end)
  check.raises("...(Block was closed)", probe.echo, kept)
  check.equal(kept == kept, true)
end)

test("a box holds a Lua function", function()
  local holder = probe.holder(function(x) return x, x + 1 end)
  collectgarbage() collectgarbage()
  local a, b = holder:invoke(7)
  check.equal(a, 7)
  check.equal(b, 8)
end)

-- ---- Callbacks --------------------------------------------------------------------------------

test("callbacks are called in turn", function()
  check.equal(table.concat(probe.each(5, function(i) return i * i end), " "), "1 4 9 16 25")
  check.equal(#probe.each(0, error), 0)
  check.equal(#probe.each(10000, function(i) return i end), 10000)
end)

test("a callback's error keeps its identity, and nothing leaks", function()
  local before = settled()
  local thrown = { code = 42 }
  for _ = 1, 100 do
    local ok, caught = pcall(probe.each, 3, function(i) if i == 2 then error(thrown) end return i end)
    check.equal(ok, false)
    check.equal(caught, thrown)
    ok, caught = pcall(probe.now, function() error(thrown) end, 1)
    check.equal(ok, false)
    check.equal(caught, thrown)
  end
  check.equal(settled(), before)
end)

test("a callback's traceback is whole", function()
  local hook, caller = function() error "inside" end, function(f) probe.each(1, f) end
  local ok, trace = xpcall(caller, debug.traceback, hook)
  check.equal(ok, false)
  local frames = {}
  for line in trace:gmatch "boundary_test.lua:(%d+): in" do frames[#frames + 1] = line end
  check.equal(frames[1], frames[2], trace) -- the hook and its caller stand on one line
  check.truthy(trace:find("waneprobe.each", 1, true), trace)
end)

test("a callback may yield", function()
  local before = settled()
  local step = coroutine.wrap(function() return probe.each(3, function(i) return coroutine.yield(i) end) end)
  check.equal(step(), 1)
  check.equal(step "a", 2)
  check.equal(step "b", 3)
  check.equal(table.concat(step "c", ","), "a,b,c")
  do
    local abandoned = coroutine.wrap(function() return probe.each(3, coroutine.yield) end)
    abandoned()
  end
  step = nil -- luacheck: ignore
  check.equal(settled(), before)
end)

test("callbacks nest and re-enter", function()
  local result = probe.each(2, function(i)
    return table.concat(probe.each(2, function(j) return probe.now(function(b, x) return #b + x end, i * 10 + j) end), "/")
  end)
  check.equal(table.concat(result, " "), "75/76 85/86")
end)

test("an immediate callback cannot yield, but says so", function()
  local ok, message = coroutine.resume(coroutine.create(function() probe.now(coroutine.yield, 1) end))
  check.equal(ok, false)
  check.truthy(tostring(message):find "yield across", message)
end)

test("a callback's result is checked like an argument", function()
  check.raises("...bad result #1 of a callback of 'each' (a thread is of no use here)", probe.each, 1,
    function() return coroutine.create(print) end)
end)

-- ---- Memory -----------------------------------------------------------------------------------

test("one million failing calls leak nothing", function()
  local before = settled()
  local block = probe.block(100)
  local option = { sparcity = 1 }
  local quick = {
    function() probe.fail "x" end,
    function() probe.add(1, {}) end,
    function() block:get(1000) end,
    function() probe.each(2, function() error "e" end) end,
    function() probe.now(function() error "e" end) end,
  }
  local slow = {
    function() probe.prune(nil, option) end,
    function() probe.fail_late() end,
    function() probe.fail_long(2000) end,
  }
  local function round(n)
    for i = 1, n do
      local calls = i % 20 == 0 and slow or quick
      pcall(calls[i % #calls + 1])
    end
    collectgarbage() collectgarbage()
  end
  round(20000)
  local start = resident()
  round(1000000)
  check.truthy(resident() - start < 4096, ("grew by %d kB"):format(resident() - start))
  block, quick = nil, nil -- luacheck: ignore
  check.equal(settled(), before)
end)

test("100 000 objects of 4 MB stay under 200 MB", function()
  for _, mode in ipairs { "generational", "incremental" } do
    collectgarbage(mode)
    local highest = 0
    for i = 1, 50000 do
      local _ = probe.block(4194304)
      if i % 500 == 0 then highest = math.max(highest, resident()) end
    end
    check.truthy(highest < 200 * 1024, ("%s: %d kB"):format(mode, highest))
  end
end)

test("a stopped collector stays stopped", function()
  settled()
  collectgarbage "stop"
  local before = probe.live()
  for _ = 1, 20 do probe.block(4194304) end
  check.equal(probe.live(), before + 20)
  collectgarbage "restart"
  settled()
end)

test("results that own objects are released when they are dropped", function()
  local before = settled()
  for _ = 1, 1000 do probe.tree(100) end
  check.equal(settled(), before)
end)

-- ---- Documentation ----------------------------------------------------------------------------

test("help knows functions, objects, words and tables", function()
  local text = probe.help(probe.prune)
  check.truthy(text:find("sparsity", 1, true) and text:find("fraction of zeros", 1, true), text)
  check.truthy(probe.help(probe.block(1)):find(":get(index)", 1, true))
  check.truthy(probe.help(probe.block(1).get):find("Block:get(index)", 1, true))
  check.truthy(probe.help "prune":find "Reads options")
  check.truthy(probe.help(probe.deep.down):find "echo")
  check.truthy(probe.help "prun":find("did you mean 'prune'", 1, true))
  check.truthy(probe.help():find "deep.down")
  check.equal(probe.help(print), "no help for this value")
end)

test("everything in wane is documented", function()
  check.equal(table.concat(probe.undocumented(), "\n"), "")
end)

-- ---- Other states -----------------------------------------------------------------------------

test("opening twice gives working tables", function()
  package.loaded.waneprobe = nil
  local again = require "waneprobe"
  check.truthy(again ~= probe)
  check.equal(again.echo(probe.block(3)):size(), 3)
  package.loaded.waneprobe = probe
end)

test("the same boxes are known in coroutines", function()
  local b = probe.block(5)
  check.equal(coroutine.wrap(function() return b:size() end)(), 5)
end)

test("finalizers may use the module while results are pushed", function()
  local count = 0
  for _ = 1, 2000 do
    setmetatable({}, { __gc = function() count = count + #probe.text(600) end })
    probe.tree(2000000)
  end
  settled()
  check.truthy(count > 0)
end)
