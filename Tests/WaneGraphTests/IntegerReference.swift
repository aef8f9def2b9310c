import WaneTensor

@testable import WaneGraph

/// Integer arithmetic written the plain way: what compiled quantized graphs have to give bit for bit.
enum IntegerReference {
  /// `acc = bias + sum (x - zero) w`, then one rounding to the output grid.
  struct Layer {
    let codes: [Int]
    let scales: [Float]
    let bias: [Float]?
    let input: ActivationGrid
    let isReLU: Bool

    var filters: Int { bias?.count ?? 0 }

    private func scale(_ filter: Int) -> Float { scales[scales.count == 1 ? 0 : filter] }

    /// The exact sum that a filter begins with.
    func start(_ filter: Int) -> Int {
      guard let bias else { return 0 }
      let step = Double(input.scale) * Double(scale(filter))
      return Int((Double(bias[filter]) / step).rounded(.toNearestOrEven))
    }

    func code(_ sum: Int, _ filter: Int, on grid: ActivationGrid) -> UInt8 {
      let multiplier = Float(
        Double(input.scale) * Double(scale(filter)) / Double(grid.scale))
      let code = Int((Float(sum) * multiplier).rounded(.toNearestOrEven)) + grid.zero
      return UInt8(min(max(code, isReLU ? grid.zero : 0), grid.highest))
    }

    func value(_ sum: Int, _ filter: Int) -> Float {
      let value = Float(sum) * Float(Double(input.scale) * Double(scale(filter)))
      return isReLU ? max(value, 0) : value
    }
  }

  /// Exact sums of a convolution of bytes; padding is the zero point.
  static func convolution(
    _ x: [UInt8], _ image: [Int], _ window: Window2D, filters: Int, _ layer: Layer
  ) -> (sums: [Int], dimensions: [Int]) {
    let vertical = Naive.taps(window, axis: 0, input: image[0])
    let horizontal = Naive.taps(window, axis: 1, input: image[1])
    var sums: [Int] = []
    for first in stride(from: 0, to: x.count, by: image.reduce(1, *)) {
      for rows in vertical {
        for columns in horizontal {
          for filter in 0..<filters {
            var sum = layer.start(filter)
            for (i, row) in rows {
              for (j, column) in columns {
                for channel in 0..<image[2] {
                  let value = Int(x[first + (row * image[1] + column) * image[2] + channel])
                  let tap = ((i * window.size[1] + j) * image[2] + channel) * filters + filter
                  sum += (value - layer.input.zero) * layer.codes[tap]
                }
              }
            }
            sums.append(sum)
          }
        }
      }
    }
    return (sums, [vertical.count, horizontal.count, filters])
  }

  /// Exact sums of a dense layer.
  static func dense(_ x: [UInt8], inputs: Int, units: Int, _ layer: Layer) -> [Int] {
    stride(from: 0, to: x.count, by: inputs).flatMap { first in
      (0..<units).map { unit in
        (0..<inputs).reduce(layer.start(unit)) {
          $0 + (Int(x[first + $1]) - layer.input.zero) * layer.codes[$1 * units + unit]
        }
      }
    }
  }
}
