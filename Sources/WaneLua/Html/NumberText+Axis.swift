/// Numbers as they stand beside axes: short, in a unit that suits them.
extension NumberText {
  private static func short(_ value: Double, _ unit: String) -> String {
    "\(fixed(value, value < 10 && value != value.rounded() ? 1 : 0))\(unit)"
  }

  /// Bytes: `8 kB`.
  static func bytes(_ value: Double) -> String {
    if value < 1000 { return short(value, " B") }
    if value < 1e6 { return short(value / 1000, " kB") }
    if value < 1e9 { return short(value / 1e6, " MB") }
    return short(value / 1e9, " GB")
  }

  /// A count: `2.5 M`.
  static func count(_ value: Double) -> String {
    if value < 1000 { return short(value, "") }
    if value < 1e6 { return short(value / 1000, " k") }
    if value < 1e9 { return short(value / 1e6, " M") }
    return short(value / 1e9, " G")
  }

  /// Seconds: `20 us`.
  static func shortDuration(_ value: Double) -> String {
    if value < 1e-6 { return short(value * 1e9, " ns") }
    if value < 1e-3 { return short(value * 1e6, " us") }
    if value < 1 { return short(value * 1e3, " ms") }
    return short(value, " s")
  }
}
