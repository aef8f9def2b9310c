import Testing
import WaneTensor

@testable import WaneGraph

/// Runs a graph once with the values given for its inputs and for what it reads by name.
struct GraphRunner {
  var inputs: [Tensor] = []
  var variables: [String: Tensor] = [:]
  var mode = ProgramMode.training
  var seed: UInt64 = 0
  var step: UInt64 = 0

  /// The outputs for a batch.
  func run(_ graph: Graph, batch: Int) throws -> [Tensor] {
    let copies = try variables.mapValues { try $0.copied() }
    let bound = copies.mapValues { tensor in
      tensor.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }.compactMapValues { $0 }
    let weights = WeightStore(graph.parameters, bound: bound)
    let program = try Program(graph, batch: batch, mode: mode, weights: weights)
    return try withExtendedLifetime(copies) { try run(program, graph) }
  }

  /// The outputs of a compiled graph.
  func run(_ program: Program, _ graph: Graph) throws -> [Tensor] {
    try #require(program.inputs.count == inputs.count)
    for (buffer, tensor) in zip(program.inputs, inputs) {
      try #require(buffer.shape == tensor.shape)
      tensor.withBytes {
        if let base = $0.baseAddress {
          buffer.pointer.copyMemory(from: base, byteCount: $0.count)
        }
      }
    }
    program.run(seed: seed, step: step)
    try program.check()
    return try zip(program.outputs, graph.outputs).map { buffer, value in
      try buffer.tensor(graph.type(of: value).dtype)
    }
  }
}

extension Buffer {
  /// A copy of what the buffer holds.
  func tensor(_ dtype: DType) throws -> Tensor {
    var result = try Tensor(uninitialized: shape, dtype)
    let bytes = result.byteCount
    try result.withMutableBytes { $0.baseAddress?.copyMemory(from: pointer, byteCount: bytes) }
    return result
  }
}
