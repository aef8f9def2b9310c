import WaneGraph
import WaneTensor

/// Says that steps of a sequence are padding, those all of whose numbers have a value.
///
/// They become zero, and later layers pass over them.
public struct MaskingLayer: Layer {
  public static let kind = "masking"
  public let name: String?
  private let value: Float

  /// Creates a masking of steps that have `value` everywhere.
  ///
  /// - Throws: when it is not finite.
  public init(value: Float = 0, name: String? = nil) throws {
    guard value.isFinite else {
      throw WaneError(Self.kind, "mask_value must be finite, got \(value)")
    }
    self.value = value
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let type = builder.type(inputs[0])
    guard type.dimensions.count == 2, type.dtype == .f32 else {
      throw WaneError(Self.kind, "takes sequences [steps, channels], got \(type)")
    }
    let padding = try builder.add(Constant(value), [], part: "mask")
    let differs = try builder.add(Compare(.notEqual), [inputs[0], padding], part: "mask")
    let numbers = try builder.add(Cast(.f32), [differs], part: "mask")
    let mask = try builder.add(Reduce(.maximum, axes: [1]), [numbers], part: "mask")
    let column = try builder.add(Reshape([type.dimensions[0], 1]), [mask])
    let result = try builder.add(Binary(.multiply), [inputs[0], column])
    builder.set(mask, of: result)
    return result
  }
}
