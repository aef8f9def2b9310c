import WaneGraph
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Parameter {
  /// The step of a grid on which training for few bits starts: the one that rounds normally distributed
  /// weights to 4 bits with the least squared error, 0.335 standard deviations (Max, "Quantizing for
  /// minimum distortion", 1960).
  ///
  /// Zeros do not count, so that pruned kernels start as finely. Nil when there is nothing else.
  func entropyStep() throws -> Float? {
    let (squares, count) = try decoded().with(Float.self) { values in
      values.reduce((0.0, 0)) { ($0.0 + Double($1) * Double($1), $0.1 + ($1 == 0 ? 0 : 1)) }
    }
    let step = Float(0.335 * (squares / Double(max(count, 1))).squareRoot())
    return step.isNormal ? step : nil
  }

  /// Why a kernel cannot be trained on a grid of one scale; nil when it can.
  var reasonAgainstCodeGrid: String? {
    if isCodebook { return "its weights are shared" }
    if grid?.isBinary == true { return "its weights are binary" }
    return isTrainable ? nil : "it is frozen"
  }

  /// The step of the grid of `bits` bits that reaches the largest value.
  func fullStep(bits: Int) throws -> Float? {
    guard case .dense = payload else { return nil }
    let largest = try decoded().with(Float.self) { $0.reduce(0) { max($0, abs($1)) } }
    let step = largest / Float(WeightGrid.highest(bits: bits))
    return step.isNormal ? step : nil
  }

  /// The same values on a grid of as few bits as hold the codes there are.
  ///
  /// - Parameter pinning: whether zeros stay zero from now on.
  /// - Returns: the parameter on that grid; one that is on none as it is.
  /// - Throws: when memory cannot be had.
  func withCompactGrid(pinning: Bool = true) throws -> Parameter {
    guard case .integer(let packed, let grid) = payload, grid.axis == nil, grid.isSymmetric,
      grid.bits > 1
    else { return self }
    let codes = try packed.unpacked().map { Int($0) - grid.highest }
    let largest = codes.reduce(0) { max($0, abs($1)) }
    let bits = (2...grid.bits).first { WeightGrid.highest(bits: $0) >= largest } ?? grid.bits
    let compact = try WeightGrid(bits: bits, scales: grid.scales, axis: nil)
    return try replacing(
      .integer(
        codes: PackedCodes(codes.map { UInt8($0 + compact.highest) }, bits: bits), grid: compact),
      isMasked: pinning || isMasked)
  }

  /// Bytes of the values at the entropy of their codes, or as floats.
  func codeEntropyBytes() throws -> Double {
    guard case .integer(let packed, _) = payload else { return Double(byteCount) }
    var counts = [Int](repeating: 0, count: 256)
    for code in try packed.unpacked() { counts[Int(code)] += 1 }
    let total = Double(shape.count)
    return counts.reduce(0) { sum, count in
      count == 0 ? sum : sum - Double(count) * log2(Double(count) / total)
    } / 8
  }
}
