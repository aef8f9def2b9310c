import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Every test of the kernels.
///
/// Serialized, because `wane_cpu_restrict` is a switch of the process. Tests of other targets may
/// run meanwhile: all levels give the same bits.
@Suite(.serialized) struct Kernels {}

/// Lengths around the widths of vectors and unrolled loops.
let lengths = [0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 300]

/// Runs `body` once for each level that this processor has, and lifts the limit again.
func atEachLevel(_ body: (String) throws -> Void) rethrows {
  defer { wane_cpu_restrict(~0) }
  var tried: Set<String> = []
  for mask: UInt32 in [0, 1, 3, 7, ~0] {
    wane_cpu_restrict(mask)
    let name = String(cString: wane_cpu_name())
    if tried.insert(name).inserted { try body(name) }
  }
}

/// Numbers for tests: xorshift64*, from a seed that the failure message can repeat.
struct Numbers {
  var state: UInt64

  init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func bits() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func integer(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(bits() % UInt64(range.count))
  }

  mutating func float(_ range: ClosedRange<Float> = -4...4) -> Float {
    range.lowerBound + Float(bits() >> 40) / Float(1 << 24) * (range.upperBound - range.lowerBound)
  }

  mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -4...4) -> [Float] {
    (0..<count).map { _ in float(range) }
  }
}

/// Floats that break careless code.
let awkward: [Float] = [
  0, -0.0, 1, -1, 0.5, 1.5, 2.5, -0.5, -1.5, 127.5, 128, 254.5, 255, 255.5, 256, -128.5, -129,
  1e-30,
  -1e-30, .leastNonzeroMagnitude, .leastNormalMagnitude, 1e9, -1e9, 2_147_483_520, 2_147_483_648,
  -2_147_483_648, 1e20, -1e20, .greatestFiniteMagnitude, .infinity, -.infinity, .nan, 88, 89, -87,
  -88, -104,
]

/// The distance of a float from the true value, in units in the last place.
func ulps(_ value: Float, _ truth: Double) -> Double {
  let nearest = Float(truth)
  if value == nearest || (value.isNaN && truth.isNaN) { return 0 }
  guard value.isFinite, nearest.isFinite else { return .infinity }
  return abs(Double(value) - truth) / Double(max(nearest.ulp, Float.leastNormalMagnitude.ulp))
}

/// Whether two arrays hold the same bits, any NaN equal to any.
func same(_ a: [Float], _ b: [Float]) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || ($0.isNaN && $1.isNaN) }
}

/// The largest |a - b| / max(1, |b|).
func error(_ a: [Float], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).map { abs(Double($0) - $1) / max(1, abs($1)) }.max() ?? 0
}
