--- Data and networks of a few numbers, for the tests of training and of its checkpoints.

local wane = require "wane"
local nn = wane.nn

local corners = {}

--- The bytes of a file.
function corners.contents(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- Points around the corners of a square, the corner being the class.
function corners.data(count, seed)
  local points, labels = {}, {}
  local noise = wane.rand({ count, 2 }, { seed = seed or 1 }):tolist()
  for i = 1, count do
    local class = (i - 1) % 4
    points[i] = {
      class // 2 * 2 - 1 + noise[i][1] - 0.5,
      class % 2 * 2 - 1 + noise[i][2] - 0.5,
    }
    labels[i] = class
  end
  return wane.data.tensors(wane.tensor(points), wane.tensor(labels, "i32"))
end

--- A network that tells the corners apart.
function corners.network(seed)
  return nn.sequential {
    nn.input { 2 },
    nn.dense { 8, activation = "relu" },
    nn.dropout { 0.1 },
    nn.dense { 4, activation = "softmax" },
    seed = seed or 1,
  }
end

--- A line with a little noise.
function corners.line(count)
  local x = wane.rand({ count, 1 }, { seed = 2 })
  return wane.data.tensors(x, x * 2 + 0.5)
end

--- A network for the line.
function corners.regression() return nn.sequential { nn.input { 1 }, nn.dense { 1 }, seed = 3 } end

return corners
