/// The option that decides how strongly a verb works, and what it can be set to.
public struct Knob: Sendable {
  /// The option.
  public let option: String
  /// Its settings, the weakest first.
  public let values: [Double]

  /// Creates a knob of some settings, the weakest first.
  public init(_ option: String, _ values: [Double]) {
    self.option = option
    self.values = values
  }

  /// The share of weights set to zero: what is left falls by the same factor from one to the next.
  public static let sparsity = Knob("sparsity", sharesTaken(upTo: 0.995, steps: 128))
  /// The distinct weights of a layer.
  public static let clusters = Knob(
    "clusters", [256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2])
  /// The share of filters taken out.
  public static let ratio = Knob("ratio", (1...95).map { Double($0) / 100 })
  /// The layers taken out.
  public static let count = Knob("count", (1...16).map(Double.init))
  /// The share of the squared singular values that is kept.
  public static let energy = Knob("energy", (10...99).reversed().map { Double($0) / 100 })
  /// The loss that a kilobyte of the file may cost.
  public static let rate = Knob(
    "rate", [1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3, 7e-3, 1e-2, 1.5e-2, 2e-2, 3e-2, 5e-2, 0.1])
  /// The bits of a weight.
  public static let bits = Knob("bits", [8, 7, 6, 5, 4, 3, 2])

  /// Shares that leave 1, r, r^2, ..., 1 - `highest` of the whole, rounded to four digits.
  private static func sharesTaken(upTo highest: Double, steps: Int) -> [Double] {
    var factor = 1 - highest
    // The root of that degree, by halving: there are 2^k steps.
    var degree = steps
    while degree > 1 {
      factor = factor.squareRoot()
      degree /= 2
    }
    var left = 1.0
    return (1...steps).map { _ in
      left *= factor
      return (10_000 * (1 - left)).rounded() / 10_000
    }
  }
}
