import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// Activations and their gradients in double precision, at awkward lengths.
  @Suite struct Activations {
    typealias Forward = (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void
    typealias Backward = (
      UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int
    ) -> Void

    /// Checks a function, and its slope given input and result.
    private func check(
      _ forward: Forward, _ backward: Backward, fromInput: Bool = false,
      _ function: (Double) -> Double, slope: (Double) -> Double
    ) {
      for length in lengths {
        var numbers = Numbers(length)
        let x = numbers.floats(length, -12...12)
        let dy = numbers.floats(length)
        var bits: [[Float]]?
        atEachLevel { level in
          var y = [Float](repeating: 7, count: length)
          forward(x, &y, length)
          #expect(error(y, x.map { function(Double($0)) }) < 2e-6, "\(length) \(level)")
          var dx = dy
          dx.withUnsafeMutableBufferPointer {
            backward(fromInput ? x : y, UnsafePointer($0.baseAddress), $0.baseAddress, length)
          }
          let expected = zip(x, dy).map { slope(Double($0)) * Double($1) }
          #expect(error(dx, expected) < 5e-6, "gradient, \(length) \(level)")
          #expect(bits == nil || same(bits?[0] ?? [], y) && same(bits?[1] ?? [], dx), "\(level)")
          bits = [y, dx]
        }
      }
    }

    private static let sigmoid: @Sendable (Double) -> Double = { 1 / (1 + exp(-$0)) }

    @Test func piecewise() {
      check(wane_relu6_f32, wane_relu6_grad_f32) {
        min(max($0, 0), 6)
      } slope: {
        $0 > 0 && $0 < 6 ? 1 : 0
      }
      check(wane_hard_sigmoid_f32, wane_hard_sigmoid_grad_f32) {
        min(max($0 / 6 + 0.5, 0), 1)
      } slope: {
        abs($0) < 3 ? 1.0 / 6 : 0
      }
      check(wane_hard_swish_f32, wane_hard_swish_grad_f32, fromInput: true) {
        $0 * min(max($0 / 6 + 0.5, 0), 1)
      } slope: {
        $0 <= -3 ? 0 : $0 >= 3 ? 1 : $0 / 3 + 0.5
      }
      check(
        { wane_leaky_relu_f32($0, 0.25, $1, $2) },
        { wane_leaky_relu_grad_f32($0, 0.25, $1, $2, $3) }
      ) {
        $0 > 0 ? $0 : 0.25 * $0
      } slope: {
        $0 > 0 ? 1 : 0.25
      }
    }

    @Test func exponentialUnits() {
      check({ wane_elu_f32($0, 0.5, $1, $2) }, { wane_elu_grad_f32($0, 0.5, $1, $2, $3) }) {
        $0 > 0 ? $0 : 0.5 * expm1($0)
      } slope: {
        $0 > 0 ? 1 : 0.5 * exp($0)
      }
      let (scale, alpha) = (1.0507009873554805, 1.6732632423543772)
      check(wane_selu_f32, wane_selu_grad_f32) {
        scale * ($0 > 0 ? $0 : alpha * expm1($0))
      } slope: {
        scale * ($0 > 0 ? 1 : alpha * exp($0))
      }
    }

    @Test func smooth() {
      check(wane_softplus_f32, wane_softplus_grad_f32) {
        max($0, 0) + log1p(exp(-abs($0)))
      } slope: {
        Self.sigmoid($0)
      }
      check(wane_softsign_f32, wane_softsign_grad_f32) {
        $0 / (1 + abs($0))
      } slope: {
        1 / ((1 + abs($0)) * (1 + abs($0)))
      }
      check(wane_silu_f32, wane_silu_grad_f32, fromInput: true) {
        $0 * Self.sigmoid($0)
      } slope: {
        Self.sigmoid($0) * (1 + $0 * (1 - Self.sigmoid($0)))
      }
      check(wane_mish_f32, wane_mish_grad_f32, fromInput: true) {
        $0 * tanh(log1p(exp($0)))
      } slope: {
        let t = tanh(log1p(exp($0)))
        return t + $0 * (1 - t * t) * Self.sigmoid($0)
      }
      check(wane_gelu_f32, wane_gelu_grad_f32, fromInput: true) {
        $0 * erfc(-$0 / 2.0.squareRoot()) / 2
      } slope: {
        erfc(-$0 / 2.0.squareRoot()) / 2 + $0 * exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot()
      }
      let factor = (2 / Double.pi).squareRoot()
      check(wane_gelu_tanh_f32, wane_gelu_tanh_grad_f32, fromInput: true) {
        $0 / 2 * (1 + tanh(factor * ($0 + 0.044715 * $0 * $0 * $0)))
      } slope: {
        let t = tanh(factor * ($0 + 0.044715 * $0 * $0 * $0))
        return (1 + t) / 2 + $0 / 2 * (1 - t * t) * factor * (1 + 3 * 0.044715 * $0 * $0)
      }
    }

    /// Small results keep their digits, and NaN and infinities are what they should be.
    @Test func extremes() {
      var y = [Float](repeating: 0, count: 4)
      wane_softplus_f32([-20, -80, 200, .infinity], &y, 4)
      #expect(ulps(y[0], log1p(exp(-20))) < 8 && ulps(y[1], exp(-80)) < 8)
      #expect(y[2] == 200 && y[3] == .infinity)
      wane_elu_f32([.nan, -.infinity, -1e-6, .infinity], 1, &y, 4)
      #expect(y[0].isNaN && y[1] == -1 && ulps(y[2], expm1(-1e-6)) < 4 && y[3] == .infinity)
      wane_mish_f32([.nan, -200, 200, 21], &y, 4)
      #expect(y[0].isNaN && y[1] == 0 && y[2] == 200 && y[3] == 21)
      wane_gelu_f32([.nan, -40, 40, 0], &y, 4)
      #expect(y[0].isNaN && y[1] == 0 && y[2] == 40 && y[3] == 0)
    }

    @Test func learnedSlopes() {
      for columns in [1, 5, 31, 64, 65] {
        let rows = 3
        var numbers = Numbers(columns)
        let x = numbers.floats(rows * columns)
        let dy = numbers.floats(rows * columns)
        let alpha = numbers.floats(columns)
        var slopes = [Double](repeating: 0, count: columns)
        for i in x.indices where x[i] <= 0 { slopes[i % columns] += Double(dy[i]) * Double(x[i]) }
        atEachLevel { level in
          var y = x
          wane_prelu_f32(x, alpha, &y, rows, columns)
          #expect(
            y == x.indices.map { x[$0] > 0 ? x[$0] : x[$0] * alpha[$0 % columns] }, "\(level)")
          var dx = y
          var dalpha = [Float](repeating: 7, count: columns)
          wane_prelu_grad_f32(x, alpha, dy, &dx, &dalpha, rows, columns)
          #expect(
            dx == x.indices.map { x[$0] > 0 ? dy[$0] : dy[$0] * alpha[$0 % columns] }, "\(level)")
          #expect(error(dalpha, slopes) < 1e-6, "\(level)")
        }
      }
    }
  }
}
