import WaneGraph
import WaneTensor

/// Builds graphs from layers.
public struct ModelBuilder {
  private var graph = Graph()
  private var masks: [Value: Value] = [:]
  private let seed: UInt64
  // The identities are held, lest another object gets the address of one that is gone.
  private var paths: [ObjectIdentifier: (identity: LayerIdentity, path: String)] = [:]
  private var taken = Set<String>()
  /// The next number to try for a name of each kind, so that long chains are named in linear time.
  private var numbers: [String: Int] = [:]
  private var ordinal = 0

  private init(seed: UInt64) { self.seed = seed }

  /// A chain of layers, the first of which is an input.
  ///
  /// - Throws: when there is no input first, or a layer does not fit what precedes it.
  public static func sequential(_ layers: [any Layer], seed: UInt64 = 0) throws -> Graph {
    guard let first = layers.first, first is InputLayer else {
      throw WaneError(
        "sequential", "the first layer must be an input, such as nn.input { 28, 28, 1 }")
    }
    var builder = ModelBuilder(seed: seed)
    var value: Value?
    for (index, layer) in layers.enumerated() {
      if index > 0, layer is InputLayer {
        throw WaneError("sequential", "layer \(index + 1) is an input; only the first may be one")
      }
      let inputs = value.map { [$0] } ?? []
      guard layer.inputCount.contains(inputs.count) else {
        throw WaneError(
          "sequential", "layer \(index + 1) (\(layer.kind)) does not take one value")
      }
      guard layer.outputCount == 1 else {
        throw WaneError(
          "sequential",
          "layer \(index + 1) (\(layer.kind)) has \(layer.outputCount) results; nn.model can take "
            + "them apart")
      }
      value = try builder.apply(layer, LayerIdentity(), inputs)[0]
    }
    return try builder.model([value].compactMap { $0 })
  }

  /// A model between symbolic values.
  ///
  /// - Throws: when an output depends on an input that is not listed, or a layer does not fit.
  public static func functional(
    inputs: [SymbolicValue], outputs: [SymbolicValue], seed: UInt64 = 0
  ) throws -> Graph {
    guard !inputs.isEmpty, !outputs.isEmpty else {
      throw WaneError("model", "needs at least one input and one output")
    }
    var builder = ModelBuilder(seed: seed)
    // By what was applied, the results of a layer.
    var built: [ObjectIdentifier: [Value]] = [:]
    for input in inputs {
      guard input.layer is InputLayer else {
        throw WaneError("model", "inputs must be made by nn.input")
      }
      guard built[input.application] == nil else {
        throw WaneError("model", "an input is listed twice")
      }
      built[input.application] = try builder.apply(input.layer, input.identity, [])
    }
    // Depth first without recursion: a chain may be longer than the stack is deep.
    for output in outputs {
      var stack = [output]
      while let symbol = stack.last {
        if built[symbol.application] != nil {
          stack.removeLast()
          continue
        }
        if symbol.layer is InputLayer {
          throw WaneError("model", "an output depends on an input that is not listed")
        }
        let missing = symbol.inputs.filter { built[$0.application] == nil }
        if missing.isEmpty {
          let values = symbol.inputs.compactMap { built[$0.application]?[$0.output] }
          built[symbol.application] = try builder.apply(
            symbol.layer, symbol.identity, values)
          stack.removeLast()
        } else {
          stack.append(contentsOf: missing.reversed())
        }
      }
    }
    return try builder.model(outputs.compactMap { built[$0.application]?[$0.output] })
  }

  /// The model with these outputs: those that have a mask say so, and masks that nothing looks at are
  /// left out.
  private func model(_ outputs: [Value]) throws -> Graph {
    var graph = graph
    graph.outputs = try outputs.map { output in
      guard let mask = masks[output] else { return output }
      return try graph.add(one: Masked(), [output, mask], layer: graph.producer(of: output).layer)
    }
    return masks.isEmpty ? graph : try graph.pruned()
  }

  private mutating func apply(_ layer: any Layer, _ identity: LayerIdentity, _ inputs: [Value])
    throws -> [Value]
  {
    let path = try self.path(of: layer, identity)
    ordinal += 1
    var builder = LayerBuilder(
      graph: graph, path: path, seed: seed, ordinal: ordinal, masks: masks)
    // The builder holds the graph while the layer appends to it.
    graph = Graph()
    do {
      let values = try layer.buildAll(&builder, inputs)
      if inputs.contains(where: { masks[$0] != nil }) {
        // A layer that does nothing returns what it was given, whose mask stays.
        let found = try layer.masks(&builder, of: inputs, for: values)
        for case (let value, let mask?) in zip(values, found) { builder.set(mask, of: value) }
      }
      graph = builder.graph
      masks = builder.masks
      return values
    } catch let error as WaneError {
      throw error.inLayer(path)
    }
  }

  private mutating func path(of layer: any Layer, _ identity: LayerIdentity) throws -> String {
    if let known = paths[ObjectIdentifier(identity)] { return known.path }
    let kind = layer.kind
    var path = layer.name ?? kind
    if layer.name != nil {
      guard !path.isEmpty, !path.contains("#") else {
        throw WaneError(kind, "a layer cannot be called '\(path)'")
      }
      guard !taken.contains(path) else {
        throw WaneError(kind, "there are two layers called '\(path)'")
      }
    } else {
      var number = numbers[kind] ?? 0
      while taken.contains(path) {
        number += 1
        path = "\(kind)_\(number)"
      }
      numbers[kind] = number
    }
    taken.insert(path)
    paths[ObjectIdentifier(identity)] = (identity, path)
    return path
  }
}
