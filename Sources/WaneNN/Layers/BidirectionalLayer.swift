import WaneGraph
import WaneTensor

/// How the two halves of a bidirectional layer become one result.
public enum MergeMode: String, CaseIterable, Sendable {
  case concat, sum, mul, ave
  /// Both are results.
  case separate = "none"
}

/// A recurrent layer twice, once in each direction (Schuster and Paliwal, 1997).
///
/// The parameters of the halves are in `forward/` and `backward/`. Results of the backward half stand
/// where their steps do. First states are those of the forward half, then those of the backward half; last
/// states follow the result, or both results, in the same order. At steps that are masked, sequences
/// of results are zero, as Keras has it.
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

  private var stateCount: Int { type(of: layer).stateCount }

  public var inputCount: ClosedRange<Int> { 1...1 + 2 * stateCount }

  public var outputCount: Int {
    (mergeMode == .separate ? 2 : 1) + (layer.options.returnsState ? 2 * stateCount : 0)
  }

  public func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try buildAll(&builder, inputs)[0]
  }

  public func buildAll(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> [Value] {
    guard inputs.count == 1 || inputs.count == 1 + 2 * stateCount else {
      throw WaneError(
        Self.kind,
        "takes sequences, and a state of \(2 * stateCount) values if any, got \(inputs.count) values"
      )
    }
    let half = inputs.count / 2
    let zeroesMasked = layer.options.returnsSequences
    let forward = try layer.results(
      &builder, Array(inputs[...half]),
      RecurrentApplication(direction: .forward, part: "forward", zeroesMasked: zeroesMasked))
    let backward = try layer.results(
      &builder, [inputs[0]] + inputs[(1 + half)...],
      RecurrentApplication(
        direction: .backwardAligned, part: "backward", number: 1, zeroesMasked: zeroesMasked))
    let merged = try merge(&builder, [forward[0], backward[0]])
    return merged + forward[1...] + backward[1...]
  }

  private func merge(_ builder: inout LayerBuilder, _ halves: [Value]) throws -> [Value] {
    switch mergeMode {
    case .concat:
      let channels = builder.type(halves[0]).dimensions.count - 1
      return [try builder.add(Concat(axis: channels), halves)]
    case .mul: return [try builder.add(Binary(.multiply), halves)]
    case .sum: return [try builder.add(Add(), halves)]
    case .ave: return [try builder.add(Rescale(scale: 0.5), [builder.add(Add(), halves)])]
    case .separate: return halves
    }
  }

  public func masks(
    _ builder: inout LayerBuilder, of inputs: [Value], for outputs: [Value]
  ) throws -> [Value?] {
    let mask = layer.options.returnsSequences ? builder.mask(of: inputs[0]) : nil
    let masked = mergeMode == .separate ? 2 : 1
    return outputs.indices.map { $0 < masked ? mask : nil }
  }
}
