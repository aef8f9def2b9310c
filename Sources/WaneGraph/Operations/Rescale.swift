import CKernels
import WaneTensor

/// `y = x * scale + offset`, from bytes or floats to floats; how images become what a network wants.
public struct Rescale: Operation {
  public static let name = "rescale"
  /// The factor.
  public let scale: Float
  /// The term.
  public let offset: Float

  /// Creates a rescaling.
  public init(scale: Float, offset: Float = 0) {
    self.scale = scale
    self.offset = offset
  }

  public init(_ attributes: Attributes) throws {
    scale = try attributes.float("scale")
    offset = try attributes.float("offset")
  }

  public var attributes: [String: Attribute] {
    ["scale": .float(scale), "offset": .float(offset)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0].dtype == .u8 || inputs[0].dtype == .f32 else {
      throw WaneError(Self.name, "takes u8 or f32 values, got \(inputs[0])")
    }
    var type = inputs[0]
    type.dtype = .f32
    return [type]
  }

  public func isLinear(in operand: Int) -> Bool { offset == 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0],
      context.graph.type(of: context.inputs[0]).dtype == .f32
    else { return [nil] }
    return [try context.add(Rescale(scale: scale), [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output().floats
    let count = context.output().count
    if context.inputTypes[0].dtype == .u8 {
      return { [scale, offset, bytes = x.bytes] _ in
        wane_scale_u8_f32(bytes, scale, offset, y, count)
      }
    }
    return { [scale, offset, floats = x.floats] _ in
      wane_affine_f32(floats, scale, offset, y, count)
    }
  }
}
