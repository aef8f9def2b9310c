@testable import WaneGraph

/// Layers written the plain way, in double precision: what the engine has to agree with.
enum Naive {
  /// For each output position of a window, the input positions it sees along one axis, with the index within
  /// the window; positions in the padding are left out.
  static func taps(_ window: Window2D, axis: Int, input: Int) -> [[(tap: Int, at: Int)]] {
    let (size, stride, dilation) = (window.size[axis], window.strides[axis], window.dilation[axis])
    let reach = (size - 1) * dilation + 1
    var before = 0
    var output = input < reach ? 0 : (input - reach) / stride + 1
    if window.padding == .same {
      output = (input + stride - 1) / stride
      before = max((output - 1) * stride + reach - input, 0) / 2
    }
    return (0..<output).map { position in
      (0..<size).map { ($0, position * stride - before + $0 * dilation) }
        .filter { (0..<input).contains($0.1) }
    }
  }

  // Positions are counted by hand: without optimization everything else takes seconds.

  static func convolution(
    _ x: Block, _ kernel: Block, _ bias: Block?, _ window: Window2D, groups: Int = 1
  ) -> Block {
    let (width, channels) = (x.dimensions[2], x.dimensions[3])
    let (inGroup, filters) = (channels / groups, kernel.dimensions[3])
    let (outGroup, imageSize) = (filters / groups, x.dimensions[1] * width * channels)
    let vertical = taps(window, axis: 0, input: x.dimensions[1])
    let horizontal = taps(window, axis: 1, input: width)
    var y = Block(zeros: [x.dimensions[0], vertical.count, horizontal.count, filters])
    x.values.withUnsafeBufferPointer { x in
      kernel.values.withUnsafeBufferPointer { kernel in
        y.values.withUnsafeMutableBufferPointer { y in
          var target = 0
          for image in stride(from: 0, to: x.count, by: imageSize) {
            for rows in vertical {
              for columns in horizontal {
                for (i, row) in rows {
                  for (j, column) in columns {
                    let pixel = image + (row * width + column) * channels
                    let tap = (i * window.size[1] + j) * inGroup * filters
                    for filter in 0..<filters {
                      let first = pixel + filter / outGroup * inGroup
                      var sum = 0.0
                      for channel in 0..<inGroup {
                        sum += x[first + channel] * kernel[tap + channel * filters + filter]
                      }
                      y[target + filter] += sum
                    }
                  }
                }
                target += filters
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

  /// What `combine` makes of the elements of every window.
  static func pooling(_ x: Block, _ window: Window2D, _ combine: ([Double]) -> Double) -> Block {
    let (height, width, channels) = (x.dimensions[1], x.dimensions[2], x.dimensions[3])
    let vertical = taps(window, axis: 0, input: height)
    let horizontal = taps(window, axis: 1, input: width)
    var values: [Double] = []
    for image in 0..<x.dimensions[0] {
      for rows in vertical {
        for columns in horizontal {
          for channel in 0..<channels {
            values.append(
              combine(
                rows.flatMap { row in
                  columns.map {
                    x.values[((image * height + row.at) * width + $0.at) * channels + channel]
                  }
                }))
          }
        }
      }
    }
    return Block([x.dimensions[0], vertical.count, horizontal.count, channels], values)
  }

  static func maximum(_ values: [Double]) -> Double { values.max() ?? 0 }
  static func average(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}
