import CAllocationCount
import CKernels
import Testing
import WaneTensor

@testable import WaneGraph

@Suite struct ProgramTests {
  @Test(arguments: 0..<60) func sharesMemoryWithoutChangingAnything(_ seed: Int) throws {
    let random = try RandomGraph(seed: seed, differentiates: seed % 2 == 1)
    let expected = try random.runNodeByNode()
    let actual = try random.runner.run(random.graph, batch: random.batch)
    for (index, (a, b)) in zip(actual, expected).enumerated() {
      #expect(a.array(Float.self) == b.array(Float.self), "output \(index)")
    }
  }

  /// Outputs written to places given from outside are the same, however they share buffers.
  @Test(arguments: 0..<30) func writesOutputsWhereTheyAreWanted(_ seed: Int) throws {
    let random = try RandomGraph(seed: 1000 + seed, differentiates: seed % 2 == 1)
    let (graph, batch) = (random.graph, random.batch)
    let expected = try random.runNodeByNode()
    var places = try expected.map { try Tensor(zeros: $0.shape) }
    var sampler = Sampler("destinations \(seed)")
    var destinations: [Int: UnsafeMutableRawPointer] = [:]
    for index in places.indices where sampler.integer(below: 3) > 0 {
      destinations[index] = try places[index].withMutableBytes { $0.baseAddress }
    }
    let variables = random.runner.variables
    let weights = WeightStore(
      graph.parameters,
      bound: variables.compactMapValues {
        $0.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      })
    let program = try Program(
      graph, batch: batch, mode: .training, weights: weights, destinations: destinations)
    // Twice: a run must not depend on what the one before left.
    for _ in 0..<2 {
      let outputs = try random.runner.run(program, graph)
      for index in places.indices {
        #expect(outputs[index].array(Float.self) == expected[index].array(Float.self))
        if destinations[index] != nil {
          #expect(places[index].array(Float.self) == expected[index].array(Float.self))
        }
      }
    }
    withExtendedLifetime(variables) {}
  }

  /// The memory of an operand that is still needed is not written to.
  @Test func inPlaceOnlyWhenNobodyElseLooks() throws {
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([8])), [])
    let view = try graph.add(one: Reshape([2, 4]), [x])
    let a = try graph.add(one: Activation(.relu), [x])
    let b = try graph.add(one: Rescale(scale: 2), [view])
    let c = try graph.add(one: Reshape([8]), [b])
    let sum = try graph.add(one: Add(), [c, a])
    graph.outputs = [sum, a, x]
    let values: [Float] = [-4, -3, -2, -1, 1, 2, 3, 4]
    let runner = GraphRunner(inputs: [try Tensor(values, Shape([1, 8]))])
    let outputs = try runner.run(graph, batch: 1).map { $0.array(Float.self) }
    #expect(outputs[0] == [-8, -6, -4, -2, 3, 6, 9, 12])
    #expect(outputs[1] == [0, 0, 0, 0, 1, 2, 3, 4])
    #expect(outputs[2] == values)
  }

  @Test func aLongChainTakesTheMemoryOfOneLink() throws {
    var graph = Graph()
    var x = try graph.add(one: Input(index: 0, type: .batched([1000])), [])
    for _ in 0..<500 {
      x = try graph.add(one: Activation(.sigmoid), [x])
      x = try graph.add(one: Reshape([1000]), [x])
    }
    graph.outputs = [x]
    let weights = WeightStore(graph.parameters)
    let program = try Program(graph, batch: 1, mode: .inference, weights: weights)
    #expect(program.arenaBytes == 4032)
  }

  @Test func labelsBeyondTheClassesAreReported() throws {
    var graph = Graph()
    let logits = try graph.add(one: Input(index: 0, type: .batched([3])), [])
    let labels = try graph.add(one: Input(index: 1, type: .batched([], .i32)), [])
    graph.outputs = [try graph.add(CrossEntropy(), [logits, labels])[0]]
    for label: Int32 in [3, -1, .max, .min] {
      let runner = GraphRunner(
        inputs: [try Tensor([1, 2, 3] as [Float], Shape([1, 3])), try Tensor([label])])
      let error = #expect(throws: WaneError.self) { try runner.run(graph, batch: 1) }
      #expect(error?.description == "program: a label is not one of the network's classes")
    }
  }

  @Test func sizesThatCannotBeAreErrors() throws {
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([64])), [])
    let w = try graph.add(
      parameter: Parameter("w", Tensor(zeros: Shape([64, 8]))), layer: "dense")
    graph.outputs = [try graph.add(one: Dense(), [x, w], layer: "dense")]
    let weights = WeightStore(graph.parameters)
    func compile(_ batch: Int) throws -> Program {
      try Program(graph, batch: batch, mode: .inference, weights: weights)
    }
    #expect(throws: WaneError.self) { try compile(-1) }
    #expect(throws: WaneError.self) { try compile(0) }
    #expect(throws: WaneError.self) { try compile(.max) }
    #expect(throws: WaneError.self) { try compile(1 << 42) }
    #expect(try compile(1).outputs[0].shape.dimensions == [1, 8])
  }

  @Test func aReadThatDoesNotFitItsParameterIsRefused() throws {
    var graph = Graph()
    let x = try graph.add(one: Input(index: 0, type: .batched([64])), [])
    _ = try graph.add(parameter: Parameter("w", Tensor(zeros: Shape([2, 2]))), layer: "dense")
    let w = try graph.add(one: ParameterRead(name: "w", dimensions: [64, 100]), [])
    graph.outputs = [try graph.add(one: Dense(), [x, w])]
    let error = #expect(throws: WaneError.self) {
      try Program(graph, batch: 1, mode: .inference, weights: WeightStore(graph.parameters))
    }
    #expect(error?.description == "program: parameter 'w' is 2x2, the graph reads 64x100")
    let missing = try graph.add(one: ParameterRead(name: "none", dimensions: [64, 1]), [])
    graph.outputs = [try graph.add(one: Dense(), [x, missing])]
    #expect(throws: WaneError.self) {
      try Program(graph, batch: 1, mode: .inference, weights: WeightStore(graph.parameters))
    }
  }

  @Test(arguments: [1, 3, 5, 7]) func aRunAllocatesNothing(_ seed: Int) throws {
    let random = try RandomGraph(seed: seed, differentiates: true)
    let variables = random.runner.variables
    let weights = WeightStore(
      random.graph.parameters,
      bound: variables.compactMapValues {
        $0.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      })
    let program = try Program(
      random.graph, batch: random.batch, mode: .training, weights: weights)
    // The first run may make what a thread needs once.
    _ = try random.runner.run(program, random.graph)
    let before = allocation_count()
    for step in 0..<100 { program.run(step: UInt64(step)) }
    #expect(allocation_count() == before)
    withExtendedLifetime(variables) {}
  }

  @Test(arguments: ["lstm", "gru", "simple_rnn", "attention"])
  func aStepOfSequencesAllocatesNothing(_ name: String) throws {
    let item = try #require(OperationCase.all.first { $0.name == name })
    var (graph, operands, results) = try item.graph()
    let type = graph.type(of: results[0])
    let wanted = try graph.add(one: Input(index: 100, type: type), [])
    let losses = try graph.add(SquaredError(), [results[0], wanted])
    let loss = try graph.add(one: BatchMean(), [losses[0]])
    let gradients = try graph.gradients(
      of: loss, withRespectTo: item.differentiable.map { operands[$0] })
    graph.outputs = [loss] + gradients.compactMap { $0 }
    var runner = try item.runner(item.sample(batch: 3))
    runner.inputs.append(try Tensor(zeros: type.shape(batch: 3)))
    let variables = runner.variables
    let weights = WeightStore(
      graph.parameters,
      bound: variables.compactMapValues {
        $0.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
      })
    let program = try Program(graph, batch: 3, mode: .training, weights: weights)
    _ = try runner.run(program, graph)
    let before = allocation_count()
    for step in 0..<100 { program.run(step: UInt64(step)) }
    #expect(allocation_count() == before)
    withExtendedLifetime(variables) {}
  }

  #if compiler(>=6.2)
    // Injected failures concern the whole process, so this runs in one of its own.
    @Test func memoryMayRunOutAnywhere() async {
      await #expect(processExitsWith: .success) {
        var failures = 0
        for count in 0..<60 {
          let random = try RandomGraph(seed: 3, differentiates: true)
          let before = wane_memory_live_bytes()
          wane_memory_fail_after(Int64(count))
          do {
            _ = try random.runner.run(random.graph, batch: random.batch)
          } catch let error as WaneError where error.kind == .memory {
            failures += 1
          }
          wane_memory_fail_after(-1)
          guard wane_memory_live_bytes() == before else { throw WaneError("test", "leaks") }
        }
        guard failures > 5, failures < 60 else { throw WaneError("test", "\(failures) failures") }
      }
    }
  #endif
}
