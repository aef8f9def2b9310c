import CKernels
import WaneTensor

/// How values between those of an image are found.
public enum Interpolation: String, CaseIterable, Sendable {
  /// The value of the pixel that is nearest.
  case nearest
  /// A weighted mean of the four pixels around, whose centres lie at halves.
  case bilinear

  init(attribute name: String, of attributes: Attributes) throws {
    let text = try attributes.string(name)
    guard let value = Interpolation(rawValue: text) else {
      throw WaneError(attributes.operation, "there is no interpolation '\(text)'")
    }
    self = value
  }
}

/// Images enlarged by whole factors: `[N, H, W, C]` to `[N, H * factors[0], W * factors[1], C]`.
public struct UpSample2D: Operation {
  public static let name = "up_sample2d"
  /// By how much height and width grow.
  public let factors: [Int]
  /// What is put between the pixels.
  public let interpolation: Interpolation

  /// Creates an enlargement.
  ///
  /// - Throws: when a factor is not in 1..65535.
  public init(_ factors: [Int], _ interpolation: Interpolation = .nearest) throws {
    guard factors.count == 2, factors.allSatisfy((1...65535).contains) else {
      throw WaneError(Self.name, "size must be two numbers of at least 1, got \(factors)")
    }
    self.factors = factors
    self.interpolation = interpolation
  }

  public init(_ attributes: Attributes) throws {
    try self.init(
      attributes.ints("factors", count: 2),
      Interpolation(attribute: "interpolation", of: attributes))
  }

  public var attributes: [String: Attribute] {
    ["factors": .ints(factors), "interpolation": .string(interpolation.rawValue)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    let image = inputs[0].dimensions
    guard inputs[0].isBatched, image.count == 3,
      image.prefix(2).allSatisfy({ (1...Int(Int32.max) / 65536).contains($0) })
    else {
      throw WaneError(Self.name, "takes images [height, width, channels], got \(inputs[0])")
    }
    return [.batched([image[0] * factors[0], image[1] * factors[1], image[2]])]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(UpSample2DGradient(self), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try resampling(context.inputTypes[0].dimensions, context)
    let x = try context.input(0).floats
    let y = context.output().floats
    return { _ in wane_resample_f32(&shape, x, y) }
  }

  /// Where each result comes from, as the kernels want it.
  fileprivate func resampling(_ image: [Int], _ context: LoweringContext) throws
    -> wane_resample_shape
  {
    func axis(_ size: Int, _ factor: Int, _ name: String) throws -> wane_resample_axis {
      var low: [Int32] = []
      var high: [Int32] = []
      var weight: [Float] = []
      for position in 0..<size * factor {
        guard interpolation == .bilinear else {
          low.append(Int32(position / factor))
          high.append(Int32(position / factor))
          weight.append(0)
          continue
        }
        let place = max((Double(position) + 0.5) / Double(factor) - 0.5, 0)
        let below = min(Int(place), size - 1)
        low.append(Int32(below))
        high.append(Int32(min(below + 1, size - 1)))
        weight.append(below == size - 1 ? 0 : Float(place - Double(below)))
      }
      return wane_resample_axis(
        low: try context.constants(low, "\(name) low"),
        high: try context.constants(high, "\(name) high"),
        weight: try context.constants(weight, "\(name) weight"))
    }
    return wane_resample_shape(
      batch: context.batch, height: image[0], width: image[1], channels: image[2],
      out_height: image[0] * factors[0], out_width: image[1] * factors[1],
      vertical: try axis(image[0], factors[0], "vertical"),
      horizontal: try axis(image[1], factors[1], "horizontal"))
  }
}

/// The gradient of an enlargement: `dy -> dx`.
public struct UpSample2DGradient: Operation {
  public static let name = "up_sample2d_gradient"
  private let forward: UpSample2D

  init(_ forward: UpSample2D) { self.forward = forward }

  public init(_ attributes: Attributes) throws { forward = try UpSample2D(attributes) }

  public var attributes: [String: Attribute] { forward.attributes }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let dimensions = inputs[0].dimensions
    guard dimensions.count == 3 else {
      throw WaneError(Self.name, "takes images [height, width, channels], got \(inputs[0])")
    }
    return [
      .batched([
        dimensions[0] / forward.factors[0], dimensions[1] / forward.factors[1], dimensions[2],
      ])
    ]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    return [try context.add(forward, [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    var shape = try forward.resampling(context.node.outputs[0].dimensions, context)
    let dy = try context.input(0).floats
    let dx = context.output().floats
    return { _ in wane_resample_grad_f32(&shape, dy, dx) }
  }
}
