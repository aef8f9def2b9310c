import CKernels
import WaneTensor

/// A graph compiled for a batch size: every shape known, every buffer placed, every kernel made.
///
/// A program belongs to one worker at a time. Running it allocates nothing.
public final class Program {
  /// One kernel of a program.
  public struct Step {
    /// The path of the layer.
    public let layer: String
    /// The name of the operation.
    public let operation: String
    /// Whether it rounds what it multiplies to bf16.
    public let roundsToBF16: Bool
    let run: Kernel
    /// The results that are floats.
    let results: [Buffer]
    /// What it may touch, where that is watched over.
    let allowed: MemoryWatch.Part
  }

  /// Samples of one run.
  public let batch: Int
  /// Bytes of the arena that holds inputs, outputs and everything between.
  public let arenaBytes: Int
  /// Bytes of scratch memory.
  public let scratchBytes: Int
  /// The inputs, to be written before a run.
  public let inputs: [Buffer]
  /// The outputs, to be read after a run.
  public let outputs: [Buffer]
  /// The kernels in order, each with the layer and operation it belongs to.
  public let steps: ContiguousArray<Step>

  private let arena: Storage
  private let scratch: Storage
  private let weights: WeightStore
  private let placement: [Value: Buffer]
  private let failure: Storage
  private let watch: MemoryWatch?

  /// What a pointer without meaning points to.
  nonisolated(unsafe) static let nowhere = UnsafeMutableRawPointer.allocate(
    byteCount: 64, alignment: 64)

  /// Compiles a graph.
  ///
  /// - Parameters:
  ///   - graph: nodes no output needs cost nothing.
  ///   - batch: samples of a run.
  ///   - totalBatch: samples of the batch of which this program runs a shard; `batch` by default.
  ///   - mode: whether it trains.
  ///   - weights: the parameters in runtime form, shared with other programs of the same graph.
  ///   - destinations: where outputs shall be written, by output index; others lie in the arena.
  ///   - precision: what large products may round their operands to.
  ///   - team: the place among workers this program runs beside; nil when it runs alone.
  /// - Throws: when memory cannot be had or an operation cannot be lowered.
  public init(
    _ graph: Graph, batch: Int, totalBatch: Int? = nil, mode: ProgramMode, weights: WeightStore,
    destinations: [Int: UnsafeMutableRawPointer] = [:], precision: Precision = .f32,
    team: TeamMember? = nil
  ) throws {
    let layout = try BufferLayout(graph, batch: batch, destinations: destinations)
    let arena = try Storage(byteCount: layout.plan.byteCount, for: "program")
    var placement: [Value: Buffer] = [:]
    for (value, place) in layout.places {
      let shape = try graph.type(of: value).shape(batch: batch)
      switch place {
      case .arena(let offset):
        placement[value] = Buffer(pointer: arena.pointer + offset, shape: shape)
      case .destination(let pointer):
        placement[value] = Buffer(pointer: pointer, shape: shape)
      }
    }

    var steps = ContiguousArray<Step>()
    var scratchBytes = 0
    let isWatched = MemoryWatch.isOn
    func buffer(_ value: Value) throws -> Buffer {
      if let buffer = placement[value] { return buffer }
      let shape = try graph.type(of: value).shape(batch: batch)
      // Views of views may follow each other for long.
      var source = value
      while true {
        if let buffer = placement[source] { return Buffer(pointer: buffer.pointer, shape: shape) }
        let producer = graph.producer(of: source)
        if let read = producer.operation as? ParameterRead {
          return Buffer(pointer: try weights.pointer(read.name), shape: shape)
        }
        guard let alias = producer.operation.aliases else {
          throw WaneError("program", "a value has no place")
        }
        source = producer.inputs[alias]
      }
    }
    for index in layout.needed {
      let node = graph.nodes[index]
      if let read = node.operation as? ParameterRead {
        if let parameter = weights.parameters[read.name],
          parameter.shape.dimensions != read.dimensions
        {
          throw WaneError(
            "program",
            "parameter '\(read.name)' is \(parameter.shape), the graph reads "
              + Shape.text(read.dimensions))
        }
        continue
      }
      if node.operation is Input { continue }
      if node.operation.aliases != nil { continue }
      var context = LoweringContext(
        node: node, inputTypes: node.inputs.map(graph.type(of:)), batch: batch,
        totalBatch: totalBatch ?? batch, mode: mode, precision: precision,
        parameterNames: node.inputs.map {
          (graph.producer(of: $0).operation as? ParameterRead)?.name
        },
        inputBuffers: node.inputs.map { value in { try buffer(value) } },
        outputBuffers: node.outputs.indices.map { placement[Value(node: index, output: $0)] },
        weights: weights, nodeKey: "\(index)", team: team)
      do {
        let run = try node.operation.lower(&context)
        let outputs = node.outputs.indices.map { Value(node: index, output: $0) }
        let touched =
          isWatched
          ? try node.inputs.map { ($0, try buffer($0)) }
            + outputs.compactMap { value in placement[value].map { (value, $0) } } : []
        steps.append(
          Step(
            layer: node.layer, operation: type(of: node.operation).name,
            roundsToBF16: context.roundsToBF16, run: run,
            results: outputs.compactMap { value in
              graph.type(of: value).dtype == .f32 ? placement[value] : nil
            },
            allowed: MemoryWatch.Part(
              buffers: touched.map { value, buffer in
                UnsafeRawBufferPointer(
                  start: buffer.pointer,
                  count: buffer.count * graph.type(of: value).dtype.byteCount)
              }, scratchBytes: context.scratchBytes)))
      } catch let error as WaneError {
        throw error.inLayer(node.layer)
      }
      scratchBytes = max(scratchBytes, context.scratchBytes)
    }
    for (output, pointer) in layout.copies {
      let source = try buffer(graph.outputs[output])
      let bytes = source.count * graph.type(of: graph.outputs[output]).dtype.byteCount
      steps.append(
        Step(
          layer: "", operation: "copy", roundsToBF16: false,
          run: { _ in pointer.copyMemory(from: source.pointer, byteCount: bytes) }, results: [],
          allowed: MemoryWatch.Part(
            buffers: [UnsafeRawBufferPointer(start: source.pointer, count: bytes)],
            scratchBytes: 0)))
    }

    self.batch = batch
    self.arena = arena
    self.arenaBytes = layout.plan.byteCount
    self.weights = weights
    self.steps = steps
    self.placement = placement
    self.scratchBytes = scratchBytes
    scratch = try Storage(byteCount: scratchBytes, for: "program")
    watch = isWatched ? MemoryWatch(arena: arena, scratch: scratch) : nil
    failure = try Storage(byteCount: 64, for: "program")
    failure.pointer.storeBytes(of: 0, as: Int32.self)
    inputs = try graph.inputs.map(buffer)
    outputs = try graph.outputs.enumerated().map { index, value in
      guard let pointer = destinations[index] else { return try buffer(value) }
      return Buffer(pointer: pointer, shape: try graph.type(of: value).shape(batch: batch))
    }
  }

  /// The buffer of a value, when it has one of its own.
  public func buffer(of value: Value) -> Buffer? { placement[value] }

  /// Runs all kernels in order.
  public func run(seed: UInt64 = 0, step: UInt64 = 0, firstSample: Int = 0) {
    let state = RunState(
      scratch: scratch.pointer, failure: failure.pointer.assumingMemoryBound(to: Int32.self),
      seed: seed, step: step, firstSample: firstSample)
    // By index: an iterator over closures allocates in unoptimised builds.
    for index in steps.indices { run(steps[index], state) }
  }

  /// Runs one kernel.
  @inline(__always)
  private func run(_ step: borrowing Step, _ state: borrowing RunState) {
    watch?.allow(step.allowed)
    step.run(state)
    watch?.allowAll()
  }

  /// Throws when a library failed in a run since the last check.
  public func check() throws {
    let code = failure.pointer.load(as: Int32.self)
    guard code != 0 else { return }
    failure.pointer.storeBytes(of: 0, as: Int32.self)
    throw WaneError(
      "program", RunFailure(rawValue: code)?.message ?? "oneDNN failed with status \(code)")
  }

  /// Runs all kernels in order and returns the first that left a number which is not finite.
  ///
  /// All are run, as others may wait for this program at a barrier.
  public func firstNonFinite(seed: UInt64, step: UInt64, firstSample: Int) -> Step? {
    let state = RunState(
      scratch: scratch.pointer, failure: failure.pointer.assumingMemoryBound(to: Int32.self),
      seed: seed, step: step, firstSample: firstSample)
    var found: Step?
    for current in steps {
      run(current, state)
      let isFine = current.results.allSatisfy { wane_all_finite_f32($0.floats, $0.count) != 0 }
      if found == nil, !isFine { found = current }
    }
    return found
  }

  /// Runs all kernels in order and adds the seconds each took to `times`.
  public func profile(into times: inout [Double]) {
    let state = RunState(
      scratch: scratch.pointer, failure: failure.pointer.assumingMemoryBound(to: Int32.self))
    if times.count != steps.count { times = [Double](repeating: 0, count: steps.count) }
    for index in steps.indices {
      let start = Clock.seconds()
      run(steps[index], state)
      times[index] += Clock.seconds() - start
    }
  }
}
