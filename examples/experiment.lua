-- What several examples share: how they read their options, and the network they work on.

local wane = require "wane"
local nn = wane.nn

local experiment = {}

-- Reads the command line: --quick, names that take a text, and those of `given` that are numbers.
-- Anything else shows the usage and ends the program.
function experiment.options(usage, given, texts)
  local takes_text = {}
  for _, name in ipairs(texts) do takes_text[name] = true end
  local index = 1
  while arg and arg[index] do
    local name = arg[index]:match "^%-%-(%a+)$"
    local value = arg[index + 1]
    if name == "quick" then
      given.quick = true
      index = index + 1
    elseif value and takes_text[name] then
      given[name] = value
      index = index + 2
    elseif name and type(given[name]) == "number" and tonumber(value) then
      given[name] = tonumber(value)
      index = index + 2
    else
      io.stderr:write(usage)
      os.exit(name == "help" and 0 or 2)
    end
  end
  return given
end

-- Fashion-MNIST, or the 28x28 data set in a folder: training and test images.
function experiment.data(dir) return wane.datasets.fashion_mnist(dir and { dir = dir } or nil) end

-- The network of fashion_mnist.lua, or one of other widths: filters, filters, units.
function experiment.network(seed, classes, widths)
  local first, second, units = table.unpack(widths or { 32, 64, 64 })
  return nn.sequential {
    seed = seed,
    nn.input { 28, 28, 1 },
    nn.conv2d { first, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.conv2d { second, 3, activation = "relu" },
    nn.max_pool2d { 2 },
    nn.flatten {},
    nn.dense { units, activation = "relu" },
    nn.dense { classes, activation = "softmax" },
  }
end

return experiment
