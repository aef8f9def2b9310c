import COneDNN
import Testing

/// Dense layers and matrix products.
@Suite struct ProductTests {
  /// Row-major a[m, k] b[k, n] in double precision, operands optionally stored transposed.
  static func product(
    _ a: [Float], _ b: [Float], m: Int, n: Int, k: Int, transposeA: Bool = false,
    transposeB: Bool = false
  ) -> [Double] {
    var c = [Double](repeating: 0, count: m * n)
    for i in 0..<m {
      for j in 0..<n {
        for l in 0..<k {
          let x = transposeA ? a[l * m + i] : a[i * k + l]
          let y = transposeB ? b[j * k + l] : b[l * n + j]
          c[i * n + j] += Double(x) * Double(y)
        }
      }
    }
    return c
  }

  /// Runs a kernel with the buffers that `assign` puts into the arguments; returns the output.
  static func run(
    _ kernel: Kernel, count: Int, weights: [Float], inputs: [[Float]],
    assign: (inout wane_dnn_arguments, [UnsafePointer<Float>?], UnsafeMutablePointer<Float>?) ->
      Void
  ) -> [Float] {
    var output = [Float](repeating: .nan, count: count)
    let copies = inputs.map { values in
      let copy = UnsafeMutablePointer<Float>.allocate(capacity: max(values.count, 1))
      copy.initialize(from: values, count: values.count)
      return copy
    }
    defer {
      for copy in copies { copy.deallocate() }
    }
    output.withUnsafeMutableBufferPointer { output in
      var arguments = wane_dnn_arguments()
      assign(&arguments, copies.map { UnsafePointer($0) }, output.baseAddress)
      kernel.run(arguments, weights: weights)
    }
    return output
  }

  @Test(arguments: [Int64(1), 2, 5, 16], [Int64(1), 7, 63, 200, 325])
  func denseMatchesTheReference(batch: Int64, inputs: Int64) {
    var random = TestRandom(seed: UInt64(batch * 1000 + inputs))
    for outputs: Int64 in [1, 7, 8, 9, 10, 16, 17, 31, 32, 33, 63, 64, 65, 129] {
      let (n, i, o) = (Int(batch), Int(inputs), Int(outputs))
      let source = random.floats(n * i)
      let weights = random.floats(i * o)
      let bias = random.floats(o)
      let gradient = random.floats(n * o)
      var shape = wane_dnn_dense(batch: batch, inputs: inputs, outputs: outputs)
      var forward = Self.product(source, weights, m: n, n: o, k: i)
      for at in forward.indices { forward[at] = max(0, forward[at] + Double(bias[at % o])) }
      let data = Self.product(gradient, weights, m: n, n: i, k: o, transposeB: true)
      let weightsGradient = Self.product(source, gradient, m: i, n: o, k: n, transposeA: true)
      let biasGradient = (0..<o).map { at in
        stride(from: at, to: n * o, by: o).reduce(0.0) { $0 + Double(gradient[$1]) }
      }
      for algorithm in [WANE_DNN_AUTO, WANE_DNN_DIRECT, WANE_DNN_GEMM, WANE_DNN_OWN] {
        let context = "\(shape) \(algorithm)"
        for plain: UInt32 in [0, WANE_DNN_PLAIN_WEIGHTS] {
          let flags = plain | WANE_DNN_BIAS | WANE_DNN_RELU
          let first = Kernel { wane_dnn_dense_forward_create(&shape, flags, algorithm, $0) }
          if let kernel = first {
            let got = Self.run(kernel, count: n * o, weights: weights, inputs: [source, bias]) {
              $0.src = $1[0]
              $0.bias = $1[1]
              $0.dst = $2
            }
            expectClose(got, forward, "forward \(context)")
          }
          let second = Kernel { wane_dnn_dense_backward_data_create(&shape, plain, algorithm, $0) }
          if let kernel = second {
            let got = Self.run(kernel, count: n * i, weights: weights, inputs: [gradient]) {
              $0.diff_dst = $1[0]
              $0.diff_src = $2
            }
            expectClose(got, data, "backward data \(context)")
          }
        }
        let third = Kernel {
          wane_dnn_dense_backward_weights_create(&shape, WANE_DNN_BIAS, algorithm, $0)
        }
        if let kernel = third {
          // Both gradients in one buffer: weights first, bias behind them.
          let got = Self.run(kernel, count: i * o + o, weights: [], inputs: [source, gradient]) {
            $0.src = $1[0]
            $0.diff_dst = $1[1]
            $0.diff_weights = $2
            $0.diff_bias = $2?.advanced(by: i * o)
          }
          expectClose(Array(got[..<(i * o)]), weightsGradient, "backward weights \(context)")
          expectClose(Array(got[(i * o)...]), biasGradient, "bias \(context)")
        }
      }
    }
  }

  /// Operands rounded to bf16 as the processor does, halves to even.
  private static func rounded(_ values: [Float]) -> [Float] {
    values.map { value in
      let bits = value.bitPattern
      return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }
  }

  /// Where bf16 is used, what is multiplied is rounded and nothing else.
  @Test(
    arguments: [Int64(1), 3, 32, 67], [(Int64(512), Int64(300)), (77, 96), (40, 33), (31, 64)])
  func denseInBF16MatchesTheReference(batch: Int64, size: (Int64, Int64)) {
    var random = TestRandom(seed: UInt64(batch * 7 + size.0))
    let (n, i, o) = (Int(batch), Int(size.0), Int(size.1))
    let (source, weights) = (random.floats(n * i), random.floats(i * o))
    let (bias, gradient) = (random.floats(o), random.floats(n * o))
    var shape = wane_dnn_dense(batch: batch, inputs: size.0, outputs: size.1)
    func round(_ values: [Float], _ kernel: Kernel) -> [Float] {
      kernel.implementation.hasPrefix("bf16") ? Self.rounded(values) : values
    }
    for plain: UInt32 in [0, WANE_DNN_PLAIN_WEIGHTS] {
      let flags = plain | WANE_DNN_BIAS | WANE_DNN_RELU | WANE_DNN_BF16
      let made = Kernel { wane_dnn_dense_forward_create(&shape, flags, WANE_DNN_AUTO, $0) }
      guard let kernel = made else { continue }
      var expected = Self.product(
        round(source, kernel), round(weights, kernel), m: n, n: o, k: i)
      for at in expected.indices { expected[at] = max(0, expected[at] + Double(bias[at % o])) }
      let got = Self.run(kernel, count: n * o, weights: weights, inputs: [source, bias]) {
        $0.src = $1[0]
        $0.bias = $1[1]
        $0.dst = $2
      }
      expectClose(got, expected, "forward \(shape) \(kernel.implementation)")
    }
    let data = Kernel {
      wane_dnn_dense_backward_data_create(
        &shape, WANE_DNN_PLAIN_WEIGHTS | WANE_DNN_BF16, WANE_DNN_AUTO, $0)
    }
    if let kernel = data {
      let expected = Self.product(
        round(gradient, kernel), round(weights, kernel), m: n, n: i, k: o, transposeB: true)
      let got = Self.run(kernel, count: n * i, weights: weights, inputs: [gradient]) {
        $0.diff_dst = $1[0]
        $0.diff_src = $2
      }
      expectClose(got, expected, "backward data \(shape) \(kernel.implementation)")
    }
    let both = Kernel {
      wane_dnn_dense_backward_weights_create(
        &shape, WANE_DNN_BIAS | WANE_DNN_BF16, WANE_DNN_AUTO, $0)
    }
    guard let kernel = both else { return }
    // The gradient of the bias is a sum of what was not rounded.
    let expected = Self.product(
      round(source, kernel), round(gradient, kernel), m: i, n: o, k: n, transposeA: true)
    let sums = (0..<o).map { at in
      stride(from: at, to: n * o, by: o).reduce(0.0) { $0 + Double(gradient[$1]) }
    }
    let got = Self.run(kernel, count: i * o + o, weights: [], inputs: [source, gradient]) {
      $0.src = $1[0]
      $0.diff_dst = $1[1]
      $0.diff_weights = $2
      $0.diff_bias = $2?.advanced(by: i * o)
    }
    expectClose(
      Array(got[..<(i * o)]), expected, "backward weights \(shape) \(kernel.implementation)")
    expectClose(Array(got[(i * o)...]), sums, "bias \(shape)")
  }

  @Test(arguments: [false, true], [false, true])
  func matmulMatchesTheReference(transposeA: Bool, transposeB: Bool) {
    var random = TestRandom(seed: 3)
    for shared in [false, true] {
      let (batch, m, n, k) = (3, 5, 9, 17)
      let a = random.floats(batch * m * k)
      let b = random.floats((shared ? 1 : batch) * k * n)
      let bias = random.floats(n)
      var shape = wane_dnn_matmul(
        batch: Int64(batch), m: Int64(m), n: Int64(n), k: Int64(k),
        transpose_a: transposeA ? 1 : 0, transpose_b: transposeB ? 1 : 0, shared_b: shared ? 1 : 0)
      let flags = WANE_DNN_BIAS | WANE_DNN_RELU
      guard let kernel = Kernel({ wane_dnn_matmul_create(&shape, flags, $0) }) else {
        Issue.record("matmul is always supported")
        continue
      }
      let got = Self.run(kernel, count: batch * m * n, weights: b, inputs: [a, bias]) {
        $0.src = $1[0]
        $0.bias = $1[1]
        $0.dst = $2
      }
      var expected: [Double] = []
      for i in 0..<batch {
        let left = Array(a[(i * m * k)..<((i + 1) * m * k)])
        let right = shared ? b : Array(b[(i * k * n)..<((i + 1) * k * n)])
        expected += Self.product(
          left, right, m: m, n: n, k: k, transposeA: transposeA, transposeB: transposeB)
      }
      for at in expected.indices { expected[at] = max(0, expected[at] + Double(bias[at % n])) }
      expectClose(got, expected, "matmul \(shape)")
    }
  }

  @Test(arguments: [false, true], [false, true])
  func multipliesPartsOfMatrices(transposeA: Bool, transposeB: Bool) {
    var random = TestRandom(seed: 5)
    let (m, n, k) = (5, 19, 7)
    let (aStep, bStep, cStep) = ((transposeA ? m : k) + 2, (transposeB ? k : n) + 3, n + 1)
    let a = random.floats((transposeA ? k : m) * aStep)
    let b = random.floats((transposeB ? n : k) * bStep)
    for accumulates in [false, true] {
      var shape = wane_dnn_multiplication(
        m: Int64(m), n: Int64(n), k: Int64(k), a_step: Int64(aStep), b_step: Int64(bStep),
        c_step: Int64(cStep), transpose_a: transposeA ? 1 : 0, transpose_b: transposeB ? 1 : 0,
        accumulate: accumulates ? 1 : 0)
      #expect(wane_dnn_multiplication_check(&shape) == WANE_DNN_OK)
      var c = [Float](repeating: 2, count: m * cStep)
      #expect(wane_dnn_multiply(&shape, 0.5, a, b, &c) == WANE_DNN_OK)
      var expected = [Double](repeating: 2, count: m * cStep)
      for i in 0..<m {
        for j in 0..<n {
          expected[i * cStep + j] = (0..<k).reduce(accumulates ? 2 : 0) {
            let left = transposeA ? a[$1 * aStep + i] : a[i * aStep + $1]
            let right = transposeB ? b[j * bStep + $1] : b[$1 * bStep + j]
            return $0 + 0.5 * Double(left) * Double(right)
          }
        }
      }
      expectClose(c, expected, "multiply \(shape)")
    }
  }

  @Test func refusesMultiplicationsThatMakeNoSense() {
    func text(_ change: (inout wane_dnn_multiplication) -> Void) -> String {
      var shape = wane_dnn_multiplication(
        m: 2, n: 3, k: 4, a_step: 4, b_step: 3, c_step: 3, transpose_a: 0, transpose_b: 0,
        accumulate: 0)
      change(&shape)
      #expect(wane_dnn_multiplication_check(&shape) == WANE_DNN_INVALID)
      return String(cString: wane_dnn_last_error())
    }
    #expect(text { $0.m = 0 } == "multiply: m must be in [1, 2147483647], got 0")
    #expect(text { $0.k = 1 << 31 }.hasPrefix("multiply: k must be in"))
    #expect(text { $0.a_step = 3 } == "multiply: a_step 3 is shorter than a row of 4")
    #expect(text { $0.c_step = 1 << 40 }.hasPrefix("multiply: c_step must be in"))
  }
}
