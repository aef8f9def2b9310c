import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// Updates against the formulas in double: three steps, two ranges, with and without a mask.
  @Suite struct Optimizers {
    /// Calls `step` with the partial gradients of three shards, whose sum times 0.5 is `gradient`.
    static func withGradient(
      _ n: Int, _ numbers: inout Numbers, mask: [Float]?,
      _ step: (UnsafePointer<wane_gradient>, _ gradient: [Double]) -> Void
    ) {
      let shards = (0..<3).map { _ in numbers.floats(n) }
      var sum = (0..<n).map { i in shards.reduce(0) { $0 + Double($1[i]) } * 0.5 }
      if let mask { sum = zip(sum, mask).map { $0 * Double($1) } }
      shards[0].withUnsafeBufferPointer { a in
        shards[1].withUnsafeBufferPointer { b in
          shards[2].withUnsafeBufferPointer { c in
            [a.baseAddress, b.baseAddress, c.baseAddress].withUnsafeBufferPointer { partials in
              (mask ?? []).withUnsafeBufferPointer { maskPointer in
                var gradient = wane_gradient(
                  partials: partials.baseAddress, count: 3, scale: 0.5, limit: 0,
                  mask: mask == nil ? nil : maskPointer.baseAddress)
                step(&gradient, sum)
              }
            }
          }
        }
      }
    }

    func eachCase(_ body: (Int, inout Numbers, [Float]?, String) -> Void) {
      for n in [1, 7, 8, 33, 1024, 1025, 2100] {
        for masked in [false, true] {
          atEachLevel { level in
            var numbers = Numbers(n)
            let mask = masked ? (0..<n).map { _ in Float(numbers.integer(0...1)) } : nil
            body(n, &numbers, mask, "n \(n) masked \(masked) \(level)")
          }
        }
      }
    }

    @Test(arguments: [(0, 0), (0.9, 0), (0.9, 1)]) func sgd(_ momentum: Double, _ nesterov: Int32) {
      eachCase { n, numbers, mask, place in
        var weights = numbers.floats(n)
        if let mask { weights = zip(weights, mask).map { $0 * $1 } }
        var velocity = [Float](repeating: 0, count: n)
        var w = weights.map { Double($0) }
        var v = [Double](repeating: 0, count: n)
        var options = wane_sgd(
          learning_rate: 0.1, momentum: Float(momentum), nesterov: nesterov, weight_decay: 0.01)
        for _ in 0..<3 {
          Self.withGradient(n, &numbers, mask: mask) { gradient, g in
            wane_sgd_f32(&options, gradient, &weights, &velocity, 0, n / 3)
            wane_sgd_f32(&options, gradient, &weights, &velocity, n / 3, n)
            for i in 0..<n {
              w[i] -= 0.1 * 0.01 * w[i]
              v[i] = momentum * v[i] - 0.1 * g[i]
              w[i] += nesterov == 1 ? momentum * v[i] - 0.1 * g[i] : v[i]
            }
          }
        }
        #expect(error(weights, w) < 1e-6, "\(place)")
        #expect(momentum == 0 || error(velocity, v) < 1e-6, "\(place)")
        if let mask { #expect(zip(weights, mask).allSatisfy { $1 == 1 || $0 == 0 }, "\(place)") }
      }
    }

    @Test func adam() {
      eachCase { n, numbers, mask, place in
        var weights = numbers.floats(n)
        if let mask { weights = zip(weights, mask).map { $0 * $1 } }
        var mean = [Float](repeating: 0, count: n)
        var square = mean
        var w = weights.map { Double($0) }
        var m = [Double](repeating: 0, count: n)
        var v = m
        for step in 1...3 {
          var options = wane_adam(
            learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, weight_decay: 0.01,
            step: Int64(step))
          Self.withGradient(n, &numbers, mask: mask) { gradient, g in
            wane_adam_f32(&options, gradient, &weights, &mean, &square, nil, 0, n / 3)
            wane_adam_f32(&options, gradient, &weights, &mean, &square, nil, n / 3, n)
            let alpha =
              0.01 * (1 - pow(0.999, Double(step))).squareRoot() / (1 - pow(0.9, Double(step)))
            for i in 0..<n {
              w[i] -= 0.01 * 0.01 * w[i]
              m[i] += (g[i] - m[i]) * 0.1
              v[i] += (g[i] * g[i] - v[i]) * 0.001
              w[i] -= m[i] * alpha / (v[i].squareRoot() + 1e-7)
            }
          }
        }
        #expect(error(weights, w) < 3e-6, "\(place)")
        #expect(error(mean, m) < 1e-6 && error(square, v) < 1e-6, "\(place)")
        if let mask { #expect(zip(weights, mask).allSatisfy { $1 == 1 || $0 == 0 }, "\(place)") }
      }
    }

    /// The optimizers whose values are compared with Keras elsewhere: the same bits at each level and
    /// however the range is cut, and nothing moves outside of the range.
    @Test(arguments: ["amsgrad", "nadam", "rmsprop", "rmsprop_all", "adagrad", "adadelta", "lion"])
    func allLevelsAgree(_ name: String) {
      for n in [1, 33, 1025] {
        var first: [[Float]]?
        atEachLevel { level in
          for cut in [0, n / 3, n] {
            var numbers = Numbers(n)
            var weights = numbers.floats(n + 2)
            let ends = (weights[0], weights[n + 1])
            var slots = (0..<3).map { _ in numbers.floats(n + 2, 0...1) }
            for step in 1...3 {
              Self.withGradient(n + 2, &numbers, mask: nil) { gradient, _ in
                var limited = gradient.pointee
                limited.limit = 3
                for range in [1..<cut + 1, cut + 1..<n + 1] {
                  Self.update(name, Int64(step), &limited, &weights, &slots, range)
                }
              }
            }
            #expect(ends == (weights[0], weights[n + 1]), "\(name) \(n) \(level)")
            let all = [weights] + slots
            let expected = first ?? all
            first = expected
            #expect(zip(all, expected).allSatisfy(same), "\(name) \(n) cut \(cut) \(level)")
          }
        }
      }
    }

    private static func update(
      _ name: String, _ step: Int64, _ gradient: UnsafePointer<wane_gradient>,
      _ weights: inout [Float], _ slots: inout [[Float]], _ range: Range<Int>
    ) {
      let (begin, end) = (range.lowerBound, range.upperBound)
      var adam = wane_adam(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-7, weight_decay: 0.1, step: step)
      var (a, b, c) = (slots[0], slots[1], slots[2])
      switch name {
      case "amsgrad": wane_adam_f32(&adam, gradient, &weights, &a, &b, &c, begin, end)
      case "nadam": wane_nadam_f32(&adam, gradient, &weights, &a, &b, begin, end)
      case "rmsprop":
        var options = wane_rmsprop(
          learning_rate: 0.01, rho: 0.9, momentum: 0, epsilon: 1e-7, weight_decay: 0)
        wane_rmsprop_f32(&options, gradient, &weights, &a, nil, nil, begin, end)
      case "rmsprop_all":
        var options = wane_rmsprop(
          learning_rate: 0.01, rho: 0.9, momentum: 0.5, epsilon: 10, weight_decay: 0.1)
        wane_rmsprop_f32(&options, gradient, &weights, &a, &b, &c, begin, end)
      case "adagrad":
        var options = wane_adagrad(learning_rate: 0.01, epsilon: 1e-7, weight_decay: 0.1)
        wane_adagrad_f32(&options, gradient, &weights, &a, begin, end)
      case "adadelta":
        var options = wane_adadelta(
          learning_rate: 1, rho: 0.9, epsilon: 1e-7, weight_decay: 0.1)
        wane_adadelta_f32(&options, gradient, &weights, &a, &b, begin, end)
      default:
        var options = wane_lion(learning_rate: 0.01, beta1: 0.9, beta2: 0.99, weight_decay: 0.1)
        wane_lion_f32(&options, gradient, &weights, &a, begin, end)
      }
      slots = [a, b, c]
    }

    @Test func gatherAddsAndSquares() {
      for n in [1, 33, 300] {
        atEachLevel { level in
          var numbers = Numbers(n)
          let parts = (0..<3).map { _ in numbers.floats(n) }
          var (a, b, c) = (parts[0], parts[1], parts[2])
          var squares = 0.0
          a.withUnsafeMutableBufferPointer { a in
            b.withUnsafeMutableBufferPointer { b in
              c.withUnsafeMutableBufferPointer { c in
                var pointers = [a.baseAddress, b.baseAddress, c.baseAddress]
                squares = wane_gradient_gather_f32(&pointers, 3, 0, n)
              }
            }
          }
          let sums = (0..<n).map { (parts[0][$0] + parts[1][$0]) + parts[2][$0] }
          #expect(same(a, sums), "\(n) \(level)")
          let expected = sums.reduce(0) { $0 + Double($1) * Double($1) }
          #expect(abs(squares - expected) <= 1e-5 * expected, "\(n) \(level)")
        }
      }
    }

    @Test func movingAverages() {
      for n in lengths {
        atEachLevel { level in
          var numbers = Numbers(n)
          let x = numbers.floats(n)
          let before = numbers.floats(n)
          var average = before
          wane_moving_average_f32(x, 0.75, &average, n)
          let expected = zip(before, x).map { 0.75 * Double($0) + 0.25 * Double($1) }
          #expect(error(average, expected) < 1e-6, "\(n) \(level)")
        }
      }
    }
  }
}
