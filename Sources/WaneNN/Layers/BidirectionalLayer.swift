import WaneGraph
import WaneTensor

/// How the two halves of a bidirectional layer become one result.
public enum MergeMode: String, CaseIterable, Sendable {
  case concat, sum, mul, ave
}

/// A recurrent layer twice, once in each direction (Schuster and Paliwal, 1997).
///
/// The parameters of the halves are in `forward/` and `backward/`. Results of the backward half stand
/// where their steps do.
public struct BidirectionalLayer: Layer {
  public static let kind = "bidirectional"
  public let name: String?
  let layer: any RecurrentLayer
  let mergeMode: MergeMode

  /// Runs a layer in both directions.
  ///
  /// - Throws: when the layer goes backwards already.
  public init(_ layer: any RecurrentLayer, mergeMode: MergeMode = .concat, name: String? = nil)
    throws
  {
    guard !layer.options.goesBackwards else {
      throw WaneError(Self.kind, "takes a layer that goes forwards; it goes backwards by itself")
    }
    self.layer = layer
    self.mergeMode = mergeMode
    self.name = name
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    let halves = [
      try layer.build(&builder, inputs, direction: .forward, part: "forward"),
      try layer.build(&builder, inputs, direction: .backwardAligned, part: "backward"),
    ]
    switch mergeMode {
    case .concat:
      let channels = builder.type(halves[0]).dimensions.count - 1
      return try builder.add(Concat(axis: channels), halves)
    case .mul: return try builder.add(Binary(.multiply), halves)
    case .sum: return try builder.add(Add(), halves)
    case .ave: return try builder.add(Rescale(scale: 0.5), [builder.add(Add(), halves)])
    }
  }
}
