import WaneGraph
import WaneTensor

/// A convolution or dense layer as numbers: `y = x W + b`.
struct LinearLayer {
  /// The window; nil for a dense layer.
  var window: Window2D?
  /// Height and width of the kernel; ones for a dense layer.
  var size: [Int]
  /// Channels that are read and made.
  var (inputs, outputs): (Int, Int)
  /// `[KH, KW, C, O]`, row by row.
  var weights: [Double]
  /// `[O]`.
  var bias: [Double]
  /// Zeros put before the image, along each axis.
  var before: [Int]
  /// Whether windows reach beyond the image.
  var isPadded: Bool

  /// What a node computes; nil when it is another kind of layer, or its weights live under constraints
  /// that other weights would not keep, or are used elsewhere too.
  init?(_ node: Node, in model: Graph, readers: [String: Int]) throws {
    let convolution = node.operation as? Conv2D
    guard convolution?.groups == 1 || node.operation is Dense,
      let kernel = model.parameter(node.inputs[1]), Self.isFree(kernel, readers)
    else { return nil }
    if node.inputs.count > 2 {
      guard let bias = model.parameter(node.inputs[2]), Self.isFree(bias, readers) else {
        return nil
      }
      self.bias = try bias.decoded().with(Float.self) { $0.map(Double.init) }
    } else {
      bias = Array(repeating: 0, count: kernel.shape.dimensions.last ?? 1)
    }
    window = convolution?.window
    size = convolution?.window.size ?? [1, 1]
    (inputs, outputs) = (node.inputs(of: model), kernel.shape.dimensions.last ?? 1)
    weights = try kernel.decoded().with(Float.self) { $0.map(Double.init) }
    before = [0, 0]
    if let window {
      let image = model.type(of: node.inputs[0]).dimensions
      before = (0..<2).map { window.extent(image[$0], axis: $0).before }
    }
    isPadded = node.isPadded(model)
  }

  /// A factor and a term for each channel; `window` is that of a layer of the same kind.
  init(factors: [Double], terms: [Double], isConvolution: Bool) throws {
    window =
      isConvolution ? try Window2D(Conv2D.name, size: [1, 1], strides: [1, 1]) : nil
    size = [1, 1]
    (inputs, outputs) = (factors.count, factors.count)
    weights = Array(repeating: 0, count: factors.count * factors.count)
    for (channel, factor) in factors.enumerated() {
      weights[channel * factors.count + channel] = factor
    }
    bias = terms
    before = [0, 0]
    isPadded = false
  }

  private static func isFree(_ parameter: Parameter, _ readers: [String: Int]) -> Bool {
    if case .dense = parameter.payload {
      return !parameter.isMasked && readers[parameter.name] == 1
    }
    return false
  }

  /// Whether each result depends on one place alone.
  var isPointwise: Bool { size == [1, 1] }

  /// Whether it goes over the image place by place.
  private var hasUnitStrides: Bool { window.map { $0.strides == [1, 1] } ?? true }

  private var isDilated: Bool { window.map { $0.dilation != [1, 1] && size != [1, 1] } ?? false }

  // MARK: One after the other

  /// This layer and another one on its result, as one; or why that would not be the same.
  func followed(by next: LinearLayer) throws -> Result<LinearLayer, NotExact> {
    guard (window == nil) == (next.window == nil) else {
      return .failure(NotExact(reason: "is of another kind"))
    }
    if next.isPointwise { return try followed(byPoint: next) }
    if isPointwise, hasUnitStrides {
      guard !next.isPadded || bias.allSatisfy({ $0 == 0 }) else {
        return .failure(
          NotExact(reason: "its padding is not what the bias before it makes of zeros"))
      }
    } else if !(hasUnitStrides && !isPadded && !next.isPadded && !isDilated && !next.isDilated) {
      return .failure(
        NotExact(reason: "two windows make one only without padding, steps and dilation"))
    }
    var result = composed(next)
    if var window = next.window {
      window.size = result.size
      result.window = window
    }
    result.before = next.before
    result.isPadded = next.isPadded
    return .success(result)
  }

  /// A window and then single places.
  private func followed(byPoint next: LinearLayer) throws -> Result<LinearLayer, NotExact> {
    var result = composed(next)
    result.before = before
    result.isPadded = isPadded
    guard let own = window, let other = next.window else { return .success(result) }
    guard next.hasUnitStrides || (!isPadded && !isDilated) else {
      return .failure(NotExact(reason: "it takes steps over a padded image"))
    }
    result.window = try Window2D(
      Conv2D.name, size: own.size, strides: zip(own.strides, other.strides).map { $0 * $1 },
      dilation: own.dilation, padding: own.padding)
    return .success(result)
  }

  /// The product of the weights: places of both windows add up.
  private func composed(_ next: LinearLayer) -> LinearLayer {
    var result = self
    result.size = zip(size, next.size).map { $0 + $1 - 1 }
    result.outputs = next.outputs
    result.weights = Array(
      repeating: 0, count: result.size[0] * result.size[1] * inputs * next.outputs)
    result.bias = next.bias
    for (i, j) in next.places {
      for middle in 0..<outputs {
        let row = ((i * next.size[1] + j) * outputs + middle) * next.outputs
        for output in 0..<next.outputs {
          let factor = next.weights[row + output]
          result.bias[output] += bias[middle] * factor
          for (y, x) in places {
            for input in 0..<inputs {
              let from = ((y * size[1] + x) * inputs + input) * outputs + middle
              let place = (y + i) * result.size[1] + x + j
              result.weights[(place * inputs + input) * next.outputs + output] +=
                weights[from] * factor
            }
          }
        }
      }
    }
    return result
  }

  private var places: [(Int, Int)] {
    (0..<size[0]).flatMap { y in (0..<size[1]).map { (y, $0) } }
  }

  // MARK: Side by side

  /// The sum of this layer and another one of the same operand, with the window of this one; or why
  /// there is none.
  func added(_ other: LinearLayer) -> Result<LinearLayer, NotExact> {
    guard (window == nil) == (other.window == nil), inputs == other.inputs,
      outputs == other.outputs
    else { return .failure(NotExact(reason: "is of another kind")) }
    guard window?.strides == other.window?.strides else {
      return .failure(NotExact(reason: "takes other steps"))
    }
    guard !isDilated, !other.isDilated else { return .failure(NotExact(reason: "is dilated")) }
    let offset = zip(before, other.before).map { $0 - $1 }
    guard (0..<2).allSatisfy({ offset[$0] >= 0 && offset[$0] + other.size[$0] <= size[$0] }) else {
      return .failure(NotExact(reason: "its window does not lie within the other"))
    }
    var result = self
    for index in bias.indices { result.bias[index] += other.bias[index] }
    let row = inputs * outputs
    for (y, x) in other.places {
      let to = ((y + offset[0]) * size[1] + x + offset[1]) * row
      let from = (y * other.size[1] + x) * row
      for index in 0..<row { result.weights[to + index] += other.weights[from + index] }
    }
    return .success(result)
  }

  // MARK: Back into a graph

  /// The operation.
  func operation(isReLUFused: Bool) -> any Operation {
    window.map { Conv2D($0, isReLUFused: isReLUFused) } ?? Dense(isReLUFused: isReLUFused)
  }

  /// Kernel and bias.
  ///
  /// - Throws: when memory cannot be had.
  func parameters(kernel: String, bias name: String) throws -> [Parameter] {
    let shape = try Shape((window == nil ? [] : size) + [inputs, outputs])
    return [
      try Parameter(kernel, Tensor(weights.map { Float($0) }, shape)),
      try Parameter(name, Tensor(bias.map { Float($0) })),
    ]
  }
}

/// Why two layers do not make one that computes the same.
struct NotExact: Error {
  /// In a few words.
  let reason: String
}

extension Node {
  /// The channels of the first operand.
  fileprivate func inputs(of model: Graph) -> Int { model.type(of: inputs[0]).channels }
}
