import WaneGraph
import WaneTensor

/// The rows that a layer multiplies its kernel with, taken from its operand: patches of an image, or
/// rows as they are.
///
/// The kernel counts as a matrix of K rows and O columns; of a convolution with groups, each group has
/// one.
struct KernelRows {
  /// Groups of the layer.
  let groups: Int
  /// Rows of the kernel of a group.
  let height: Int
  /// Columns of the kernel of a group.
  let width: Int
  private let window: Window2D?
  private let image: [Int]
  private let output: [Int]

  /// Finds out about a layer; nil when it is neither a convolution nor a dense layer.
  init?(_ node: Node, operand: ValueType, kernel: Shape) {
    let columns = kernel.dimensions.last ?? 1
    switch node.operation {
    case let conv as Conv2D where operand.dimensions.count == 3 && kernel.rank == 4:
      window = conv.window
      groups = conv.groups
      output = Array(node.outputs[0].dimensions.prefix(2))
    case is Dense:
      window = nil
      groups = 1
      output = []
    default: return nil
    }
    guard groups > 0, columns > 0, columns % groups == 0 else { return nil }
    image = operand.dimensions
    height = kernel.count / columns
    width = columns / groups
  }

  /// Places of a sample: those of the result of a convolution, or the rows of a sequence.
  var places: Int {
    window == nil ? image.dropLast().reduce(1, *) : output.reduce(1, *)
  }

  /// The rows of one group at some places of every sample, one after another.
  ///
  /// - Parameters:
  ///   - operand: samples of the layer's first operand.
  ///   - group: the group.
  ///   - places: which places, the same for every sample.
  /// - Returns: `height` numbers for each place of each sample.
  func rows(_ operand: Tensor, group: Int, at places: [Int]) -> [Float] {
    let samples = operand.shape[0]
    var rows = [Float](repeating: 0, count: samples * places.count * height)
    operand.with(Float.self) { values in
      var target = 0
      for sample in 0..<samples {
        for place in places {
          if window == nil {
            let start = (sample * self.places + place) * height
            for index in 0..<height { rows[target + index] = values[start + index] }
          } else {
            copyPatch(values, sample, group, place, &rows, target)
          }
          target += height
        }
      }
    }
    return rows
  }

  private func copyPatch(
    _ values: UnsafeBufferPointer<Float>, _ sample: Int, _ group: Int, _ place: Int,
    _ rows: inout [Float], _ start: Int
  ) {
    guard let window else { return }
    let (high, wide, channels) = (image[0], image[1], image[2])
    let inside = channels / groups
    let top =
      place / output[1] * window.strides[0] - window.extent(high, axis: 0).before
    let left =
      place % output[1] * window.strides[1] - window.extent(wide, axis: 1).before
    var target = start
    for row in 0..<window.size[0] {
      let y = top + row * window.dilation[0]
      for column in 0..<window.size[1] {
        let x = left + column * window.dilation[1]
        if (0..<high).contains(y), (0..<wide).contains(x) {
          let source = ((sample * high + y) * wide + x) * channels + group * inside
          for channel in 0..<inside { rows[target + channel] = values[source + channel] }
        }
        target += inside
      }
    }
  }

  /// The columns of one group of what the layer gives, at some places of every sample.
  func columns(_ result: Tensor, group: Int, at places: [Int]) -> [Float] {
    let (samples, total) = (result.shape[0], groups * width)
    var columns: [Float] = []
    columns.reserveCapacity(samples * places.count * width)
    result.with(Float.self) { values in
      for sample in 0..<samples {
        for place in places {
          let start = (sample * self.places + place) * total + group * width
          columns += values[start..<start + width]
        }
      }
    }
    return columns
  }
}
