-- wane.pretty: values as text.

require "wane"
local pretty = require "wane.pretty"

local function is(expected, value, options) check.equal(pretty(value, options), expected) end

test("single values", function()
  is("1", 1)
  is("1.0", 1.0)
  is("0.333333", 1 / 3)
  is("1e+20", 1e20)
  is("inf", math.huge)
  is("-inf", -math.huge)
  is("nan", 0 / 0)
  is("nil", nil)
  is("true", true)
  is([["a\n\"b\"\\ \x00"]], 'a\n"b"\\ \0')
  is([["\xff"]], "\xff")
  is('"é"', "é")
  check.truthy(pretty(("x"):rep(1000)):find("... (1000 bytes)", 1, true))
end)

test("tables on one line", function()
  is("{}", {})
  is("{ 1, 2, 3 }", { 1, 2, 3 })
  is('{ a = 1, ["b c"] = 2, ["end"] = 3 }', { a = 1, ["b c"] = 2, ["end"] = 3 })
  is("{ 1, [5] = 2, x = 4, [true] = 3 }", { 1, [5] = 2, x = 4, [true] = 3 })
  is("{ { { 1 } } }", { { { 1 } } })
end)

test("wide tables have a line for each entry, keys aligned", function()
  is("{\n  a    = 1,\n  long = {\n    b = 22222222222,\n    c = 33333333333\n  }\n}",
    { a = 1, long = { b = 22222222222, c = 33333333333 } }, { width = 30 })
  local list = {}
  for i = 1, 40 do list[i] = i end
  for line in (pretty(list, { width = 40 }) .. "\n"):gmatch "(.-)\n" do check.truthy(#line <= 40, line) end
end)

test("limits and cycles", function()
  local t = { name = 1 }
  t.itself = t
  is("{ itself = <cycle>, name = 1 }", t)
  is("{ { {...} } }", { { { 1 } } }, { depth = 2 })
  is("{ 1, 2, ... (3 more) }", { 1, 2, 3, 4, 5 }, { items = 2 })
  local shared = { 1 }
  is("{ { 1 }, { 1 } }", { shared, shared })
end)

test("objects speak for themselves and cannot break it", function()
  local object = setmetatable({ 1 }, { __tostring = function() return "first\nsecond" end })
  is("{ first ... }", { object })
  check.equal(pretty.results({}, object, 2), "first\nsecond\n2")
  is("{ <table: error in __tostring> }", { setmetatable({}, { __tostring = function() error "x" end }) })
  is("{ 1 }", setmetatable({ 1 }, { __metatable = false, __index = error, __pairs = error, __len = error }))
end)

test("results print as print does", function()
  check.equal(pretty.results({}, 1, "a", nil), "1\ta\tnil")
  check.equal(pretty.results({}, { 1 }, "a"), "{ 1 }\ta")
end)

test("colours", function()
  is("{ \27[36m1\27[0m }", { 1 }, { color = true })
end)
