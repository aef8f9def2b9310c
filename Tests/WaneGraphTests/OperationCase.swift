import Testing
import WaneTensor

@testable import WaneGraph

/// One operation with operands, and what it has to compute.
struct OperationCase: Sendable, CustomTestStringConvertible {
  /// One operand.
  struct Operand: Sendable {
    let type: ValueType
    /// Where random values lie; for integers, from 0 to below the upper bound.
    var range: ClosedRange<Float> = -1...1
    /// Values instead of random ones (operands without a batch).
    var values: [Float]?
  }

  /// The operation's name in `Graph.operations` or `Graph.internalOperations`.
  let name: String
  /// What is special about this case.
  let detail: String
  let operands: [Operand]
  /// The operands for which the gradient is checked.
  var differentiable: [Int] = []
  /// Whether the gradient of the gradient is checked, too.
  var isTwice = true
  var batches = [1, 3]
  var tolerance = 2e-6
  /// The gradients of the differentiable operands, given operands and the gradient of the first result, for
  /// operations whose gradient is a rule of its own rather than the derivative (rounding).
  var rule: (@Sendable ([Block], Block) -> [Block])?
  /// What the operation can be compiled for.
  var modes: [ProgramMode] = [.training, .inference]
  /// Adds the operation; the values it returns are compared.
  let build: @Sendable (inout Graph, [Value]) throws -> [Value]
  /// The same in plain loops and double precision.
  ///
  /// Not given the batch: it is the first extent.
  let reference: @Sendable ([Block]) -> [Block]

  var hasSecondDerivative: Bool { isTwice && rule == nil && !differentiable.isEmpty }

  var testDescription: String { detail.isEmpty ? name : "\(name): \(detail)" }

  /// The values of the operands for a batch.
  func sample(batch: Int) throws -> [Tensor] {
    var sampler = Sampler("\(testDescription)/\(batch)")
    return try operands.map { operand in
      let shape = try operand.type.shape(batch: batch)
      if let values = operand.values { return try Tensor(values, shape) }
      let limit = Int(operand.range.upperBound)
      switch operand.type.dtype {
      case .f32: return try sampler.tensor(shape.dimensions, in: operand.range)
      case .u8: return try sampler.bytes(shape.dimensions, below: limit)
      default:
        return try Tensor(sampler.integers(shape.count, below: limit).map { Int32($0) }, shape)
      }
    }
  }

  /// The same graph with the operands that are read by name as its parameters, which kernels may
  /// bring into a layout of their own.
  func withConstants(_ graph: Graph, _ tensors: [Tensor]) throws -> Graph {
    try graph.rewritten { _, node, _, graph in
      guard let read = node.operation as? ParameterRead, read.name.hasPrefix("operand"),
        let index = Int(read.name.dropFirst("operand".count))
      else { return nil }
      let value = try tensors[index].reshaped(Shape(read.dimensions))
      return [try graph.add(parameter: Parameter(read.name, value), layer: "")]
    }
  }

  /// A graph of the operation alone: batched operands are inputs, the others are read by name.
  func graph() throws -> (graph: Graph, operands: [Value], results: [Value]) {
    var graph = Graph()
    var values: [Value] = []
    for (index, operand) in operands.enumerated() {
      let leaf: any Operation =
        operand.type.isBatched
        ? Input(index: index, type: operand.type)
        : ParameterRead(name: "operand\(index)", dimensions: operand.type.dimensions)
      values.append(try graph.add(one: leaf, []))
    }
    let results = try build(&graph, values)
    graph.outputs = results
    return (graph, values, results)
  }

  /// A runner that feeds the operands.
  func runner(_ tensors: [Tensor], mode: ProgramMode = .training) -> GraphRunner {
    var runner = GraphRunner(mode: mode, seed: 11, step: 2)
    for (index, (operand, tensor)) in zip(operands, tensors).enumerated() {
      if operand.type.isBatched {
        runner.inputs.append(tensor)
      } else {
        runner.variables["operand\(index)"] = tensor
      }
    }
    return runner
  }
}

extension OperationCase.Operand {
  static func batched(_ dimensions: [Int], _ range: ClosedRange<Float> = -1...1) -> Self {
    Self(type: .batched(dimensions), range: range)
  }
  static func fixed(
    _ dimensions: [Int], _ range: ClosedRange<Float> = -1...1, values: [Float]? = nil
  ) -> Self {
    Self(type: .fixed(dimensions), range: range, values: values)
  }
  static func bytes(_ dimensions: [Int]) -> Self {
    Self(type: .batched(dimensions, .u8), range: 0...256)
  }
  static func classes(_ count: Int) -> Self {
    Self(type: .batched([], .i32), range: 0...Float(count))
  }
}
