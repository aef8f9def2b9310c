/// What quantization does besides rounding each weight to the nearest point of its grid.
public struct QuantizationRefinement: Sendable, Equatable {
  /// Which of its two neighbours on the grid a weight becomes.
  public enum Rounding: String, CaseIterable, Sendable {
    /// The nearer one.
    case nearest
    /// That which keeps what the layer gives (Nagel et al., 2020).
    case adaptive
  }

  /// Whether channels between layers get like ranges first.
  public var equalizes: Bool
  /// How weights are rounded.
  public var rounding: Rounding
  /// Whether biases take the mean error of rounding back.
  public var correctsBias: Bool

  /// Creates options; without any, weights become the nearest.
  public init(equalizes: Bool = false, rounding: Rounding = .nearest, correctsBias: Bool = false) {
    self.equalizes = equalizes
    self.rounding = rounding
    self.correctsBias = correctsBias
  }

  /// What differs from the usual, for reports.
  var reported: [(name: String, value: ReportValue)] {
    var result: [(name: String, value: ReportValue)] = []
    if equalizes { result.append(("equalize", .text("true"))) }
    if rounding != .nearest { result.append(("rounding", .text(rounding.rawValue))) }
    if correctsBias { result.append(("bias_correction", .text("true"))) }
    return result
  }
}
