import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// exp, log, sigmoid and tanh against libm in double, over floats of every exponent.
  @Suite struct Functions {
    typealias Kernel = (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void

    static let sweep: [Float] = stride(from: UInt32(0), to: 0x7f80_0000, by: 65_521).flatMap {
      [Float(bitPattern: $0), -Float(bitPattern: $0)]
    }

    /// Checks a kernel where `domain` holds, and that all levels give the same bits everywhere.
    func check(
      _ kernel: Kernel, _ function: (Double) -> Double, within bound: Double,
      where domain: (Float) -> Bool = { _ in true }
    ) {
      let x = Self.sweep + awkward
      var bits: [UInt32]?
      atEachLevel { level in
        var y = [Float](repeating: 0, count: x.count)
        kernel(x, &y, x.count)
        var worst = (ulps: 0.0, x: Float(0), y: Float(0))
        for (value, input) in zip(y, x) where domain(input) {
          let distance = ulps(value, function(Double(input)))
          if distance > worst.ulps { worst = (distance, input, value) }
        }
        #expect(worst.ulps <= bound, "\(worst) \(level)")
        let patterns = y.map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern }
        #expect(bits == nil || bits == patterns, "\(level)")
        bits = patterns
      }
    }

    @Test func exponential() {
      // Results below the normal range are flushed to zero.
      check(wane_exp_f32, exp, within: 2) { !($0 > -104 && $0 < -87.33) }
    }

    @Test func logarithm() { check(wane_log_f32, { log($0) }, within: 2) }

    @Test func hyperbolicTangent() { check(wane_tanh_f32, tanh, within: 4) }

    @Test func sigmoid() {
      check(wane_sigmoid_f32, { 1 / (1 + exp(-$0)) }, within: 4) { $0 > -87 || $0 < -104 }
    }

    @Test func logarithmOutsideItsDomain() {
      let x: [Float] = [0, -0.0, -1, .infinity, .nan, -.infinity]
      var y = [Float](repeating: 0, count: x.count)
      wane_log_f32(x, &y, x.count)
      #expect(same(y, [-.infinity, -.infinity, .nan, .infinity, .nan, .nan]))
    }
  }
}
