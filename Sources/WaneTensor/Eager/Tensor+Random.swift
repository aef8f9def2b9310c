import CKernels
import Synchronization

/// Where random tensors without a seed of their own come from: one seed for the process, and a
/// stream for each request, so that a program gets the same numbers in every run.
public enum RandomSource {
  private static let state = Mutex((seed: UInt64(0), stream: UInt64(0)))

  /// Starts over: the same requests give the same numbers again.
  public static func reseed(_ seed: UInt64) {
    state.withLock { $0 = (seed, 0) }
  }

  /// A seed that nothing else gets, for what has one seed and streams of its own.
  public static func nextSeed() -> UInt64 {
    let source = next(nil)
    // Two numbers, one: scattered by the golden ratio, as SplitMix64 does.
    return source.seed &+ source.stream &* 0x9E37_79B9_7F4A_7C15
  }

  /// A seed and a stream nobody else has; with a given seed always its first stream.
  static func next(_ seed: UInt64?) -> (seed: UInt64, stream: UInt64) {
    if let seed { return (seed, 0) }
    return state.withLock { state in
      // Stream 0 belongs to explicit seeds.
      state.stream += 1
      return (state.seed, state.stream)
    }
  }
}

extension Tensor {
  /// Uniform numbers in `low ..< high`.
  public init(
    uniform shape: Shape, low: Double = 0, high: Double = 1, seed: UInt64? = nil
  ) throws {
    let source = RandomSource.next(seed)
    self = try .built(shape, .f32, for: "rand") { y in
      wane_random_uniform_f32(source.seed, source.stream, 0, y, shape.count)
      if low != 0 || high != 1 {
        wane_affine_f32(y, Float(high - low), Float(low), y, shape.count)
      }
    }
  }

  /// Normally distributed numbers.
  public init(
    normal shape: Shape, mean: Double = 0, deviation: Double = 1, seed: UInt64? = nil
  ) throws {
    let source = RandomSource.next(seed)
    self = try .built(shape, .f32, for: "randn") { y in
      wane_random_normal_f32(source.seed, source.stream, 0, y, shape.count)
      if mean != 0 || deviation != 1 {
        wane_affine_f32(y, Float(deviation), Float(mean), y, shape.count)
      }
    }
  }

  /// Whole numbers of a range, all equally likely (within range / 2^32).
  public init(
    whole shape: Shape, in range: ClosedRange<Int>, seed: UInt64? = nil
  ) throws {
    let limits = DType.i32.wholeNumbers
    guard limits.contains(range.lowerBound), limits.contains(range.upperBound) else {
      throw WaneError("randint", "\(range.lowerBound)..\(range.upperBound) does not fit i32")
    }
    let source = RandomSource.next(seed)
    let width = UInt64(range.count)
    self = try .built(shape, .i32, for: "randint") { (y: UnsafeMutablePointer<Int32>) in
      y.withMemoryRebound(to: UInt32.self, capacity: shape.count) { words in
        wane_random_u32(source.seed, source.stream, 0, words, shape.count)
        for i in 0..<shape.count {
          let offset = Int((UInt64(words[i]) * width) >> 32)
          words[i] = UInt32(bitPattern: Int32(clamping: range.lowerBound + offset))
        }
      }
    }
  }

  /// The numbers `first ..< first + count` in random order (i32).
  public init(permutation count: Int, first: Int = 0, seed: UInt64? = nil) throws {
    guard count >= 0, count < Int(Int32.max) else {
      throw WaneError("permutation", "count must be in 0..\(Int32.max - 1), got \(count)")
    }
    let source = RandomSource.next(seed)
    self = try .built(Shape([count]), .i32, for: "permutation") { y in
      wane_random_permutation(source.seed, source.stream, y, count)
      for i in 0..<count { y[i] &+= Int32(clamping: first) }
    }
  }
}
