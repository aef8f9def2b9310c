-- luacheck on Lua 5.4, without globals of our own.
std = "lua54"
max_line_length = 100
-- A method that ignores its object, and an argument kept for its name, are fine.
self = false
unused_args = false
-- `not (x <= y)` is not `x > y`: it also catches NaN.
ignore = { "581" }

-- Tests/Lua/run.lua gives these to the test files, whose tables of cases have long rows.
files["Tests/Lua"] = { globals = { "test", "check" }, max_line_length = 130 }
