import WaneTensor

/// What becomes zero as a whole.
///
/// Rows and columns are those of the kernel as a matrix; the shape of the kernel stays.
public enum PruningUnit: Sendable, Equatable, CustomStringConvertible {
  /// Single weights.
  case weight
  /// Rectangles, smaller ones at the far borders of a matrix that they do not divide.
  case block(rows: Int, columns: Int)
  /// All that one input is multiplied by.
  case row
  /// All that goes into one output.
  case column
  /// Of every `of` weights in a row of inputs to one output, all but `keeping` (Mishra et al.,
  /// "Accelerating sparse deep neural networks", 2021).
  case pattern(keeping: Int, of: Int)

  /// The name for scripts: `block 4x1`, `2:4`.
  public var description: String {
    switch self {
    case .weight: "weight"
    case .block(let rows, let columns): "block \(rows)x\(columns)"
    case .row: "row"
    case .column: "column"
    case .pattern(let keeping, let group): "\(keeping):\(group)"
    }
  }

  /// What several are called.
  var plural: String {
    switch self {
    case .weight, .pattern: "weights"
    case .block: "blocks"
    case .row: "rows"
    case .column: "columns"
    }
  }

  /// The same, if it can be.
  ///
  /// - Throws: when an extent is not positive, or a pattern does not leave something out.
  func validated(_ verb: String) throws -> PruningUnit {
    switch self {
    case .weight, .row, .column: break
    case .block(let rows, let columns):
      guard (1...1 << 20).contains(rows), (1...1 << 20).contains(columns) else {
        throw WaneError(
          verb, "block must have 1 to \(1 << 20) rows and columns, got \(rows)x\(columns)")
      }
    case .pattern(let keeping, let group):
      guard keeping >= 1, group > keeping, group <= 1 << 20 else {
        throw WaneError(
          verb, "unit n:m must keep 1 or more of more than that, got \(keeping):\(group)")
      }
    }
    return self
  }
}
