--- Runs tests written in Lua, in stock `lua5.4` or in `wane`.
--
--   lua5.4 Tests/Lua/run.lua [--filter TEXT] FILE...
--
-- A test file returns a table of functions, or calls `test(name, function)`. Each test passes or
-- raises. The last line is `N passed, M failed`; the exit code tells whether all passed.

local passed, failures, filter = 0, {}, nil
local tests = {}

--- Adds a test.
function test(name, body) tests[#tests + 1] = { name = name, body = body } end

local check = {}

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

local function fail(level, message, ...) error(message:format(...), level + 1) end

--- The values are equal.
function check.equal(actual, expected, what)
  if actual ~= expected then
    fail(2, "%sexpected %s, got %s", what and what .. ": " or "", show(expected), show(actual))
  end
end

--- Two numbers differ by no more than a tolerance.
function check.near(actual, expected, tolerance)
  if not (math.abs(actual - expected) <= (tolerance or 1e-6)) then
    fail(2, "expected %s within %g, got %s", expected, tolerance or 1e-6, show(actual))
  end
end

--- Fails unless two tensors have one shape and differ by less than 1e-5 everywhere.
function check.near_tensors(actual, expected, what)
  check.equal(table.concat(actual.shape, "x"), table.concat(expected.shape, "x"), what)
  check.truthy((actual - expected):abs():max() < 1e-5, what)
end

function check.truthy(value, what)
  if not value then fail(2, "%sexpected something true", what and what .. ": " or "") end
end

--- The function raises, and the message is the text; `...` at its start or end stands for anything.
function check.raises(expected, body, ...)
  local ok, message = pcall(body, ...)
  if ok then fail(2, "expected the error %s, but nothing was raised", show(expected)) end
  message = tostring(message)
  local plain = expected:gsub("^%.%.%.", ""):gsub("%.%.%.$", "")
  local starts, ends = not expected:find "^%.%.%.", not expected:find "%.%.%.$"
  local from, to = message:find(plain, 1, true)
  local fits = from and (not starts or from == 1) and (not ends or to == #message)
  if not fits then fail(2, "expected the error %s, got %s", show(expected), show(message)) end
end

_G.check = check

-- What several test files share lies beside this one.
package.path = (arg[0]:match "^(.*)/" or ".") .. "/?.lua;" .. package.path

-- ---- Command line -----------------------------------------------------------------------------

local files, i = {}, 1
while i <= #arg do
  if arg[i] == "--filter" then
    filter, i = arg[i + 1], i + 1
  else
    files[#files + 1] = arg[i]
  end
  i = i + 1
end
if #files == 0 then
  io.stderr:write "usage: lua5.4 Tests/Lua/run.lua [--filter TEXT] FILE...\n"
  os.exit(2)
end

for _, file in ipairs(files) do
  tests = {}
  local ok, result = xpcall(dofile, debug.traceback, file)
  if not ok then
    failures[#failures + 1] = { name = file, message = result }
  elseif type(result) == "table" then
    local names = {}
    for name in pairs(result) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do test(name, result[name]) end
  end
  for _, t in ipairs(tests) do
    if not filter or t.name:find(filter, 1, true) then
      local good, message = xpcall(t.body, debug.traceback)
      if good then
        passed = passed + 1
      else
        failures[#failures + 1] = { name = file .. ": " .. t.name, message = message }
      end
    end
  end
end

for _, failure in ipairs(failures) do
  io.stderr:write("FAILED ", failure.name, "\n", failure.message, "\n\n")
end
print(("%d passed, %d failed"):format(passed, #failures))
os.exit(#failures == 0 and 0 or 1, true)
