import WaneGraph
import WaneTensor

/// A time that work may take.
public struct TimeBudget {
  /// The seconds there are.
  public let seconds: Double
  private let clock: () -> Double
  private let start: Double

  /// Begins now.
  ///
  /// - Parameters:
  ///   - seconds: how long.
  ///   - clock: what tells the time, in seconds.
  public init(seconds: Double, clock: @escaping () -> Double = Clock.seconds) {
    self.seconds = seconds
    self.clock = clock
    start = clock()
  }

  /// The seconds that have passed.
  public var elapsed: Double { clock() - start }

  /// The seconds that are left; negative when the work is late.
  public var remaining: Double { seconds - elapsed }

  /// Reads a time: `90`, `90s`, `10min`, `1h`, `1h 30min`.
  ///
  /// - Returns: seconds; nil when the text is no positive time.
  public static func seconds(_ text: String) -> Double? {
    let units: [String: Double] = ["": 1, "s": 1, "min": 60, "h": 3600, "d": 86400]
    var total = 0.0
    var rest = Substring(text).drop { $0 == " " }
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { "0123456789.".contains($0) }
      rest = rest.dropFirst(digits.count).drop { $0 == " " }
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count).drop { $0 == " " }
      guard let number = Double(digits), let factor = units[String(unit)] else { return nil }
      total += number * factor
    }
    return total > 0 && total.isFinite ? total : nil
  }
}
