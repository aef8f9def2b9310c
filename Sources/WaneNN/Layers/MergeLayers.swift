import WaneGraph
import WaneTensor

/// What becomes of several values, element by element.
public enum Merging: String, CaseIterable, Sendable {
  case subtract, multiply, average, maximum, minimum

  fileprivate var arithmetic: Arithmetic {
    switch self {
    case .subtract: .subtract
    case .multiply: .multiply
    case .average: .add
    case .maximum: .maximum
    case .minimum: .minimum
    }
  }
}

/// Difference, product, mean, maximum or minimum of values, whose shapes are broadcast.
public struct MergeLayer: Layer {
  public static let kind = "merge"
  public let name: String?
  private let merging: Merging

  /// Creates a merging.
  public init(_ merging: Merging, name: String? = nil) {
    self.merging = merging
    self.name = name
  }

  /// `subtract`, `multiply` and so on.
  public var kind: String { merging.rawValue }

  /// Two for a difference, two or more for the others.
  public var inputCount: ClosedRange<Int> { 2...(merging == .subtract ? 2 : 1024) }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    var result = inputs[0]
    for input in inputs[1...] {
      // A sum of one shape is an operation that passes know better.
      let isSum = merging == .average && builder.type(result) == builder.type(input)
      result =
        try isSum
        ? builder.add(Add(), [result, input])
        : builder.add(Binary(merging.arithmetic), [result, input])
    }
    guard merging == .average else { return result }
    return try builder.add(Rescale(scale: 1 / Float(inputs.count)), [result])
  }

  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] { [try builder.mask(ofAny: inputs)] }
}

extension LayerBuilder {
  /// The steps that count in one of several values at least, when all of them have masks of one length.
  mutating func mask(ofAny values: [Value]) throws -> Value? {
    let masks = values.compactMap(mask)
    guard masks.count == values.count, Set(masks.map(type)).count == 1 else { return nil }
    return try masks.dropFirst().reduce(masks[0]) {
      $0 == $1 ? $0 : try add(Binary(.maximum), [$0, $1], part: "mask")
    }
  }
}

/// Values one after the other along an axis.
public struct ConcatLayer: Layer {
  public static let kind = "concat"
  public let name: String?
  private let axis: Int

  /// Creates a joining.
  ///
  /// - Parameters:
  ///   - axis: the axis of a sample, from 0, or from -1 backwards.
  ///   - name: what the layer is called.
  public init(axis: Int = -1, name: String? = nil) {
    self.axis = axis
    self.name = name
  }

  public var inputCount: ClosedRange<Int> { 1...1024 }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let type = builder.type(inputs[0])
    let place = axis < 0 ? type.dimensions.count + axis : axis
    guard type.dimensions.indices.contains(place) else {
      throw WaneError(Self.kind, "axis \(axis) is not one of a sample of \(type)")
    }
    return try builder.add(Concat(axis: place), inputs)
  }

  /// Side by side, a step counts where it does in one of them; one after the other, steps keep their
  /// masks.
  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] {
    let rank = builder.type(inputs[0]).dimensions.count
    let place = axis < 0 ? rank + axis : axis
    guard rank == 2 else { return [nil] }
    guard place == 0 else { return [try builder.mask(ofAny: inputs)] }
    let masks = try inputs.map { input in
      if let mask = builder.mask(of: input) { return mask }
      let one = try builder.add(Constant(1), [], part: "mask")
      let steps = builder.type(input).dimensions[0]
      return try builder.add(BroadcastTo([steps]), [one, input], part: "mask")
    }
    return [try builder.add(Concat(axis: 0), masks, part: "mask")]
  }
}
