import WaneGraph
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The codes of kernels, and what each is worth: from which to tell what has to become zero so that
/// the codes take no more than so many bytes.
struct RatedCodes {
  private var kernels: [(codes: [UInt8], zero: UInt8, worth: [Float])] = []
  /// What the codes that are not zero are worth, the least first.
  private var sorted: [Float] = []

  /// Takes codes in.
  ///
  /// - Parameters:
  ///   - codes: unsigned codes.
  ///   - zero: the code of zero.
  ///   - worth: what the loss would be without each.
  mutating func add(_ codes: [UInt8], zero: UInt8, worth: [Float]) {
    kernels.append((codes, zero, worth))
    for index in codes.indices where codes[index] != zero { sorted.append(worth[index]) }
  }

  /// Ends the taking in.
  mutating func sort() { sorted.sort() }

  /// Bytes at the entropy of the codes when those worth less than `limit` are zero.
  func bytes(droppingBelow limit: Float) -> Double {
    var bits = 0.0
    for (codes, zero, worth) in kernels {
      var counts = [Int](repeating: 0, count: 256)
      for index in codes.indices { counts[Int(worth[index] < limit ? zero : codes[index])] += 1 }
      let total = Double(codes.count)
      for count in counts where count > 0 { bits -= Double(count) * log2(Double(count) / total) }
    }
    return bits / 8
  }

  /// What a code has to be worth so that those that are take at most so many bytes.
  func limit(forBytes wanted: Double) -> Float {
    var (low, high) = (0, sorted.count)
    while low < high {
      let middle = (low + high) / 2
      if bytes(droppingBelow: sorted[middle]) > wanted { low = middle + 1 } else { high = middle }
    }
    return low < sorted.count ? sorted[low] : .infinity
  }
}
