-- Writes the reference of all functions as Markdown, from the descriptions in the module.
--
--   wane scripts/lib/reference.lua > docs/reference.md

local wane = require "wane"

local function sorted_names(container, kind)
  local names = {}
  for name, value in pairs(container) do
    if type(name) == "string" and type(value) == kind then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- The first line of a help text, and the rest.
local function cut(text)
  local head, rest = text:match "^([^\n]*)\n?(.*)$"
  return head, rest
end

--- Help as a section: the signature as a heading for the eye, the text as it is.
local function entry(name, text)
  print(("### `%s`\n"):format(name))
  print("```text\n" .. text .. "\n```\n")
end

--- The functions of a table of the module.
local function namespace(path, container)
  print(("## %s\n"):format(path))
  for _, name in ipairs(sorted_names(container, "function")) do
    entry(path .. "." .. name, wane.help(container[name]))
  end
end

--- A kind of object: its overview, then each method.
local function noun(name)
  local text = wane.help(name)
  local _, summary = cut(text):match "^(%S+)%s+(.*)$"
  print(("## %s\n\n%s\n"):format(name, summary))
  local fields = text:match "\nfields\n(.-)\n\n" or text:match "\nfields\n(.*)$"
  if fields then print("Fields:\n\n```text\n" .. fields .. "\n```\n") end
  local methods = text:match "\nmethods\n(.*)$"
  if not methods then return end
  for method in ("\n" .. methods):gmatch "\n  :([%w_]+)" do
    entry(name .. ":" .. method, wane.help(name .. ":" .. method))
  end
end

print "# Reference\n"
print "Written by `scripts/docs` from the descriptions in the module; `help(...)` says the same.\n"

namespace("wane", wane)
for _, name in ipairs(sorted_names(wane, "table")) do namespace("wane." .. name, wane[name]) end
local objects = wane.help():match "\nobjects\n(.-)\n\n"
-- A name starts in the third column; lines further in go on with what the line before said.
for name in ("\n" .. (objects or "")):gmatch "\n  (%S+)" do noun(name) end
