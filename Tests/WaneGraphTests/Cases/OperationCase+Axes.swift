import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let axes: [OperationCase] =
    reductions + products + [
      OperationCase(
        name: "broadcast_to", detail: "weights", operands: [.fixed([3, 1])], differentiable: [0],
        build: { try $0.add(BroadcastTo([2, 3, 4]), $1) },
        reference: { x in [Block([2, 3, 4]) { x[0][$0] }] }),
      OperationCase(
        name: "broadcast_to", detail: "every sample", operands: [.fixed([3]), .batched([])],
        differentiable: [0], build: { try $0.add(BroadcastTo([2, 3]), $1) },
        reference: { x in [Block([x[1].dimensions[0], 2, 3]) { x[0][$0] }] }),
      OperationCase(
        name: "transpose", detail: "images", operands: [.batched([2, 3, 4])], differentiable: [0],
        build: { try $0.add(Transpose([2, 0, 1]), $1) },
        reference: { x in
          [
            Block([x[0].dimensions[0], 4, 2, 3]) { place in
              x[0][[place[0], place[2], place[3], place[1]]]
            }
          ]
        }),
      OperationCase(
        name: "transpose", detail: "a matrix", operands: [.fixed([5, 3])], differentiable: [0],
        build: { try $0.add(Transpose([1, 0]), $1) }, reference: { [Naive.transposed($0[0])] }),
      OperationCase(
        name: "slice", detail: "every other", operands: [.batched([6, 3])], differentiable: [0],
        build: { try $0.add(Slice(starts: [1, 2], extents: [3, 1], steps: [2, 1]), $1) },
        reference: { x in
          [Block([x[0].dimensions[0], 3, 1]) { x[0][[$0[0], 1 + 2 * $0[1], 2 + $0[2]]] }]
        }),
      OperationCase(
        name: "slice", detail: "weights", operands: [.fixed([4])], differentiable: [0],
        build: { try $0.add(Slice(starts: [1], extents: [2]), $1) },
        reference: { [Block([2], Array($0[0].values[1...2]))] }),
      OperationCase(
        name: "pad", detail: "around and between", operands: [.batched([2, 3])],
        differentiable: [0],
        build: {
          try $0.add(Pad(before: [1, 0], after: [0, 2], between: [2, 0], value: -3), $1)
        },
        reference: { x in
          [
            Block([x[0].dimensions[0], 5, 5]) { place in
              let row = place[1] - 1
              guard row == 0 || row == 3, place[2] < 3 else { return -3 }
              return x[0][[place[0], row / 3, place[2]]]
            }
          ]
        }),
      OperationCase(
        name: "concat", detail: "rows", operands: [.batched([2, 3]), .batched([1, 3])],
        differentiable: [0, 1], build: { try $0.add(Concat(axis: 0), $1) },
        reference: { x in
          [
            Block([x[0].dimensions[0], 3, 3]) { place in
              place[1] < 2 ? x[0][place] : x[1][[place[0], 0, place[2]]]
            }
          ]
        }),
      OperationCase(
        name: "concat", detail: "weights", operands: [.fixed([2]), .fixed([3]), .fixed([1])],
        differentiable: [0, 2], build: { try $0.add(Concat(axis: 0), $1) },
        reference: { [Block([6], $0.flatMap(\.values))] }),
      OperationCase(
        name: "gather", detail: "embeddings", operands: [.fixed([5, 3]), .classes(5)],
        differentiable: [0], build: { try $0.add(Gather(axis: 0), $1) },
        reference: { x in
          [Block([x[1].count, 3]) { x[0][Int(x[1].values[$0[0]]), $0[1]] }]
        }),
      OperationCase(
        name: "gather", detail: "columns", operands: [.batched([2, 4])],
        differentiable: [0],
        build: { graph, x in
          // 4, 1 and 4 of the first sample, counted from 1.
          let numbers = try [3.5, 0.5, 3.5].map { try graph.add(one: Constant($0), []) }
          let columns = try numbers.map { try graph.reshape($0, [1]) }
          let row = try graph.add(one: Concat(axis: 0), columns)
          let up = try graph.add(one: Rescale(scale: 1, offset: 1), [row])
          let indices = try graph.add(one: Cast(.i32), [up])
          return try graph.add(Gather(axis: 1, first: 1), [x[0], indices])
        },
        reference: { x in
          [Block([x[0].dimensions[0], 2, 3]) { x[0][[$0[0], $0[1], [3, 0, 3][$0[2]]]] }]
        }),
      OperationCase(
        name: "scatter_add", detail: "embeddings", operands: [.batched([3]), .classes(5)],
        differentiable: [0],
        build: { try $0.add(ScatterAdd(axis: 0, first: 0, dimensions: [5, 3]), $1) },
        reference: { x in
          var table = Block(zeros: [5, 3])
          for row in 0..<x[1].count {
            for column in 0..<3 { table[Int(x[1].values[row]), column] += x[0][row, column] }
          }
          return [table]
        }),
      OperationCase(
        name: "one_hot", detail: "", operands: [.classes(4)],
        build: { try $0.add(OneHot(classes: 4), $1) },
        reference: { x in
          [Block([x[0].count, 4]) { Int(x[0].values[$0[0]]) == $0[1] ? 1 : 0 }]
        }),
      OperationCase(
        name: "log_softmax", detail: "rows", operands: [.batched([2, 5], -4...4)],
        differentiable: [0], build: { try $0.add(LogSoftmax(), $1) },
        reference: { [Naive.rows($0[0], Naive.logSoftmax)] }),
      OperationCase(
        name: "log_softmax", detail: "along another axis", operands: [.batched([3, 2], -4...4)],
        differentiable: [0],
        build: { [try $0.add(LogSoftmax(), $1[0], along: 0)] },
        reference: { [Naive.transposed(Naive.rows(Naive.transposed($0[0]), Naive.logSoftmax))] }),
    ]

  private static let reductions: [OperationCase] =
    [Reduction.sum, .mean, .maximum, .minimum].flatMap { kind in
      [
        reduction(kind, "the middle axis", .batched([2, 3, 4]), [1]),
        reduction(kind, "two axes and the batch", .batched([2, 3, 4]), [0, 2], overBatch: true),
        reduction(kind, "the batch", .batched([5]), [], overBatch: true),
        reduction(kind, "everything", .batched([2, 3]), [0, 1], overBatch: true),
        reduction(kind, "weights", .fixed([3, 5]), [0]),
      ]
    } + [
      OperationCase(
        name: "reduce", detail: "axes that stay", operands: [.batched([2, 3])],
        differentiable: [0], build: { try $0.add(Reduce(.mean, axes: [1], keepingAxes: true), $1) },
        reference: { x in
          let means = Naive.reduce(x[0], [2]) { $0.reduce(0, +) / 3 }
          return [means.reshaped(means.dimensions + [1])]
        }),
      OperationCase(
        name: "reduce", detail: "a batch that stays", operands: [.batched([3])],
        differentiable: [0],
        build: { try $0.add(Reduce(.sum, axes: [], overBatch: true, keepingAxes: true), $1) },
        reference: { x in [Naive.reduce(x[0], [0]) { $0.reduce(0, +) }.reshaped([1, 3])] }),
      OperationCase(
        name: "reduce", detail: "nothing", operands: [.batched([3])], differentiable: [0],
        build: { try $0.add(Reduce(.sum, axes: []), $1) }, reference: { $0 }),
    ]

  private static func reduction(
    _ kind: Reduction, _ detail: String, _ x: Operand, _ axes: [Int], overBatch: Bool = false
  ) -> OperationCase {
    let first = x.type.isBatched ? 1 : 0
    let all = (overBatch ? [0] : []) + axes.map { $0 + first }
    return OperationCase(
      name: "reduce", detail: "\(kind.rawValue), \(detail)", operands: [x], differentiable: [0],
      build: { try $0.add(Reduce(kind, axes: axes, overBatch: overBatch), $1) },
      reference: { x in
        [
          Naive.reduce(x[0], all) { elements in
            switch kind {
            case .sum, .product: elements.reduce(0, +)
            case .mean: elements.reduce(0, +) / Double(elements.count)
            case .maximum: elements.max() ?? 0
            case .minimum: elements.min() ?? 0
            }
          }
        ]
      })
  }

  private static let products: [OperationCase] =
    [false, true].flatMap { left in
      [false, true].flatMap { right in
        [
          product(
            "one matrix for all", .batched(left ? [4, 3] : [3, 4]), .fixed([4, 5]), left, right),
          product(
            "as many", .batched([2] + (left ? [4, 3] : [3, 4])), .batched([2, 4, 5]), left, right),
          product(
            "one on the left", .fixed(left ? [4, 3] : [3, 4]), .batched([4, 5]), left, right),
          product(
            "batches that broadcast", .batched([2, 1] + (left ? [4, 3] : [3, 4])),
            .fixed([2, 4, 5]), left, right),
          product("weights", .fixed(left ? [4, 3] : [3, 4]), .fixed([4, 5]), left, right),
        ]
      }
    } + [
      product("rows of a batch", .batched([4]), .fixed([4, 5]), false, false),
      product("rows of a batch", .batched([4]), .fixed([4, 5]), false, true),
      OperationCase(
        name: "row_product", detail: "rows of a batch", operands: [.batched([3]), .batched([4])],
        differentiable: [0, 1], build: { try $0.add(RowProduct(), $1) },
        reference: { [Naive.matmul(Naive.transposed($0[0]), $0[1])] }),
      OperationCase(
        name: "row_product", detail: "more axes", operands: [.batched([2, 3]), .batched([2, 4])],
        differentiable: [0, 1], build: { try $0.add(RowProduct(), $1) },
        reference: { x in
          let rows = x[0].dimensions[0] * 2
          return [
            Naive.matmul(Naive.transposed(x[0].reshaped([rows, 3])), x[1].reshaped([rows, 4]))
          ]
        }),
    ]

  private static func product(
    _ detail: String, _ a: Operand, _ b: Operand, _ left: Bool, _ right: Bool
  ) -> OperationCase {
    var b = b
    if right {
      var dimensions = b.type.dimensions
      dimensions.swapAt(dimensions.count - 1, dimensions.count - 2)
      b = b.type.isBatched ? .batched(dimensions) : .fixed(dimensions)
    }
    return OperationCase(
      name: "matmul",
      detail: "\(detail)\(left ? ", left turned" : "")\(right ? ", right turned" : "")",
      operands: [a, b], differentiable: [0, 1],
      build: {
        try $0.add(MatMul(transposingLeft: left, transposingRight: right), $1)
      },
      reference: { [Naive.matmul($0[0], $0[1], left, right)] })
  }
}
