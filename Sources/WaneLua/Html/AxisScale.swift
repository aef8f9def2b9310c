/// Where a value lies along an axis, and which values are marked.
struct AxisScale {
  /// The marked values.
  let ticks: [Double]
  private let low: Double
  private let high: Double
  private let isLogarithmic: Bool

  /// A scale on which all values have room.
  ///
  /// - Parameters:
  ///   - values: what is shown; for a logarithmic scale all are positive.
  ///   - isLogarithmic: whether equal steps are equal factors.
  init(_ values: [Double], isLogarithmic: Bool) {
    self.isLogarithmic = isLogarithmic
    func along(_ value: Double) -> Double { isLogarithmic ? Logarithm.of(value) : value }
    let ends = values.map(along)
    var low = ends.min() ?? 0
    var high = ends.max() ?? 1
    // One value alone stands in the middle of some room.
    let least = isLogarithmic ? 0.3 : max(abs(high) * 0.01, 1e-9)
    if high - low < least { (low, high) = (low - least / 2, high + least / 2) }
    let room = (high - low) * 0.06
    self.low = low - room
    self.high = high + room
    ticks =
      isLogarithmic
      ? AxisScale.logarithmicTicks(self.low, self.high)
      : AxisScale.linearTicks(self.low, self.high)
  }

  /// The place of a value, from 0 to 1.
  func place(_ value: Double) -> Double {
    ((isLogarithmic ? Logarithm.of(value) : value) - low) / (high - low)
  }

  private static func linearTicks(_ low: Double, _ high: Double) -> [Double] {
    let raw = (high - low) / 5
    let power = Logarithm.power(Logarithm.of(raw).rounded(.down))
    let step = [1.0, 2, 5, 10].map { $0 * power }.first { $0 >= raw } ?? raw
    let first = (low / step).rounded(.up)
    return (0..<12).map { (first + Double($0)) * step }.filter { $0 <= high }
  }

  private static func logarithmicTicks(_ low: Double, _ high: Double) -> [Double] {
    let powers = Int(low.rounded(.down))...Int(high.rounded(.up))
    func ticks(_ factors: [Double]) -> [Double] {
      powers.flatMap { power in factors.map { $0 * Logarithm.power(Double(power)) } }
        .filter { (low...high).contains(Logarithm.of($0)) }
    }
    // As many as have room beside each other.
    for factors in [[1.0, 2, 3, 5, 7], [1, 2, 5], [1, 3]] {
      let found = ticks(factors)
      if found.count <= 7 { return found }
    }
    let found = ticks([1])
    return found.enumerated().filter { $0.offset % ((found.count + 6) / 7) == 0 }.map(\.element)
  }
}
