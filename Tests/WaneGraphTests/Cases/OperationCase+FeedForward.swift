import CKernels
import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let feedForward: [OperationCase] =
    smoothActivations + learnedRectifiers + sampleNorms + noises + enlargements
    + transposedConvolutions + [
      OperationCase(
        name: "standardize", detail: "",
        operands: [.batched([2, 3]), .fixed([3]), .fixed([3], 0.5...2)], differentiable: [0],
        build: { try $0.add(Standardize(), $1) },
        reference: {
          [
            Naive.normalize(
              $0[0], [1, 1, 1], [0, 0, 0], $0[1].values, $0[2].values, 0)
          ]
        }),
      OperationCase(
        name: "standardize", detail: "no variance",
        operands: [.batched([2]), .fixed([2]), .fixed([2], values: [0, 0])],
        build: { try $0.add(Standardize(), [$1[0], $1[1], $1[2]]) },
        reference: { operands in
          [
            Block(
              operands[0].dimensions,
              operands[0].values.enumerated().map { ($1 - operands[1].values[$0 % 2]) * 1e7 })
          ]
        }),
      OperationCase(
        name: "dense", detail: "rows of an image",
        operands: [.batched([3, 2, 5]), .fixed([5, 4]), .fixed([4])], differentiable: [0, 1, 2],
        tolerance: 5e-6, build: { try $0.add(Dense(isReLUFused: true), $1) },
        reference: { operands in
          let rows = operands[0].reshaped([operands[0].count / 5, 5])
          let y = Naive.dense(rows, operands[1], operands[2]).map { max(0, $0) }
          return [y.reshaped(operands[0].dimensions.dropLast() + [4])]
        }),
      OperationCase(
        name: "conv2d", detail: "causal row",
        operands: [.batched([1, 7, 2]), .fixed([1, 3, 2, 4]), .fixed([4])],
        differentiable: [0, 1, 2], tolerance: 5e-6,
        build: {
          try $0.add(Conv2D(window([1, 3], strides: [1, 1], dilation: [1, 2], .causal)), $1)
        },
        reference: {
          // The same zeros by hand: four before, and a window that stays inside.
          let x = $0[0]
          var padded = Block(zeros: [x.dimensions[0], 1, 11, 2])
          for n in 0..<x.dimensions[0] {
            for i in 0..<14 { padded.values[n * 22 + 8 + i] = x.values[n * 14 + i] }
          }
          return [Naive.convolution(padded, $0[1], $0[2], window([1, 3], dilation: [1, 2]))]
        }),
    ]

  private static let smoothActivations: [OperationCase] = [
    activation(Activation(.relu6), -3...9) { min(max(0, $0), 6) },
    activation(Activation(.leakyReLU)) { $0 > 0 ? $0 : Double(Float(0.2)) * $0 },
    activation(Activation(.elu)) { $0 > 0 ? $0 : expm1($0) },
    activation(Activation(.selu)) {
      1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0))
    },
    activation(Activation(.gelu)) { $0 * erfc(-$0 / 2.0.squareRoot()) / 2 },
    activation(Activation(.geluTanh)) {
      $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    },
    activation(Activation(.silu), -12...12) { $0 / (1 + exp(-$0)) },
    activation(Activation(.hardSwish), -5...5) { $0 * min(max($0 / 6 + 0.5, 0), 1) },
    activation(Activation(.hardSigmoid), -5...5) { min(max($0 / 6 + 0.5, 0), 1) },
    activation(Activation(.softplus), -30...30) { max($0, 0) + log1p(exp(-abs($0))) },
    activation(Activation(.mish), -30...30) {
      $0 * tanh(max($0, 0) + log1p(exp(-abs($0))))
    },
    activation(Activation(.softsign)) { $0 / (1 + abs($0)) },
  ]

  private static func activation(
    _ operation: Activation, _ range: ClosedRange<Float> = -4...4,
    _ function: @Sendable @escaping (Double) -> Double
  ) -> OperationCase {
    OperationCase(
      name: "activation", detail: operation.kind.rawValue, operands: [.batched([5, 9], range)],
      differentiable: [0],
      build: { try $0.add(operation, $1) }, reference: { [$0[0].map(function)] })
  }

  private static let learnedRectifiers: [OperationCase] = [
    [2, 3, 5], [1, 3, 5], [1, 1, 5], [1, 1, 1],
  ].map { (slopes: [Int]) in
    OperationCase(
      name: "prelu", detail: "slopes \(slopes)",
      operands: [.batched([2, 3, 5]), .fixed(slopes)], differentiable: [0, 1],
      build: { try $0.add(PReLU(), $1) },
      reference: { operands in
        let alpha = operands[1].values
        return [
          Block(
            operands[0].dimensions,
            operands[0].values.enumerated().map { $1 > 0 ? $1 : alpha[$0 % alpha.count] * $1 })
        ]
      })
  }

  private static let sampleNorms: [OperationCase] = [
    (SampleNormKind.layer, [5], true, true), (.layer, [3, 37], true, true),
    (.layer, [2, 2, 4], false, true), (.layer, [3, 4], true, false),
    (.layer, [6], false, false), (.rootMeanSquare, [2, 34], true, false),
    (.rootMeanSquare, [4], false, false), (.group(2), [3, 2, 6], true, true),
    (.group(1), [4, 3], true, true), (.group(3), [6], false, false),
    (.group(4), [2, 3, 4], true, true),
  ].map { (kind: SampleNormKind, sample: [Int], isScaled: Bool, isShifted: Bool) in
    let channels = sample[sample.count - 1]
    let norm = SampleNorm(kind, epsilon: 1e-3, isScaled: isScaled, isShifted: isShifted)
    let count = 1 + (isScaled ? 1 : 0) + (isShifted ? 1 : 0)
    return OperationCase(
      name: "sample_norm", detail: "\(kind) of \(sample), \(count) operands",
      operands: [.batched(sample, -2...3)]
        + Array(repeating: .fixed([channels]), count: count - 1),
      differentiable: Array(0..<count), tolerance: 5e-6, build: { try $0.add(norm, $1) },
      reference: { operands in
        var y = Naive.sampleNorm(operands[0], kind, epsilon: Double(Float(1e-3)))
        for index in y.values.indices {
          if isScaled { y.values[index] *= operands[1].values[index % channels] }
          if isShifted { y.values[index] += operands[count - 1].values[index % channels] }
        }
        return [y]
      })
  }

  /// What happens in step 2 of a run with seed 11 (see `runner`).
  private static let noises: [OperationCase] = [
    OperationCase(
      name: "spatial_dropout", detail: "", operands: [.batched([3, 2, 9])], differentiable: [0],
      modes: [.training], build: { try $0.add(SpatialDropout(rate: 0.4, stream: 3), $1) },
      reference: { operands in
        let x = operands[0]
        var random = [UInt32](repeating: 0, count: x.dimensions[0] * 9)
        wane_random_u32(11, 3 << 32 + 2, 0, &random, random.count)
        return [
          Block(
            x.dimensions,
            x.values.enumerated().map { index, value in
              let word = random[index / 54 * 9 + index % 9]
              return Double(word) >= Double(Float(0.4)) * 4_294_967_296
                ? value / (1 - Double(Float(0.4))) : 0
            })
        ]
      }),
    OperationCase(
      name: "spatial_dropout", detail: "inference", operands: [.batched([3, 2])],
      modes: [.inference], build: { try $0.add(SpatialDropout(rate: 0.4, stream: 3), $1) },
      reference: { $0 }),
    OperationCase(
      name: "gaussian_noise", detail: "", operands: [.batched([5, 3])], differentiable: [0],
      modes: [.training], build: { try $0.add(GaussianNoise(deviation: 0.5, stream: 3), $1) },
      reference: { operands in
        var noise = [Float](repeating: 0, count: operands[0].count)
        wane_random_normal_f32(11, 3 << 32 + 2, 0, &noise, noise.count)
        return [
          Block(
            operands[0].dimensions,
            zip(operands[0].values, noise).map { $0 + 0.5 * Double($1) })
        ]
      }),
    OperationCase(
      name: "gaussian_noise", detail: "inference", operands: [.batched([5, 3])],
      modes: [.inference], build: { try $0.add(GaussianNoise(deviation: 0.5, stream: 3), $1) },
      reference: { $0 }),
  ]

  private static let enlargements: [OperationCase] = [
    ([2, 2], [3, 4, 2]), ([1, 3], [2, 3, 17]), ([3, 2], [1, 5, 1]), ([1, 1], [2, 2, 2]),
  ].flatMap { (factors: [Int], image: [Int]) in
    Interpolation.allCases.map { interpolation in
      OperationCase(
        name: "up_sample2d", detail: "\(image) by \(factors), \(interpolation)",
        operands: [.batched(image)], differentiable: [0],
        build: { try $0.add(UpSample2D(factors, interpolation), $1) },
        reference: { [Naive.upSample($0[0], factors, isBilinear: interpolation == .bilinear)] })
    }
  }

  private static let transposedConvolutions: [OperationCase] = [
    ("plain", [3, 4, 2], window([3, 3])), ("same", [3, 4, 2], window([3, 2], .same)),
    ("strides", [3, 2, 3], window([3, 3], strides: [2, 2])),
    ("strides, same", [3, 4, 2], window([3, 3], strides: [2, 2], .same)),
    ("strides beyond the kernel", [2, 3, 2], window([1, 2], strides: [2, 3])),
    ("strides beyond the kernel, same", [2, 3, 2], window([1, 2], strides: [2, 3], .same)),
    ("dilation", [3, 4, 2], window([2, 3], dilation: [2, 1])),
    ("even kernel, same", [4, 3, 5], window([4, 4], strides: [2, 2], .same)),
  ].flatMap { (detail: String, image: [Int], window: Window2D) in
    [true, false].map { bias in
      let filters = 3
      return OperationCase(
        name: "conv2d_transpose", detail: "\(detail)\(bias ? "" : ", no bias")",
        operands: [.batched(image), .fixed(window.size + [filters, image[2]])]
          + (bias ? [.fixed([filters])] : []),
        differentiable: bias ? [0, 1, 2] : [0, 1], tolerance: 5e-6,
        build: { try $0.add(Conv2DTranspose(window), $1) },
        reference: { [Naive.transposed($0[0], $0[1], bias ? $0[2] : nil, window)] })
    }
  }
}
