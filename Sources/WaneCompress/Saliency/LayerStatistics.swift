import WaneGraph
import WaneNN
import WaneTensor

/// What goes into layers and comes out of them when a model runs on samples.
struct LayerStatistics {
  /// For each weight of a kernel, the sum of the squares of what it is multiplied by, over samples and
  /// places.
  private(set) var inputs: [String: [Float]] = [:]
  /// For each kernel, the sum of the squares of what it gives, without the bias.
  private(set) var outputs: [String: Double] = [:]

  /// Samples looked at.
  private static let samples = 512
  /// Samples looked at together.
  private static let batch = 64

  /// Runs a model on the first samples of a data set.
  ///
  /// A layer `y = f(x, W)` is linear in W, and each weight meets some elements of x. Of
  /// `sum(f(x^2, W))` the derivative with respect to W is thus the sum of the squares that each weight
  /// meets, borders, strides and groups included.
  ///
  /// - Throws: when samples do not fit the model, or the user interrupts.
  init(
    of layers: [WeightedLayer], in model: Graph, data: Dataset, _ context: CompressionContext,
    verb: String
  ) throws {
    guard data.count > 0 else { throw WaneError(verb, "the data set is empty") }
    let columns = try data.slice(0..<min(Self.samples, data.count)).inputs(for: model, verb)
    var graph = try model.pruned().withoutDropout().feeding(columns.map(\.dtype), operation: verb)
    let names = Set(layers.map(\.kernel))
    let probes = try graph.appendProbes(of: names)
    guard !probes.isEmpty else { return }
    graph.outputs = probes.flatMap { [$0.inputs, $0.output] }
    let weights = WeightStore(graph.parameters, bound: [:])
    var programs: [Int: Program] = [:]
    for start in stride(from: 0, to: min(Self.samples, data.count), by: Self.batch) {
      try context.poll()
      let rows = start..<min(start + Self.batch, Self.samples, data.count)
      let program =
        try programs[rows.count]
        ?? Program(graph, batch: rows.count, mode: .inference, weights: weights)
      programs[rows.count] = program
      for (buffer, column) in zip(program.inputs, columns) {
        try column.rows(rows).withBytes { bytes in
          if let base = bytes.baseAddress {
            buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
          }
        }
      }
      program.run()
      try program.check()
      for (index, probe) in probes.enumerated() {
        let (squares, energy) = (program.outputs[2 * index], program.outputs[2 * index + 1])
        var sum =
          inputs.removeValue(forKey: probe.kernel)
          ?? [Float](repeating: 0, count: squares.count)
        for position in sum.indices { sum[position] += squares.floats[position] }
        inputs[probe.kernel] = sum
        outputs[probe.kernel, default: 0] += Double(energy.floats[0])
      }
    }
  }
}

/// Values that say something about a kernel.
private struct KernelProbe {
  let kernel: String
  /// The squares that each weight meets.
  let inputs: Value
  /// The squares of what comes out.
  let output: Value
}

extension Graph {
  /// Adds what is to be known about some kernels.
  fileprivate mutating func appendProbes(of kernels: Set<String>) throws -> [KernelProbe] {
    var leaves: [(kernel: String, leaf: Value, energy: Value)] = []
    var total: Value?
    for layer in weightedLayers() + matrixParameters() where kernels.contains(layer.kernel) {
      guard let parameter = parameters[layer.kernel] else { continue }
      var leaf: Value?
      var energy: Value?
      for index in layer.nodes {
        guard let use = use(of: layer.kernel, at: index) else { continue }
        let copy = try leaf ?? appendLeaf(parameter, layer: layer.path)
        leaf = copy
        let squares = try use.isIndex ? use.input : square(use.input)
        let read = try read(layer.kernel, layer: layer.path)
        let met = try sum(add(one: use.operation, use.operands(squares, copy), layer: layer.path))
        let given = try add(one: use.operation, use.operands(use.input, read), layer: layer.path)
        let power = try sum(square(given))
        total = try total.map { try add(one: Add(), [$0, met]) } ?? met
        energy = try energy.map { try add(one: Add(), [$0, power]) } ?? power
      }
      if let leaf, let energy { leaves.append((layer.kernel, leaf, energy)) }
    }
    guard let total else { return [] }
    let gradients = try gradients(of: total, withRespectTo: leaves.map(\.leaf))
    return zip(leaves, gradients).compactMap { leaf, gradient in
      gradient.map { KernelProbe(kernel: leaf.kernel, inputs: $0, output: leaf.energy) }
    }
  }

  private mutating func appendLeaf(_ parameter: Parameter, layer: String) throws -> Value {
    let copy = try Parameter("\(parameter.name)#probe", parameter.decoded())
    return try add(parameter: copy, layer: layer)
  }

  private mutating func square(_ value: Value) throws -> Value {
    try add(one: Binary(.multiply), [value, value])
  }

  private mutating func sum(_ value: Value) throws -> Value {
    let type = type(of: value)
    return try add(
      one: Reduce(.sum, axes: Array(type.dimensions.indices), overBatch: type.isBatched), [value])
  }

  /// How a node uses a kernel: as what, on what.
  private func use(of kernel: String, at index: Int) -> KernelUse? {
    let node = nodes[index]
    guard let operand = node.inputs.firstIndex(where: { parameter($0)?.name == kernel }) else {
      return nil
    }
    let input = node.inputs[operand == 0 && node.inputs.count > 1 ? 1 : 0]
    switch node.operation {
    case let conv as Conv2D:
      return KernelUse(Conv2D(conv.window, groups: conv.groups), input)
    case let conv as Conv2DTranspose: return KernelUse(conv, input)
    case is Dense: return KernelUse(Dense(), input)
    case let lookup as Embedding: return KernelUse(lookup, input, isIndex: true)
    case let product as MatMul: return KernelUse(product, input, isKernelFirst: operand == 0)
    case is any RecurrentOperation:
      // The second kernel is multiplied by the states of all steps.
      return KernelUse(Dense(), operand == 1 ? input : Value(node: index, output: 1))
    default: return nil
    }
  }
}

/// How a kernel is used.
private struct KernelUse {
  let operation: any Operation
  let input: Value
  let isIndex: Bool
  let isKernelFirst: Bool

  init(
    _ operation: any Operation, _ input: Value, isIndex: Bool = false, isKernelFirst: Bool = false
  ) {
    self.operation = operation
    self.input = input
    self.isIndex = isIndex
    self.isKernelFirst = isKernelFirst
  }

  func operands(_ input: Value, _ kernel: Value) -> [Value] {
    isKernelFirst ? [kernel, input] : [input, kernel]
  }
}
