import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let arithmetic: [OperationCase] =
    binaries + unaries + [
      OperationCase(
        name: "constant", detail: "", operands: [],
        build: { graph, _ in try graph.add(Constant(2.5), []) },
        reference: { _ in [Block([], [2.5])] }),
      OperationCase(
        name: "clip", detail: "both ends", operands: [.batched([3, 4], -2...2)],
        differentiable: [0], build: { try $0.add(Clip(low: -0.5, high: 1), $1) },
        reference: { [$0[0].map { min(max($0, -0.5), 1) }] }),
      OperationCase(
        name: "clip", detail: "from below", operands: [.fixed([7], -2...2)], differentiable: [0],
        build: { try $0.add(Clip(low: 0.25), $1) }, reference: { [$0[0].map { max($0, 0.25) }] }),
      OperationCase(
        name: "cast", detail: "classes", operands: [.classes(5)],
        build: { try $0.add(Cast(.f32), $1) }, reference: { $0 }),
      OperationCase(
        name: "cast", detail: "to whole numbers", operands: [.batched([6], -4...4)],
        build: { try $0.add(Cast(.i32), $1) },
        reference: { [$0[0].map { $0.rounded(.towardZero) }] }),
      OperationCase(
        name: "cast", detail: "bytes", operands: [.bytes([6])],
        build: { try $0.add(Cast(.f32), $1) }, reference: { $0 }),
      OperationCase(
        name: "divide_by_batch", detail: "", operands: [.batched([2])], differentiable: [0],
        build: { try $0.add(DivideByBatch(), $1) },
        reference: { operands in
          [operands[0].map { $0 / Double(operands[0].dimensions[0]) }]
        }),
      OperationCase(
        name: "shard_share", detail: "alone", operands: [.fixed([3])],
        build: { try $0.add(ShardShare(), $1) }, reference: { $0 }),
      OperationCase(
        name: "where", detail: "a batch and a row",
        operands: [.batched([2, 3]), .batched([2, 3]), .fixed([3])], differentiable: [1, 2],
        build: { graph, x in
          let zero = try graph.add(one: Constant(0), [])
          let isPositive = try graph.add(one: Compare(.greater), [x[0], zero])
          return try graph.add(Where(), [isPositive, x[1], x[2]])
        },
        reference: { x in [Block(x[0].dimensions) { x[0][$0] > 0 ? x[1][$0] : x[2][$0] }] }),
    ]
    + Comparison.allCases.map { kind in
      OperationCase(
        name: "compare", detail: kind.rawValue,
        operands: [.batched([2, 3]), .fixed([3], values: [-0.5, 0, 0.5])],
        build: { try $0.add(Compare(kind), $1) },
        reference: { x in
          [
            Naive.zip2(x[0], x[1]) { a, b in
              let holds =
                switch kind {
                case .equal: a == b
                case .notEqual: a != b
                case .less: a < b
                case .lessOrEqual: a <= b
                case .greater: a > b
                case .greaterOrEqual: a >= b
                }
              return holds ? 1 : 0
            }
          ]
        })
    }

  /// The forms in which two operands broadcast.
  private static let binaries: [OperationCase] =
    Arithmetic.allCases.map {
      binary($0, "images and a row", .batched([2, 3, 4], ranges($0).0), .fixed([4], ranges($0).1))
    } + [
      binary(.add, "a column and a row", .fixed([3, 1]), .fixed([4])),
      binary(.subtract, "a number and a batch", .fixed([]), .batched([3])),
      binary(.multiply, "batches", .batched([3, 1]), .batched([1, 2])),
      binary(.multiply, "one number a sample, and a number", .batched([]), .fixed([])),
      binary(.divide, "weights and a batch", .fixed([1, 2, 3]), .batched([2, 3], 1...2)),
      binary(.multiply, "a longer row", .batched([2, 1]), .fixed([5])),
      OperationCase(
        name: "binary", detail: "a square and a cube", operands: [.batched([3])],
        differentiable: [0],
        build: { graph, x in
          let three = try graph.add(one: Constant(3), [])
          let cube = try graph.add(one: Binary(.power), [x[0], three])
          let square = try graph.add(one: Binary(.multiply), [x[0], x[0]])
          return try graph.add(Binary(.subtract), [cube, square])
        },
        reference: { [$0[0].map { $0 * $0 * $0 - $0 * $0 }] }),
    ]

  private static func ranges(_ kind: Arithmetic) -> (ClosedRange<Float>, ClosedRange<Float>) {
    switch kind {
    case .power: (0.5...2, -2...2)
    case .divide, .floorDivide, .remainder: (-1...1, 0.6...1.9)
    case .add, .subtract, .multiply, .maximum, .minimum: (-1...1, -1...1)
    }
  }

  private static func binary(
    _ kind: Arithmetic, _ detail: String, _ a: Operand, _ b: Operand
  ) -> OperationCase {
    OperationCase(
      name: "binary", detail: "\(kind.rawValue), \(detail)", operands: [a, b],
      differentiable: kind == .floorDivide ? [] : [0, 1], build: { try $0.add(Binary(kind), $1) },
      reference: { x in
        [
          Naive.zip2(x[0], x[1]) { a, b in
            switch kind {
            case .add: a + b
            case .subtract: a - b
            case .multiply: a * b
            case .divide: a / b
            case .power: pow(a, b)
            case .floorDivide: (a / b).rounded(.down)
            case .remainder: a - b * (a / b).rounded(.down)
            case .maximum: max(a, b)
            case .minimum: min(a, b)
            }
          }
        ]
      })
  }

  private static let unaries: [OperationCase] = ElementFunction.allCases.map { kind in
    let isPositive = [.sqrt, .rsqrt, .reciprocal, .log].contains(kind)
    return OperationCase(
      name: "unary", detail: kind.rawValue,
      operands: [.batched([4, 3], isPositive ? 0.3...2 : -2...2)],
      differentiable: [.sign, .round, .floor, .ceil].contains(kind) ? [] : [0],
      build: { try $0.add(Unary(kind), $1) },
      reference: { x in
        [
          x[0].map { x in
            switch kind {
            case .negate: -x
            case .abs: abs(x)
            case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
            case .square: x * x
            case .relu: max(x, 0)
            case .round: x.rounded(.toNearestOrEven)
            case .floor: x.rounded(.down)
            case .ceil: x.rounded(.up)
            case .sqrt: x.squareRoot()
            case .rsqrt: 1 / x.squareRoot()
            case .reciprocal: 1 / x
            case .exp: exp(x)
            case .log: log(x)
            case .sigmoid: 1 / (1 + exp(-x))
            case .tanh: tanh(x)
            case .sin: sin(x)
            case .cos: cos(x)
            case .erf: erf(x)
            }
          }
        ]
      })
  }
}
