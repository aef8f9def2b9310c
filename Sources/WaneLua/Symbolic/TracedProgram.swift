import WaneGraph
import WaneTensor

/// The graph of a traced function, compiled: it runs again for every trace of the same form.
final class TracedProgram {
  private let form: Graph
  private let targets: [Value]
  private let program: Program
  private let types: [ValueType]

  /// Compiles the outputs of a graph without a batch.
  ///
  /// Later traces are compared with `form` and the `targets` of its differentiation; `graph` is what
  /// is run, with so many samples where models are called.
  init(form: Graph, targets: [Value], _ graph: Graph, batch: Int = 1) throws {
    self.form = form
    self.targets = targets
    types = graph.outputs.map(graph.type(of:))
    program = try Program(
      graph, batch: batch, mode: .training, weights: WeightStore(graph.parameters, bound: [:]))
  }

  /// Whether a trace would compile to the same program.
  func fits(_ graph: Graph, targets: [Value]) -> Bool {
    guard graph.nodes.count == form.nodes.count, graph.outputs == form.outputs,
      targets == self.targets
    else { return false }
    return zip(graph.nodes, form.nodes).allSatisfy { a, b in
      type(of: a.operation) == type(of: b.operation) && a.inputs == b.inputs
        && a.outputs == b.outputs && a.operation.attributes == b.operation.attributes
    }
  }

  /// The outputs for values of the inputs.
  func run(_ inputs: [Tensor]) throws -> [Tensor] {
    for (buffer, tensor) in zip(program.inputs, inputs) {
      tensor.withBytes { bytes in
        if let base = bytes.baseAddress {
          buffer.pointer.copyMemory(from: base, byteCount: bytes.count)
        }
      }
    }
    program.run()
    try program.check()
    return try zip(program.outputs, types).map { buffer, type in
      var result = try Tensor(uninitialized: buffer.shape, type.dtype, for: "grad")
      try result.withMutableBytes { bytes in
        bytes.baseAddress?.copyMemory(from: buffer.pointer, byteCount: bytes.count)
      }
      return result
    }
  }
}
