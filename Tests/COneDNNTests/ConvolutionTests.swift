import COneDNN
import Testing

@Suite struct ConvolutionTests {
  static let algorithms = [WANE_DNN_AUTO, WANE_DNN_DIRECT, WANE_DNN_BLOCKED, WANE_DNN_OWN]

  static func shape(
    batch: Int64, size: (Int64, Int64), channels: (Int64, Int64), kernel: (Int64, Int64),
    stride: (Int64, Int64) = (1, 1), dilation: (Int64, Int64) = (1, 1),
    pad: [Int64] = [0, 0, 0, 0],
    groups: Int64 = 1
  ) -> wane_dnn_convolution {
    wane_dnn_convolution(
      batch: batch, height: size.0, width: size.1, in_channels: channels.0,
      out_channels: channels.1, kernel_h: kernel.0, kernel_w: kernel.1, stride_h: stride.0,
      stride_w: stride.1, dilation_h: dilation.0, dilation_w: dilation.1, pad_top: pad[0],
      pad_left: pad[1], pad_bottom: pad[2], pad_right: pad[3], groups: groups)
  }

  /// Compares every algorithm and direction with the reference.
  static func check(_ shape: wane_dnn_convolution, random: inout TestRandom) {
    guard let reference = ReferenceConvolution(shape, random: &random) else { return }
    for algorithm in algorithms {
      for plain: UInt32 in [0, WANE_DNN_PLAIN_WEIGHTS] {
        for relu: UInt32 in [0, WANE_DNN_RELU] {
          checkForward(reference, WANE_DNN_BIAS | plain | relu, algorithm)
        }
        checkForward(reference, plain, algorithm)
        checkBackwardData(reference, plain, algorithm)
      }
      checkBackwardWeights(reference, 0, algorithm)
      checkBackwardWeights(reference, WANE_DNN_BIAS, algorithm)
    }
  }

  static func checkForward(
    _ reference: ReferenceConvolution, _ flags: UInt32, _ algorithm: wane_dnn_algorithm
  ) {
    var shape = reference.shape
    let made = Kernel { wane_dnn_convolution_forward_create(&shape, flags, algorithm, $0) }
    guard let kernel = made else { return }
    var got = [Float](repeating: .nan, count: reference.output.count)
    reference.source.withUnsafeBufferPointer { source in
      reference.bias.withUnsafeBufferPointer { bias in
        got.withUnsafeMutableBufferPointer { output in
          var arguments = wane_dnn_arguments()
          arguments.src = source.baseAddress
          arguments.bias = bias.baseAddress
          arguments.dst = output.baseAddress
          kernel.run(arguments, weights: reference.weights)
        }
      }
    }
    let outputs = reference.bias.count
    var expected = reference.output
    if flags & WANE_DNN_BIAS == 0 {
      for i in expected.indices { expected[i] -= Double(reference.bias[i % outputs]) }
    }
    if flags & WANE_DNN_RELU != 0 { expected = expected.map { max(0, $0) } }
    expectClose(got, expected, "forward \(kernel.implementation) flags \(flags) \(shape)")
  }

  static func checkBackwardData(
    _ reference: ReferenceConvolution, _ flags: UInt32, _ algorithm: wane_dnn_algorithm
  ) {
    var shape = reference.shape
    let made = Kernel { wane_dnn_convolution_backward_data_create(&shape, flags, algorithm, $0) }
    guard let kernel = made else { return }
    var got = [Float](repeating: .nan, count: reference.sourceGradient.count)
    reference.outputGradient.withUnsafeBufferPointer { gradient in
      got.withUnsafeMutableBufferPointer { source in
        var arguments = wane_dnn_arguments()
        arguments.diff_dst = gradient.baseAddress
        arguments.diff_src = source.baseAddress
        kernel.run(arguments, weights: reference.weights)
      }
    }
    expectClose(got, reference.sourceGradient, "backward data \(kernel.implementation) \(shape)")
  }

  static func checkBackwardWeights(
    _ reference: ReferenceConvolution, _ flags: UInt32, _ algorithm: wane_dnn_algorithm
  ) {
    var shape = reference.shape
    let made = Kernel { wane_dnn_convolution_backward_weights_create(&shape, flags, algorithm, $0) }
    guard let kernel = made else { return }
    var weights = [Float](repeating: .nan, count: reference.weights.count)
    var bias = [Float](repeating: .nan, count: reference.bias.count)
    reference.source.withUnsafeBufferPointer { source in
      reference.outputGradient.withUnsafeBufferPointer { gradient in
        weights.withUnsafeMutableBufferPointer { weights in
          bias.withUnsafeMutableBufferPointer { bias in
            var arguments = wane_dnn_arguments()
            arguments.src = source.baseAddress
            arguments.diff_dst = gradient.baseAddress
            arguments.diff_weights = weights.baseAddress
            arguments.diff_bias = bias.baseAddress
            kernel.run(arguments)
          }
        }
      }
    }
    let context = "backward weights \(kernel.implementation) \(shape)"
    expectClose(weights, reference.weightsGradient, context)
    if flags & WANE_DNN_BIAS != 0 { expectClose(bias, reference.biasGradient, "bias, \(context)") }
  }

  @Test(arguments: [Int64(1), 5])
  func everyAlgorithmMatchesTheReference(batch: Int64) {
    var random = TestRandom(seed: 7)
    let shapes = [
      Self.shape(batch: batch, size: (28, 28), channels: (1, 32), kernel: (3, 3)),
      Self.shape(batch: batch, size: (13, 13), channels: (32, 64), kernel: (3, 3)),
      Self.shape(batch: batch, size: (13, 11), channels: (13, 27), kernel: (3, 3)),
      Self.shape(batch: batch, size: (9, 9), channels: (3, 16), kernel: (3, 3), pad: [1, 1, 1, 1]),
      // Keras "same" with stride 2 pads more below and right.
      Self.shape(
        batch: batch, size: (10, 12), channels: (5, 17), kernel: (3, 3), stride: (2, 2),
        pad: [0, 0, 1, 1]),
      Self.shape(
        batch: batch, size: (11, 9), channels: (8, 24), kernel: (3, 2), stride: (1, 3),
        pad: [2, 0, 1, 1]),
      Self.shape(
        batch: batch, size: (10, 10), channels: (8, 8), kernel: (3, 3), dilation: (2, 3),
        pad: [2, 3, 2, 3]),
      Self.shape(batch: batch, size: (7, 7), channels: (16, 40), kernel: (1, 1)),
      Self.shape(
        batch: batch, size: (8, 8), channels: (20, 20), kernel: (3, 3), pad: [1, 1, 1, 1],
        groups: 20),
      Self.shape(
        batch: batch, size: (8, 8), channels: (6, 12), kernel: (3, 3), stride: (2, 2),
        pad: [0, 0, 1, 1], groups: 6),
      Self.shape(
        batch: batch, size: (6, 7), channels: (12, 40), kernel: (3, 3), pad: [1, 1, 1, 1], groups: 4
      ),
      Self.shape(batch: batch, size: (1, 1), channels: (1, 1), kernel: (1, 1)),
      Self.shape(batch: batch, size: (5, 1), channels: (2, 33), kernel: (4, 1)),
      // More taps than one slice of the forward loop.
      Self.shape(batch: batch, size: (6, 6), channels: (64, 32), kernel: (3, 3)),
    ]
    for shape in shapes { Self.check(shape, random: &random) }
  }

  /// Products of bf16 operands are exact in fp32, so with such operands nothing else differs.
  @Test func bf16OperandsGiveTheSameSums() {
    var random = TestRandom(seed: 5, isShort: true)
    let shapes = [
      Self.shape(batch: 4, size: (13, 13), channels: (32, 64), kernel: (3, 3)),
      Self.shape(batch: 3, size: (9, 8), channels: (17, 33), kernel: (3, 3), pad: [1, 1, 1, 1]),
      Self.shape(
        batch: 2, size: (10, 12), channels: (16, 32), kernel: (3, 3), stride: (2, 2),
        pad: [0, 0, 1, 1]),
      Self.shape(batch: 1, size: (6, 6), channels: (64, 128), kernel: (1, 1)),
      // Too few channels: the flag is a permission, and is not used.
      Self.shape(batch: 2, size: (9, 9), channels: (1, 32), kernel: (3, 3)),
    ]
    for shape in shapes {
      guard let reference = ReferenceConvolution(shape, random: &random) else { continue }
      for plain: UInt32 in [0, WANE_DNN_PLAIN_WEIGHTS] {
        Self.checkForward(
          reference, WANE_DNN_BIAS | WANE_DNN_RELU | WANE_DNN_BF16 | plain, WANE_DNN_AUTO)
        Self.checkBackwardData(reference, WANE_DNN_BF16 | plain, WANE_DNN_AUTO)
      }
      Self.checkBackwardWeights(reference, WANE_DNN_BIAS | WANE_DNN_BF16, WANE_DNN_AUTO)
    }
  }

  @Test(arguments: UInt64(1)...8)
  func randomShapesMatchTheReference(seed: UInt64) {
    var random = TestRandom(seed: seed)
    let widths: [Int64] = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33]
    for _ in 0..<6 {
      let groups = random.below(3) == 0 ? 1 + random.below(4) : 1
      let inputs = groups * (groups > 1 ? 1 + random.below(6) : widths[Int(random.below(12))])
      let outputs = groups * (groups > 1 ? 1 + random.below(18) : widths[Int(random.below(12))])
      let shape = Self.shape(
        batch: random.below(2) == 0 ? 1 : 5, size: (1 + random.below(11), 1 + random.below(11)),
        channels: (inputs, outputs), kernel: (1 + random.below(4), 1 + random.below(4)),
        stride: (1 + random.below(2), 1 + random.below(2)),
        dilation: (1 + random.below(2), 1 + random.below(2)),
        pad: (0..<4).map { _ in random.below(3) }, groups: groups)
      Self.check(shape, random: &random)
    }
  }
}
