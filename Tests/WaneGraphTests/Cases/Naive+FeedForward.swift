@testable import WaneGraph

extension Naive {
  /// Every element less the mean of those normalized with it, divided by their root mean square.
  static func sampleNorm(_ x: Block, _ kind: SampleNormKind, epsilon: Double) -> Block {
    let channels = x.channels
    let sample = x.count / x.dimensions[0]
    // Elements that are normalized together have the same key.
    func key(_ index: Int) -> Int {
      if case .group(let groups) = kind {
        return index / sample * groups + index % channels / (channels / groups)
      }
      return index / channels
    }
    var members: [Int: [Int]] = [:]
    for index in x.values.indices { members[key(index), default: []].append(index) }
    var y = x
    for indices in members.values {
      let count = Double(indices.count)
      let mean =
        kind == .rootMeanSquare ? 0 : indices.reduce(0) { $0 + x.values[$1] } / count
      let variance =
        indices.reduce(0) { $0 + (x.values[$1] - mean) * (x.values[$1] - mean) } / count
      for index in indices {
        y.values[index] = (x.values[index] - mean) / (variance + epsilon).squareRoot()
      }
    }
    return y
  }

  /// Every result a mean of all pixels, weighted by how near they are.
  static func upSample(_ x: Block, _ factors: [Int], isBilinear: Bool) -> Block {
    let (height, width, channels) = (x.dimensions[1], x.dimensions[2], x.dimensions[3])
    func weights(_ position: Int, _ factor: Int, _ size: Int) -> [Double] {
      let place = min(max((Double(position) + 0.5) / Double(factor) - 0.5, 0), Double(size - 1))
      return (0..<size).map {
        isBilinear ? max(0, 1 - abs(place - Double($0))) : position / factor == $0 ? 1 : 0
      }
    }
    var values: [Double] = []
    for n in 0..<x.dimensions[0] {
      for row in 0..<height * factors[0] {
        let down = weights(row, factors[0], height)
        for column in 0..<width * factors[1] {
          let over = weights(column, factors[1], width)
          for channel in 0..<channels {
            var sum = 0.0
            for i in 0..<height {
              for j in 0..<width {
                sum +=
                  down[i] * over[j]
                  * x.values[((n * height + i) * width + j) * channels + channel]
              }
            }
            values.append(sum)
          }
        }
      }
    }
    return Block([x.dimensions[0], height * factors[0], width * factors[1], channels], values)
  }

  /// A convolution's window moved over the result, giving instead of taking.
  static func transposed(_ x: Block, _ kernel: Block, _ bias: Block?, _ window: Window2D) -> Block {
    let (height, width, channels) = (x.dimensions[1], x.dimensions[2], x.dimensions[3])
    let filters = kernel.dimensions[2]
    let extents = (0..<2).map { axis in
      let reach = (window.size[axis] - 1) * window.dilation[axis] + 1
      let grown = x.dimensions[axis + 1] * window.strides[axis]
      return window.padding == .same ? grown : grown + max(reach - window.strides[axis], 0)
    }
    let vertical = taps(window, axis: 0, input: extents[0])
    let horizontal = taps(window, axis: 1, input: extents[1])
    var y = Block(zeros: [x.dimensions[0], extents[0], extents[1], filters])
    for n in 0..<x.dimensions[0] {
      for i in 0..<height {
        for j in 0..<width {
          for (a, row) in vertical[i] {
            for (b, column) in horizontal[j] {
              for filter in 0..<filters {
                for channel in 0..<channels {
                  y.values[((n * extents[0] + row) * extents[1] + column) * filters + filter] +=
                    x.values[((n * height + i) * width + j) * channels + channel]
                    * kernel.values[
                      ((a * window.size[1] + b) * filters + filter) * channels + channel]
                }
              }
            }
          }
        }
      }
    }
    if let bias {
      for index in y.values.indices { y.values[index] += bias.values[index % filters] }
    }
    return y
  }
}
