import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

@testable import WaneGraph

extension OperationCase {
  /// Losses that compare how samples lie to each other.
  static let relations: [OperationCase] = [
    OperationCase(
      name: "relation_loss", detail: "distance",
      operands: [.batched([3], -2...2), .batched([2, 2], -2...2)], differentiable: [0],
      isTwice: false, batches: [1, 2, 5], tolerance: 5e-6,
      build: { try $0.add(RelationLoss(.distance), $1) },
      reference: { operands in
        let (mine, theirs) = (distances(operands[0]), distances(operands[1]))
        let pairs = Double(max(mine.count, 1))
        let losses = zip(mine, theirs).map { x, t in
          abs(x - t) < 1 ? (x - t) * (x - t) / 2 : abs(x - t) - 0.5
        }
        return [Block([], [losses.reduce(0, +) / pairs])]
      }),
    OperationCase(
      name: "relation_loss", detail: "similarity",
      operands: [.batched([2, 2], -2...2), .batched([5], -2...2)], differentiable: [0],
      isTwice: false, batches: [1, 2, 5], tolerance: 5e-6,
      build: { try $0.add(RelationLoss(.similarity), $1) },
      reference: { operands in
        let (mine, theirs) = (similarities(operands[0]), similarities(operands[1]))
        let squares = zip(mine, theirs).map { ($0 - $1) * ($0 - $1) }
        return [Block([], [squares.reduce(0, +) / Double(mine.count)])]
      }),
  ]

  private static func rows(_ x: Block) -> [[Double]] {
    let width = x.count / max(x.dimensions[0], 1)
    return (0..<x.dimensions[0]).map { Array(x.values[$0 * width..<($0 + 1) * width]) }
  }

  /// Of all ordered pairs, in units of their mean.
  private static func distances(_ x: Block) -> [Double] {
    let rows = rows(x)
    var result: [Double] = []
    for (i, a) in rows.enumerated() {
      for (j, b) in rows.enumerated() where i != j {
        result.append(zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot())
      }
    }
    let mean = result.reduce(0, +) / Double(max(result.count, 1))
    return result.map { $0 / mean }
  }

  private static func similarities(_ x: Block) -> [Double] {
    let rows = rows(x)
    return rows.flatMap { a in
      let products = rows.map { b in zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
      let length = products.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return products.map { $0 / length }
    }
  }
}
