import WaneTensor

@testable import WaneGraph

/// The window of a case; its numbers are right by construction.
func window(
  _ size: [Int], strides: [Int] = [1, 1], dilation: [Int] = [1, 1], _ padding: Padding = .valid
) -> Window2D {
  do {
    return try Window2D(
      "test", size: size, strides: strides, dilation: dilation, padding: padding)
  } catch { preconditionFailure("\(error)") }
}

extension OperationCase {
  static let convolutions: [OperationCase] = [
    convolution("3x3", [5, 6, 3], window([3, 3]), filters: 4),
    convolution("without bias", [5, 4, 2], window([3, 2]), filters: 3, bias: false),
    convolution("relu", [6, 5, 3], window([3, 3], .same), filters: 5, relu: true),
    convolution("one channel, many filters", [7, 7, 1], window([3, 3]), filters: 32, relu: true),
    convolution("1x1", [3, 4, 5], window([1, 1]), filters: 7),
    convolution("strides", [7, 8, 3], window([3, 3], strides: [2, 2]), filters: 2),
    convolution(
      "strides, same, odd", [7, 5, 3], window([3, 3], strides: [2, 2], .same), filters: 3),
    convolution(
      "strides, same, even kernel", [6, 9, 2], window([2, 4], strides: [3, 2], .same), filters: 3),
    convolution("dilation", [9, 8, 2], window([3, 3], dilation: [2, 3]), filters: 3),
    convolution(
      "dilation, same", [5, 6, 2], window([3, 2], dilation: [2, 2], .same), filters: 3),
    convolution("groups", [5, 5, 6], window([3, 3]), filters: 4, groups: 2),
    convolution("depthwise", [6, 5, 5], window([3, 3], .same), filters: 5, groups: 5),
    convolution("depthwise, twice", [5, 5, 3], window([3, 3]), filters: 6, groups: 3),
    convolution("kernel of the image's size", [3, 4, 2], window([3, 4]), filters: 9),
    convolution("kernel larger than the image", [2, 3, 2], window([5, 5], .same), filters: 2),
    convolution("as in the mission", [13, 13, 32], window([3, 3]), filters: 64, relu: true),
  ]

  private static func convolution(
    _ detail: String, _ image: [Int], _ window: Window2D, filters: Int, groups: Int = 1,
    bias: Bool = true, relu: Bool = false
  ) -> OperationCase {
    let isLarge = image.reduce(filters, *) > 10_000
    return OperationCase(
      name: "conv2d", detail: detail,
      operands: [.batched(image), .fixed(window.size + [image[2] / groups, filters])]
        + (bias ? [.fixed([filters])] : []),
      // Differences of the naive reference would take minutes; the fixtures have these gradients.
      differentiable: isLarge ? [] : bias ? [0, 1, 2] : [0, 1],
      // Of many rectified sums, one is at its kink for the second differences.
      isTwice: !relu || filters < 32,
      batches: isLarge ? [2] : [1, 3],
      // A float sum of K products of size 1 is off by about 6e-8 sqrt(K) times its partial sums, in
      // whatever order it is taken: 1e-5 for the 288 of the mission's second convolution.
      tolerance: isLarge ? 2e-5 : 5e-6,
      build: { try $0.add(Conv2D(window, groups: groups, isReLUFused: relu), $1) },
      reference: {
        let y = Naive.convolution($0[0], $0[1], bias ? $0[2] : nil, window, groups: groups)
        return [relu ? y.map { max(0, $0) } : y]
      })
  }

  static let poolings: [OperationCase] = [
    ("2x2", [6, 4, 3], window([2, 2], strides: [2, 2])),
    ("odd", [7, 5, 2], window([2, 2], strides: [2, 2])),
    ("odd, same", [7, 5, 2], window([2, 2], strides: [2, 2], .same)),
    ("overlapping, same", [6, 7, 3], window([3, 3], strides: [2, 2], .same)),
    ("uneven", [5, 9, 17], window([2, 3], strides: [1, 3])),
    ("gaps", [8, 8, 1], window([2, 1], strides: [3, 3])),
    ("whole image", [4, 5, 3], window([4, 5])),
  ].flatMap { (detail: String, image: [Int], window: Window2D) in
    [
      OperationCase(
        name: "max_pool2d", detail: detail, operands: [.batched(image)], differentiable: [0],
        build: { [try $0.add(MaxPool2D(window), $1)[0]] },
        reference: { [Naive.pooling($0[0], window, Naive.maximum)] }),
      OperationCase(
        name: "max_pool2d", detail: "\(detail), bytes", operands: [.bytes(image)], tolerance: 0,
        build: { [try $0.add(MaxPool2D(window), $1)[0]] },
        reference: { [Naive.pooling($0[0], window, Naive.maximum)] }),
      OperationCase(
        name: "avg_pool2d", detail: detail, operands: [.batched(image)], differentiable: [0],
        build: { try $0.add(AveragePool2D(window), $1) },
        reference: { [Naive.pooling($0[0], window, Naive.average)] }),
      OperationCase(
        name: "avg_pool2d", detail: "\(detail), bytes", operands: [.bytes(image)], tolerance: 0,
        build: { try $0.add(AveragePool2D(window), $1) },
        reference: {
          [Naive.pooling($0[0], window, Naive.average).map { $0.rounded(.toNearestOrEven) }]
        }),
    ]
  }

  static let denseLayers: [OperationCase] = [
    denseLayer("with bias", 7, 5), denseLayer("without bias", 4, 9, bias: false),
    denseLayer("relu", 17, 33, relu: true), denseLayer("one unit", 6, 1),
    denseLayer("one input", 1, 6), denseLayer("wide", 130, 64, relu: true),
  ]

  private static func denseLayer(
    _ detail: String, _ inputs: Int, _ units: Int, bias: Bool = true, relu: Bool = false
  ) -> OperationCase {
    OperationCase(
      name: "dense", detail: detail,
      operands: [.batched([inputs]), .fixed([inputs, units])] + (bias ? [.fixed([units])] : []),
      differentiable: bias ? [0, 1, 2] : [0, 1], batches: [1, 2, 5],
      tolerance: 5e-6,
      build: { try $0.add(Dense(isReLUFused: relu), $1) },
      reference: {
        let y = Naive.dense($0[0], $0[1], bias ? $0[2] : nil)
        return [relu ? y.map { max(0, $0) } : y]
      })
  }

  /// Statistics of the steps that count: the mask is a whole number from 0 to 1, as a float.
  private static func maskedNormalizations(
    _ dimensions: [Int], _ epsilon: Float
  ) -> [OperationCase] {
    let channels = dimensions[dimensions.count - 1]
    let mask = Operand(type: .batched([dimensions[0]], .i32), range: 0...2)
    return [
      OperationCase(
        name: "batch_norm_training", detail: "\(dimensions) masked",
        operands: [.batched(dimensions, -2...3), .fixed([channels]), .fixed([channels]), mask],
        differentiable: [0, 1, 2], batches: [2, 3, 6], tolerance: 5e-6,
        build: { graph, operands in
          let mask = try graph.add(one: Cast(.f32), [operands[3]])
          let statistics = try graph.add(BatchStatistics(), [operands[0], mask])
          return try graph.add(
            BatchNormTraining(epsilon: epsilon),
            operands[..<3] + statistics[..<2] + [mask, statistics[2]])
        },
        reference: {
          let (mean, variance, _) = Naive.moments($0[0], mask: $0[3])
          return [
            Naive.normalize(
              $0[0], $0[1].values, $0[2].values, mean, variance, Double(epsilon))
          ]
        }),
      OperationCase(
        name: "batch_statistics", detail: "\(dimensions) masked",
        operands: [.batched(dimensions, 7...9), mask],
        build: { graph, operands in
          try graph.add(
            BatchStatistics(), [operands[0], graph.add(one: Cast(.f32), [operands[1]])])
        },
        reference: {
          let (mean, variance, rows) = Naive.moments($0[0], mask: $0[1])
          return [
            Block([channels], mean), Block([channels], variance), Block([1], [Double(rows)]),
          ]
        }),
    ]
  }

  static let normalizations: [OperationCase] = [[5], [3, 2, 4], [2, 2, 17]].flatMap {
    (dimensions: [Int]) in
    let channels = dimensions[dimensions.count - 1]
    let epsilon: Float = 1e-3
    return [
      OperationCase(
        name: "batch_norm", detail: "\(dimensions)",
        operands: [
          .batched(dimensions, -2...3), .fixed([channels]), .fixed([channels]), .fixed([channels]),
          .fixed([channels], 0.5...2),
        ], differentiable: [0, 1, 2],
        build: { try $0.add(BatchNorm(epsilon: epsilon, momentum: 0.9), $1) },
        reference: {
          [
            Naive.normalize(
              $0[0], $0[1].values, $0[2].values, $0[3].values, $0[4].values, Double(epsilon))
          ]
        }),
      OperationCase(
        name: "batch_norm_training", detail: "\(dimensions)",
        operands: [.batched(dimensions, -2...3), .fixed([channels]), .fixed([channels])],
        differentiable: [0, 1, 2], batches: [2, 3, 6], tolerance: 5e-6,
        build: { graph, operands in
          let statistics = try graph.add(BatchStatistics(), [operands[0]])
          return try graph.add(BatchNormTraining(epsilon: epsilon), operands + statistics)
        },
        reference: {
          let (mean, variance) = Naive.moments($0[0])
          return [
            Naive.normalize(
              $0[0], $0[1].values, $0[2].values, mean, variance, Double(epsilon))
          ]
        }),
      OperationCase(
        name: "batch_statistics", detail: "\(dimensions)", operands: [.batched(dimensions, 7...9)],
        build: { try $0.add(BatchStatistics(), $1) },
        reference: {
          let (mean, variance) = Naive.moments($0[0])
          return [Block([channels], mean), Block([channels], variance)]
        }),
    ] + (dimensions.count > 1 ? maskedNormalizations(dimensions, epsilon) : []) + [
      OperationCase(
        name: "moving_average", detail: "\(channels)",
        operands: [.fixed([channels]), .fixed([channels])],
        build: { try $0.add(MovingAverage(momentum: 0.75), $1) },
        reference: {
          [Block([channels], zip($0[0].values, $0[1].values).map { 0.75 * $0 + 0.25 * $1 })]
        })
    ]
  }
}
