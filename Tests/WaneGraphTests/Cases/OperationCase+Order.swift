import WaneTensor

@testable import WaneGraph

/// Order along an axis, and elements in other places.
extension OperationCase {
  static let orders: [OperationCase] =
    [false, true].flatMap { (flag: Bool) in
      [
        OperationCase(
          name: "cumsum", detail: flag ? "reversed" : "", operands: [.batched([2, 5])],
          differentiable: [0], build: { try $0.add(CumulativeSum(reversed: flag), $1) },
          reference: { x in
            [
              Block(x[0].dimensions) { place in
                (flag ? place[2]...4 : 0...place[2]).reduce(0) {
                  $0 + x[0][[place[0], place[1], $1]]
                }
              }
            ]
          }),
        OperationCase(
          name: "sort", detail: flag ? "descending" : "", operands: [.batched([3, 7])],
          differentiable: [0], build: { try $0.add(Sort(descending: flag, first: 1), $1) },
          reference: { x in
            let orders = rows(x[0]).map { order($0, isDescending: flag) }
            let values = zip(rows(x[0]), orders).flatMap { row, order in order.map { row[$0] } }
            let places = orders.flatMap { $0.map { Double($0 + 1) } }
            return [Block(x[0].dimensions, values), Block(x[0].dimensions, places)]
          }),
        OperationCase(
          name: "extreme_position", detail: flag ? "smallest" : "", operands: [.batched([3, 7])],
          build: { try $0.add(ExtremePosition(smallest: flag), $1) },
          reference: { x in
            let places = rows(x[0]).map { Double(order($0, isDescending: !flag)[0]) }
            return [Block(x[0].dimensions.dropLast(), places)]
          }),
      ]
    } + [
      OperationCase(
        name: "sort", detail: "weights", operands: [.fixed([9])], differentiable: [0],
        build: { [try $0.add(Sort(), $1)[0]] }, reference: { [Block([9], $0[0].values.sorted())] }),
      OperationCase(
        name: "take_along", detail: "",
        operands: [
          .batched([2, 4]), OperationCase.Operand(type: .batched([2, 3], .i32), range: 0...4),
        ], differentiable: [0], build: { try $0.add(TakeAlong(), $1) },
        reference: { x in
          [
            Block(x[1].dimensions) { place in
              x[0][[place[0], place[1], Int(x[1][place])]]
            }
          ]
        }),
      OperationCase(
        name: "flip", detail: "two axes of images", operands: [.batched([2, 3, 4])],
        differentiable: [0], build: { try $0.add(Flip([0, 2]), $1) },
        reference: { x in
          [
            Block(x[0].dimensions) {
              x[0][[$0[0], 1 - $0[1], $0[2], 3 - $0[3]]]
            }
          ]
        }),
      OperationCase(
        name: "flip", detail: "weights", operands: [.fixed([5, 1])], differentiable: [0],
        build: { try $0.add(Flip([0, 1]), $1) },
        reference: { [Block([5, 1], $0[0].values.reversed())] }),
    ]

  private static func rows(_ x: Block) -> [[Double]] {
    stride(from: 0, to: x.count, by: x.channels).map {
      Array(x.values[$0..<$0 + x.channels])
    }
  }

  private static func order(_ row: [Double], isDescending: Bool) -> [Int] {
    row.indices.sorted {
      row[$0] == row[$1] ? $0 < $1 : (row[$0] < row[$1]) != isDescending
    }
  }
}
