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
      byRow("absolute error of rows", .absoluteError) { x, t in
        Naive.average(zip(x, t).map { abs($0 - $1) })
      },
      byRow("focal of rows", .focal(gamma: 2, alpha: 0.25), targets: 0...1) { x, t in
        zip(Naive.logSoftmax(x), t).reduce(0) {
          $0 - 0.25 * $1.1 * pow(1 - exp($1.0), 2) * $1.0
        }
      },
      byRow("divergence of rows", .divergence, range: 0.1...0.9, targets: 0.1...0.9) { x, t in
        zip(x, t).reduce(0) { $0 + $1.1 * log($1.1 / $1.0) }
      },
      byRow("cosine of rows", .cosineSimilarity, range: 0.2...1) { x, t in
        -zip(x, t).reduce(0) { $0 + $1.0 * $1.1 }
          / (x.reduce(0) { $0 + $1 * $1 } * t.reduce(0) { $0 + $1 * $1 }).squareRoot()
      },
      OperationCase(
        name: "squared_error", detail: "of rows", operands: [.batched([4, 3]), .batched([4, 3])],
        differentiable: [0], tolerance: 5e-6,
        build: { [try $0.add(SquaredError(isByRow: true), $1)[0]] },
        reference: { operands in
          [
            perRow(operands[0], operands[1]) { x, t in
              Naive.average(zip(x, t).map { ($0 - $1) * ($0 - $1) })
            }
          ]
        }),
      OperationCase(
        name: "cross_entropy", detail: "of rows",
        operands: [.batched([4, 3]), .batched([4, 3], 0...1)],
        differentiable: [0], tolerance: 5e-6, build: { [try $0.add(CrossEntropy(), $1)[0]] },
        reference: { operands in
          [
            perRow(operands[0], operands[1]) { x, t in
              -zip(Naive.logSoftmax(x), t).reduce(0) { $0 + $1.0 * $1.1 }
            }
          ]
        }),
      OperationCase(
        name: "cross_entropy", detail: "of classes of steps",
        operands: [.batched([2, 3]), Operand(type: .batched([2], .i32), range: 0...3)],
        differentiable: [0], tolerance: 5e-6, build: { [try $0.add(CrossEntropy(), $1)[0]] },
        reference: { operands in
          let (x, classes) = (operands[0], operands[1].values)
          let rows = classes.indices.map { row -> Double in
            -Naive.logSoftmax(Array(x.values[3 * row..<3 * row + 3]))[Int(classes[row])]
          }
          return [Block([x.dimensions[0], 2], rows)]
        }),
      OperationCase(
        name: "weigh_samples", detail: "steps",
        operands: [.batched([3, 2]), .batched([3], 0...2)], differentiable: [0],
        build: { try $0.add(WeighSamples(), $1) },
        reference: { operands in
          [
            Block(
              operands[0].dimensions,
              operands[0].values.enumerated().map { $1 * operands[1].values[$0 / 2] })
          ]
        }),
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

  /// A loss of every row of a sample's three.
  private static func byRow(
    _ detail: String, _ kind: TargetLoss.Kind, range: ClosedRange<Float> = -1...1,
    targets: ClosedRange<Float> = -1...1,
    _ reference: @escaping @Sendable ([Double], [Double]) -> Double
  ) -> OperationCase {
    OperationCase(
      name: "target_loss", detail: detail,
      operands: [.batched([3, 4], range), .batched([3, 4], targets)], differentiable: [0],
      tolerance: 5e-6, build: { [try $0.add(TargetLoss(kind, isByRow: true), $1)[0]] },
      reference: { [perRow($0[0], $0[1], reference)] })
  }

  /// What becomes of the rows along the last axis.
  private static func perRow(
    _ x: Block, _ t: Block, _ each: ([Double], [Double]) -> Double
  ) -> Block {
    let columns = x.dimensions[x.dimensions.count - 1]
    let rows = stride(from: 0, to: x.count, by: columns).map { start in
      each(
        Array(x.values[start..<start + columns]), Array(t.values[start..<start + columns]))
    }
    return Block(Array(x.dimensions.dropLast()), rows)
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
