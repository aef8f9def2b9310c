import CKernels

extension Tensor {
  /// Ones with a probability, zeros else.
  ///
  /// - Throws: when the probability is not in 0...1.
  public init(bernoulli shape: Shape, probability: Double, seed: UInt64? = nil) throws {
    guard (0...1).contains(probability) else {
      throw WaneError("bernoulli", "p must be in [0, 1], got \(Scalar.real(probability))")
    }
    let uniform = try Tensor(uniform: shape, seed: seed)
    self = try Comparison.less.apply(.tensor(uniform), .scalar(.real(probability)))
      .converted(to: .f32)
  }

  /// Normally distributed numbers no farther than two deviations from the mean: others are drawn
  /// again.
  public init(
    truncatedNormal shape: Shape, mean: Double = 0, deviation: Double = 1, seed: UInt64? = nil
  ) throws {
    let source = RandomSource.next(seed)
    let n = shape.count
    self = try .built(shape, .f32, for: "truncated_normal") { (y: UnsafeMutablePointer<Float>) in
      wane_random_normal_f32(source.seed, source.stream, 0, y, n)
      for i in 0..<n where abs(y[i]) > 2 {
        // One draw of 22 is beyond; 40 in a row, less often than 1 in 10^53.
        for turn in 1...40 where abs(y[i]) > 2 {
          // Streams of their own, far from those of other tensors.
          let stream = source.stream &+ UInt64(turn) << 48
          wane_random_normal_f32(source.seed, stream, UInt64(i), y + i, 1)
        }
        y[i] = min(max(y[i], -2), 2)
      }
      if mean != 0 || deviation != 1 {
        wane_affine_f32(y, Float(deviation), Float(mean), y, n)
      }
    }
  }
}
