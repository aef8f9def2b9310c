import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let losses: [OperationCase] = [
    OperationCase(
      name: "batch_mean", detail: "", operands: [.batched([])], differentiable: [0],
      batches: [1, 2, 7], build: { try $0.add(BatchMean(), $1) },
      reference: { [Block([], [Naive.average($0[0].values)])] }),
    OperationCase(
      name: "squared_error", detail: "rows", operands: [.batched([6]), .batched([6])],
      differentiable: [0], build: { [try $0.add(SquaredError(), $1)[0]] },
      reference: { [squaredError($0)] }),
    OperationCase(
      name: "squared_error", detail: "images",
      operands: [.batched([2, 3, 2]), .batched([2, 3, 2])],
      differentiable: [0], build: { [try $0.add(SquaredError(), $1)[0]] },
      reference: { [squaredError($0)] }),
    OperationCase(
      name: "cross_entropy", detail: "classes", operands: [.batched([7], -3...3), .classes(7)],
      differentiable: [0], batches: [1, 4],
      build: {
        let results = try $0.add(CrossEntropy(), $1)
        return [results[0], results[2]]
      },
      reference: { operands in
        let losses = Naive.perSample(operands[0], operands[1]) { -Naive.logSoftmax($0)[Int($1[0])] }
        let hits = Naive.perSample(operands[0], operands[1]) {
          $0.firstIndex(of: Naive.maximum($0)) == Int($1[0]) ? 1 : 0
        }
        return [losses, Block([], [hits.values.reduce(0, +)])]
      }),
    OperationCase(
      name: "cross_entropy", detail: "distributions",
      operands: [.batched([5], -3...3), .batched([5], 0...1)], differentiable: [0],
      build: {
        let results = try $0.add(CrossEntropy(), $1)
        return [results[0], results[2]]
      },
      reference: { operands in
        let losses = Naive.perSample(operands[0], operands[1]) { logits, target in
          -zip(Naive.logSoftmax(logits), target).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let hits = Naive.perSample(operands[0], operands[1]) {
          $0.firstIndex(of: Naive.maximum($0)) == $1.firstIndex(of: Naive.maximum($1)) ? 1 : 0
        }
        return [losses, Block([], [hits.values.reduce(0, +)])]
      }),
    distillation([6]), distillation([3, 5]), distillation([2, 2, 4]),
    OperationCase(
      name: "log_probabilities", detail: "", operands: [.batched([5], 0.05...1)],
      differentiable: [0], build: { try $0.add(LogProbabilities(), $1) },
      reference: { [logProbabilities($0[0])] }),
    OperationCase(
      name: "log_probabilities", detail: "one probability",
      operands: [.batched([1], 0.2...1)], build: { try $0.add(LogProbabilities(), $1) },
      reference: { [logProbabilities($0[0])] }),
  ]

  private static func distillation(_ dimensions: [Int]) -> OperationCase {
    OperationCase(
      name: "distillation", detail: "\(dimensions)",
      operands: [.batched(dimensions, -4...4), .batched(dimensions, -4...4)], differentiable: [0],
      tolerance: 5e-6,
      build: { [try $0.add(DistillationLoss(temperature: 2.5), $1)[0]] },
      reference: { operands in
        let columns = dimensions[dimensions.count - 1]
        let rows = operands.map { Block([$0.count / columns, columns], $0.values) }
        let losses = Naive.perSample(rows[0], rows[1]) { student, teacher in
          let p = Naive.logSoftmax(teacher.map { $0 / 2.5 })
          let q = Naive.logSoftmax(student.map { $0 / 2.5 })
          return 6.25 * zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        return [Block(Array(operands[0].dimensions.dropLast()), losses.values)]
      })
  }

  private static func squaredError(_ operands: [Block]) -> Block {
    Naive.perSample(operands[0], operands[1]) { x, target in
      Naive.average(zip(x, target).map { ($0 - $1) * ($0 - $1) })
    }
  }

  private static func logProbabilities(_ x: Block) -> Block {
    Naive.rows(x) { row in
      let sum = row.reduce(0, +)
      return row.map { log(min(max($0 / sum, 1e-7), 1 - 1e-7)) }
    }
  }
}
