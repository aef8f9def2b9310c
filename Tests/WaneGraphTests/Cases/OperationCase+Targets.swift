import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let targetLosses: [OperationCase] =
    [
      target("absolute error", .absoluteError) { x, t in
        Naive.average(zip(x, t).map { abs($0 - $1) })
      },
      target("huber", .huber(delta: 0.5)) { x, t in
        Naive.average(
          zip(x, t).map { x, t in
            abs(x - t) <= 0.5 ? (x - t) * (x - t) / 2 : 0.5 * abs(x - t) - 0.125
          })
      },
      target("hinge", .hinge) { x, t in
        Naive.average(zip(x, t).map { max(1 - $1 * $0, 0) })
      },
      target("binary cross entropy", .binaryCrossEntropy, targets: 0...1) { x, t in
        Naive.average(zip(x, t).map { entropy($0, $1) })
      },
      target(
        "binary focal", .binaryFocal(gamma: 2, alpha: 0.3), [35], range: -2...2, targets: 0...1
      ) { x, t in
        Naive.average(
          zip(x, t).map { x, t in
            let p = 1 / (1 + exp(-x))
            let right = p * t + (1 - p) * (1 - t)
            return pow(1 - right, 2) * entropy(x, t) * (t * 0.3 + (1 - t) * 0.7)
          })
      },
      target("focal", .focal(gamma: 1.5, alpha: 0.25), [7], targets: 0...1) { x, t in
        zip(Naive.logSoftmax(x), t).reduce(0) {
          $0 - 0.25 * $1.1 * pow(1 - exp($1.0), 1.5) * $1.0
        }
      },
      target("divergence", .divergence, [6], range: 0.1...0.9, targets: 0.1...0.9) { x, t in
        zip(x, t).reduce(0) { $0 + $1.1 * log($1.1 / $1.0) }
      },
      target("cosine", .cosineSimilarity, [6], range: 0.2...1) { x, t in
        -zip(x, t).reduce(0) { $0 + $1.0 * $1.1 }
          / (x.reduce(0) { $0 + $1 * $1 } * t.reduce(0) { $0 + $1 * $1 }).squareRoot()
      },
    ] + [
      OperationCase(
        name: "logits", detail: "", operands: [.batched([3, 2], 0.1...0.9)], differentiable: [0],
        tolerance: 5e-6,
        build: { try $0.add(Logits(), $1) },
        reference: { [Naive.rows($0[0]) { $0.map { log($0 / (1 - $0)) } }] }),
      OperationCase(
        name: "weigh_samples", detail: "", operands: [.batched([]), .batched([], 0...2)],
        differentiable: [0], build: { try $0.add(WeighSamples(), $1) },
        reference: { [Block($0[0].dimensions, zip($0[0].values, $0[1].values).map { $0 * $1 })] }),
      OperationCase(
        name: "class_weights", detail: "classes", operands: [.classes(4)],
        build: { try $0.add(ClassWeights([0.5, 2, 0]), $1) },
        reference: { [Block($0[0].dimensions, $0[0].values.map { [0.5, 2, 0, 1][Int($0)] })] }),
      OperationCase(
        name: "class_weights", detail: "rows", operands: [.batched([3])],
        build: { try $0.add(ClassWeights([0.5, 2, 0.25]), $1) },
        reference: { operands in
          [
            Naive.perSample(operands[0], operands[0]) { row, _ in
              [0.5, 2, 0.25][row.firstIndex(of: Naive.maximum(row)) ?? 0]
            }
          ]
        }),
      OperationCase(
        name: "soft_targets", detail: "classes", operands: [.classes(5)],
        build: { try $0.add(SoftTargets(dimensions: [5], scale: 0.9, offset: 0.02), $1) },
        reference: { operands in
          let rows = operands[0].values.flatMap { label in
            (0..<5).map { Int(label) == $0 ? 0.92 : 0.02 }
          }
          return [Block([operands[0].dimensions[0], 5], rows)]
        }),
      OperationCase(
        name: "soft_targets", detail: "numbers", operands: [.batched([2, 3])],
        build: { try $0.add(SoftTargets(dimensions: [2, 3], scale: 0.8, offset: 0.1), $1) },
        reference: { [Naive.rows($0[0]) { $0.map { 0.8 * $0 + 0.1 } }] }),
      OperationCase(
        name: "count_hits", detail: "classes", operands: [.batched([4]), .batched([4])],
        batches: [1, 9], build: { try $0.add(CountHits(threshold: nil), $1) },
        reference: { operands in
          let hits = Naive.perSample(operands[0], operands[1]) { a, b in
            a.firstIndex(of: Naive.maximum(a)) == b.firstIndex(of: Naive.maximum(b)) ? 1 : 0
          }
          return [Block([], [hits.values.reduce(0, +)])]
        }),
      OperationCase(
        name: "count_hits", detail: "answers",
        operands: [.batched([4]), .batched([4], 0...1)],
        batches: [1, 9], build: { try $0.add(CountHits(threshold: 0.25), $1) },
        reference: { operands in
          let hits = Naive.perSample(operands[0], operands[1]) { a, b in
            Double(zip(a, b).filter { ($0 > 0.25) == ($1 > 0.5) }.count) / 4
          }
          return [Block([], [hits.values.reduce(0, +)])]
        }),
    ]

  private static func entropy(_ x: Double, _ t: Double) -> Double {
    max(x, 0) - x * t + log(1 + exp(-abs(x)))
  }

  private static func target(
    _ detail: String, _ kind: TargetLoss.Kind, _ dimensions: [Int] = [2, 3],
    range: ClosedRange<Float> = -1...1, targets: ClosedRange<Float> = -1...1,
    _ reference: @escaping @Sendable ([Double], [Double]) -> Double
  ) -> OperationCase {
    OperationCase(
      name: "target_loss", detail: detail,
      operands: [.batched(dimensions, range), .batched(dimensions, targets)], differentiable: [0],
      tolerance: 5e-6, build: { [try $0.add(TargetLoss(kind), $1)[0]] },
      reference: { [Naive.perSample($0[0], $0[1], reference)] })
  }
}
