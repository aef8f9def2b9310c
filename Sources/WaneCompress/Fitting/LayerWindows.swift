import WaneGraph
import WaneTensor

/// What a convolution or dense layer sees of its operand, as rows of a matrix: a window, flattened as
/// its kernel is, for some places of each sample.
struct LayerWindows {
  /// Numbers a row.
  let size: Int
  /// Places of a sample that are looked at.
  let places: Int
  private let window: Window2D?
  private let image: [Int]
  private let output: [Int]

  /// How a layer looks at its operand.
  ///
  /// - Parameters:
  ///   - node: a convolution without groups, or a dense layer.
  ///   - model: where it stands.
  ///   - places: how many places of a sample are looked at, where there are as many.
  init?(_ node: Node, in model: Graph, places: Int) {
    image = model.type(of: node.inputs[0]).dimensions
    output = node.outputs[0].dimensions
    let channels = image.last ?? 1
    let available = output.dropLast().reduce(1, *)
    if let convolution = node.operation as? Conv2D {
      guard convolution.groups == 1 else { return nil }
      window = convolution.window
      size = convolution.window.size.reduce(channels, *)
    } else if node.operation is Dense {
      window = nil
      size = channels
    } else {
      return nil
    }
    self.places = min(places, available)
  }

  /// The places of a sample, told by its number, so that several values are looked at in the same ones.
  private func chosen(_ sample: Int) -> [Int] {
    let available = output.dropLast().reduce(1, *)
    guard places < available else { return Array(0..<available) }
    var random = SplitMix64(seed: UInt64(sample))
    return (0..<places).map { _ in Int(random.next() % UInt64(available)) }
  }

  /// The rows for some samples of the operand.
  ///
  /// - Parameters:
  ///   - operand: `[N, H, W, C]` for a convolution.
  ///   - first: the number of the first sample.
  /// - Returns: `N * places` rows.
  func rows(_ operand: Tensor, first: Int) -> [Float] {
    let samples = operand.shape[0]
    let step = image.reduce(1, *)
    var rows: [Float] = []
    rows.reserveCapacity(samples * places * size)
    operand.with(Float.self) { values in
      for sample in 0..<samples {
        for place in chosen(first + sample) {
          if let window {
            append(&rows, values, at: sample * step, window, place)
          } else {
            let start = sample * step + place * size
            rows.append(contentsOf: values[start..<start + size])
          }
        }
      }
    }
    return rows
  }

  private func append(
    _ rows: inout [Float], _ values: UnsafeBufferPointer<Float>, at start: Int, _ window: Window2D,
    _ place: Int
  ) {
    let (height, width, channels) = (image[0], image[1], image[2])
    let (line, column) = (place / output[1], place % output[1])
    let top = line * window.strides[0] - window.extent(height, axis: 0).before
    let left = column * window.strides[1] - window.extent(width, axis: 1).before
    for i in 0..<window.size[0] {
      for j in 0..<window.size[1] {
        let (y, x) = (top + i * window.dilation[0], left + j * window.dilation[1])
        if (0..<height).contains(y), (0..<width).contains(x) {
          let from = start + (y * width + x) * channels
          rows.append(contentsOf: values[from..<from + channels])
        } else {
          rows.append(contentsOf: repeatElement(0, count: channels))
        }
      }
    }
  }

  /// What a value of the layer's output shape has at the same places, some of its channels.
  ///
  /// - Parameters:
  ///   - result: `[N, ..., O]`.
  ///   - channels: positions of channels to take.
  ///   - first: the number of the first sample.
  /// - Returns: `N * places` rows of so many numbers.
  func targets(_ result: Tensor, channels: [Int], first: Int) -> [Float] {
    let samples = result.shape[0]
    let all = max(result.shape.dimensions.last ?? 1, 1)
    let step = result.count / max(samples, 1)
    var rows: [Float] = []
    rows.reserveCapacity(samples * places * channels.count)
    result.with(Float.self) { values in
      for sample in 0..<samples {
        for place in chosen(first + sample) {
          for channel in channels { rows.append(values[sample * step + place * all + channel]) }
        }
      }
    }
    return rows
  }
}
