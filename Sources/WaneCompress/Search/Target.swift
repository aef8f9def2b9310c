import WaneTensor

/// What a model may take at most.
public struct Target: Sendable {
  /// The limits.
  public let limits: Costs

  /// Creates a target.
  ///
  /// - Throws: when there is no limit, or one that is not a positive number.
  public init(_ limits: Costs) throws {
    guard !limits.isEmpty else {
      let names = Quantity.allCases.map(\.rawValue).joined(separator: ", ")
      throw WaneError("target", "names none of \(names)")
    }
    for (quantity, limit) in limits where !(limit > 0 && limit.isFinite) {
      throw WaneError("target", "\(quantity.rawValue) must be a positive number, got \(limit)")
    }
    self.limits = limits
  }

  /// What is limited, in order.
  public var quantities: [Quantity] { limits.keys.sorted() }

  /// How many times its limit a model takes of what it misses most; at most 1 when it meets all.
  public func excess(_ costs: Costs) -> Double {
    limits.map { (costs[$0.key] ?? .infinity) / $0.value }.max() ?? 0
  }

  /// `at most 8000 bytes, 20.0 us`.
  public var text: String { "at most \(limits.text)" }
}

/// What a search is for.
public struct Goal: Sendable {
  /// What the model may take.
  public let target: Target?
  /// How much accuracy may be lost, as a fraction.
  public let maxDrop: Double?

  /// Creates a goal.
  ///
  /// - Throws: when there is neither, or the drop is not in [0, 1).
  public init(target: Target?, maxDrop: Double?) throws {
    if let maxDrop, !(0..<1 ~= maxDrop) {
      throw WaneError("max_drop", "must be in [0, 1), got \(maxDrop)")
    }
    guard target != nil || maxDrop != nil else {
      throw WaneError("search", "needs a target or max_drop")
    }
    self.target = target
    self.maxDrop = maxDrop
  }

  /// Whether what was measured is what is wanted.
  public func isMet(_ costs: Costs, drop: Double?) -> Bool {
    if let target, target.excess(costs) > 1 { return false }
    guard let maxDrop else { return true }
    return (drop ?? .infinity) <= maxDrop
  }

  /// `at most 8000 bytes within 0.50 points of accuracy`.
  public var text: String {
    let parts = [
      target?.text, maxDrop.map { "within \(DecimalText.fixed($0 * 100, 2)) points of accuracy" },
    ]
    return parts.compactMap { $0 }.joined(separator: " ")
  }
}
