import Testing
import WaneTensor

@testable import WaneGraph

/// The questions every operation is asked: forward, gradient, errors.
@Suite struct OperationTests {
  @Test(arguments: OperationCase.all) func computesWhatTheReferenceDoes(_ item: OperationCase)
    throws
  {
    let (graph, _, results) = try item.graph()
    for batch in item.batches {
      let tensors = try item.sample(batch: batch)
      let expected = item.reference(tensors.map(Block.init))
      try #require(expected.count == results.count)
      for mode in item.modes {
        var runner = item.runner(tensors, mode: mode)
        var graph = graph
        if mode == .inference {
          graph = try item.withConstants(graph, tensors)
          runner.variables = [:]
        }
        let actual = try runner.run(graph, batch: batch)
        for (index, (tensor, block)) in zip(actual, expected).enumerated() {
          #expect(tensor.shape.dimensions == block.dimensions)
          expectClose(
            Block(tensor).values.map { Float($0) }, block.values, within: item.tolerance,
            "batch \(batch), result \(index), \(mode)")
        }
      }
    }
  }

  @Test(arguments: OperationCase.all.filter { !$0.differentiable.isEmpty })
  func hasTheGradientOfFiniteDifferences(_ item: OperationCase) throws {
    for batch in item.batches {
      let check = try GradientCheck(item, batch: batch)
      for (operand, gradient) in try zip(item.differentiable, check.gradients()) {
        try check.compare(operand, gradient)
      }
    }
  }

  @Test(arguments: OperationCase.all.filter(\.hasSecondDerivative))
  func hasTheSecondDerivativeOfFiniteDifferences(_ item: OperationCase) throws {
    for batch in item.batches { try GradientCheck(item, batch: batch).compareTwice() }
  }

  @Test func noOperationIsForgotten() throws {
    var seen = Set(OperationCase.all.map(\.name))
    // Backward operations are checked by the gradients they are part of.
    for item in OperationCase.all where !item.differentiable.isEmpty {
      let check = try GradientCheck(item, batch: 1)
      seen.formUnion(check.operations)
      if item.hasSecondDerivative { seen.formUnion(try check.operationsOfSecond()) }
    }
    let all = Set(Graph.operations.keys).union(Graph.internalOperations.keys)
    #expect(all.subtracting(seen).sorted() == [], "operations without a case")
    #expect(seen.subtracting(all).sorted() == [], "operations missing from the lists")
    #expect(Set(Graph.operations.keys).isDisjoint(with: Graph.internalOperations.keys))
  }

  @Test(arguments: OperationCase.all) func survivesItsAttributes(_ item: OperationCase) throws {
    let (graph, _, _) = try item.graph()
    for node in graph.nodes where Graph.operations[type(of: node.operation).name] != nil {
      let type = type(of: node.operation)
      let copy = try type.init(Attributes(node.operation.attributes, of: type.name))
      #expect(copy.attributes == node.operation.attributes)
      #expect(
        try copy.infer(node.inputs.map(graph.type(of:))) == node.outputs, "\(type.name)")
    }
  }

  /// Indices and tables that do not belong together would be read beyond their ends.
  @Test func codebooksAreAsLongAsTheirIndicesSay() throws {
    func message(_ indices: [UInt8], _ shape: [Int], axis: Int?, tables: [Int]) -> String {
      do {
        let lookup = try CodebookLookup(Tensor(indices, Shape(shape)), axis: axis, pinned: nil)
        return try "\(lookup.infer([.fixed(tables)]))"
      } catch { return "\(error)" }
    }
    let fits = "\([ValueType.fixed([2, 3])])"
    #expect(message([0, 1, 2, 0, 1, 2], [2, 3], axis: nil, tables: [3]) == fits)
    #expect(message([0, 1, 2, 0, 1, 2], [2, 3], axis: 1, tables: [3, 3]) == fits)
    for axis in [0, 1, 2, nil] {
      #expect(
        message([0, 1, 2, 0, 1, 2], [2, 3], axis: axis, tables: [4, 3]).contains("tables"))
    }
    for tables in [[3], [0], [1, 3]] {
      #expect(
        message([0, 1, 3, 0, 1, 2], [2, 3], axis: nil, tables: tables)
          == "codebook_lookup: index 3 is beyond tables of \(tables.last ?? 0)")
    }
    #expect(message([0, 0], [2], axis: nil, tables: []).contains("tables"))
    #expect(message([0, 0], [2], axis: nil, tables: [1, 1, 1]).contains("tables"))
  }

  /// Whatever operands an operation that may stand in a file is given, it infers or throws.
  @Test(arguments: Graph.operations.keys.sorted()) func refusesStrangeOperands(_ name: String)
    throws
  {
    let item = try #require(OperationCase.all.first { $0.name == name })
    let (graph, _, results) = try item.graph()
    let operation = graph.producer(of: results[0]).operation
    let strange: [ValueType] = [
      .batched([]), .fixed([]), .batched([0]), .fixed([0]), .batched([3]), .fixed([3]),
      .batched([4, 5, 3]), .fixed([4, 5, 3]), .batched([0, 5, 3]), .batched([4, 5, 0]),
      .fixed([3, 3, 3, 3]), .batched([3, 3, 3, 3]), .fixed([3, 3, 0, 0]), .batched([3], .i32),
      .batched([4, 5, 3], .u8), .batched([1 << 47]), .fixed([1 << 24, 1 << 24]),
      .batched([1 << 16, 1 << 16, 1 << 16]),
    ]
    func check(_ operands: [ValueType]) throws {
      do {
        let results = try operation.infer(operands)
        for type in results { _ = try type.validated() }
        _ = operation.work(operands, results)
      } catch let error as WaneError {
        if error.operation != name && error.operation != "shape" || error.message.isEmpty {
          Issue.record("\(operands): \(error)")
        }
      }
    }
    try check([])
    for a in strange {
      try check([a])
      for b in strange {
        try check([a, b])
        if item.operands.count == 3 { for c in strange { try check([a, b, c]) } }
      }
      try check([a, a, a, a, a])
      try check([ValueType](repeating: a, count: 8))
    }
    if operation is Concat { return }  // takes as many as there are
    let count = operation is Input || operation is ParameterRead ? 1 : 9
    #expect(throws: WaneError.self) {
      try operation.infer([ValueType](repeating: .batched([3]), count: count))
    }
  }
}
