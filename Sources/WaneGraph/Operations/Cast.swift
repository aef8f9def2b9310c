import CKernels
import WaneTensor

/// The elements in another type: to integers towards zero and saturating, to bool whether not 0.
///
/// Converts to and from f32.
public struct Cast: Operation {
  public static let name = "cast"
  /// The type of the result.
  public let dtype: DType

  /// Converts to `dtype`.
  public init(_ dtype: DType) { self.dtype = dtype }

  public init(_ attributes: Attributes) throws {
    let text = try attributes.string("dtype")
    guard let dtype = DType(name: text) else {
      throw WaneError(Self.name, "there is no element type '\(text)'")
    }
    self.dtype = dtype
  }

  public var attributes: [String: Attribute] { ["dtype": .string(dtype.description)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0].dtype == .f32 || dtype == .f32 else {
      throw WaneError(Self.name, "converts to or from f32, not \(inputs[0]) to \(dtype)")
    }
    var type = inputs[0]
    type.dtype = dtype
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    let isSmooth = dtype == .f32 && context.graph.type(of: context.inputs[0]).dtype == .f32
    return [isSmooth ? context.outputGradients[0] : nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let count = y.count
    let signed = { (buffer: Buffer) in buffer.pointer.assumingMemoryBound(to: Int8.self) }
    let halves = { (buffer: Buffer) in buffer.pointer.assumingMemoryBound(to: UInt16.self) }
    switch (context.inputTypes[0].dtype, dtype) {
    case (.i32, .f32): return { _ in wane_cast_i32_f32(x.ints, y.floats, count) }
    case (.u8, .f32): return { _ in wane_cast_u8_f32(x.bytes, y.floats, count) }
    case (.i8, .f32):
      return { [x = signed(x)] _ in wane_cast_i8_f32(x, y.floats, count) }
    case (.bool, .f32): return { _ in wane_cast_bool_f32(x.bytes, y.floats, count) }
    case (.f16, .f32): return { [x = halves(x)] _ in wane_cast_f16_f32(x, y.floats, count) }
    case (.bf16, .f32): return { [x = halves(x)] _ in wane_cast_bf16_f32(x, y.floats, count) }
    case (_, .f16): return { [y = halves(y)] _ in wane_cast_f32_f16(x.floats, y, count) }
    case (_, .bf16): return { [y = halves(y)] _ in wane_cast_f32_bf16(x.floats, y, count) }
    case (_, .i32): return { _ in wane_cast_f32_i32(x.floats, y.ints, count) }
    case (_, .u8): return { _ in wane_cast_f32_u8(x.floats, y.bytes, count) }
    case (_, .i8):
      return { [y = signed(y)] _ in wane_cast_f32_i8(x.floats, y, count) }
    case (_, .bool): return { _ in wane_cast_f32_bool(x.floats, y.bytes, count) }
    case (.f32, .f32): return { _ in y.floats.update(from: x.floats, count: count) }
    }
  }
}
