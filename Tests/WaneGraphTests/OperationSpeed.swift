import Foundation
import Testing
import WaneTensor

@testable import WaneGraph

/// The third question to every operation: how fast, forward and backward.
///
/// A measurement, not a test: it asserts nothing, and runs when asked:
///
///     WANE_OPERATION_SPEED=1 swift test -Xcc -O2 --filter OperationSpeed
@Suite(.serialized) struct OperationSpeed {
  /// Samples of a run.
  private static let batch = 64

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["WANE_OPERATION_SPEED"] != nil),
    arguments: OperationCase.all.filter {
      $0.modes.contains(.training) && $0.operands.contains { $0.type.isBatched }
    })
  func howFast(_ item: OperationCase) throws {
    let (forwardGraph, operands, results) = try item.graph()
    var graph = forwardGraph
    let tensors = try item.sample(batch: Self.batch)
    let forward = try seconds(graph, item, tensors)
    let work = graph.nodes.reduce(0.0) { $0 + Double(graph.work(of: $1)) } * Double(Self.batch)
    var line = "\(item.testDescription): \(text(forward)) forward"
    if work > 0 { line += String(format: ", %.1f GFLOP/s", 2 * work / forward / 1e9) }
    let type = graph.type(of: results[0])
    if !item.differentiable.isEmpty, type.isBatched, type.dtype == .f32 {
      let ones = try graph.add(one: BatchMean(), [perSample(results[0], &graph)])
      let targets = item.differentiable.map { operands[$0] }
      graph.outputs =
        results + (try graph.gradients(of: ones, withRespectTo: targets).compactMap { $0 })
      line += ", \(text(try seconds(graph, item, tensors))) with gradients"
    }
    print(line)
  }

  /// A number for each sample, so that there is something to differentiate.
  private func perSample(_ value: Value, _ graph: inout Graph) throws -> Value {
    let axes = Array(graph.type(of: value).dimensions.indices)
    return try graph.add(one: Reduce(.sum, axes: axes), [value])
  }

  /// The best of runs over 50 ms.
  private func seconds(_ graph: Graph, _ item: OperationCase, _ tensors: [Tensor]) throws -> Double
  {
    let runner = item.runner(tensors)
    let copies = try runner.variables.mapValues { try $0.copied() }
    let bound = copies.mapValues { tensor in
      tensor.withBytes { UnsafeMutableRawPointer(mutating: $0.baseAddress) }
    }.compactMapValues { $0 }
    let program = try Program(
      graph, batch: Self.batch, mode: .training,
      weights: WeightStore(graph.parameters, bound: bound))
    return try withExtendedLifetime(copies) {
      _ = try runner.run(program, graph)
      var best = Double.infinity
      let end = Clock.seconds() + 0.05
      repeat {
        let start = Clock.seconds()
        program.run()
        best = min(best, Clock.seconds() - start)
      } while Clock.seconds() < end
      return best
    }
  }

  private func text(_ seconds: Double) -> String { String(format: "%.1f us", seconds * 1e6) }
}
