#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A tensor as text for people: type and shape, then the elements in brackets and columns.
///
///     Tensor 2x3 f32
///     [[ 1.00 -2.50  3.00]
///      [ 0.25  0.00  1.00]]
///
/// Large tensors show three elements at both ends of each axis. A scalar is the number alone.
struct TensorText {
  /// From how many elements on the middle is left out.
  static let mostElements = 1000
  /// How many elements then stand at either end of an axis.
  static let edge = 3
  /// Where lines of elements are broken.
  static let lineWidth = 80

  private let tensor: Tensor
  private let isSummarized: Bool
  private var cells: [String] = []
  private var next = 0

  /// The text of a tensor.
  static func of(_ tensor: Tensor) throws -> String {
    var text = TensorText(tensor)
    var positions: [Int] = []
    text.collect(axis: 0, offset: 0, into: &positions)
    let elements = try positions.map { try tensor.element($0) }
    text.cells = NumberColumn.format(elements, tensor.dtype)
    if tensor.shape.rank == 0 { return text.cells.first ?? "" }
    return "Tensor \(tensor.shape) \(tensor.dtype)\n" + text.block(axis: 0)
  }

  private init(_ tensor: Tensor) {
    self.tensor = tensor
    isSummarized = tensor.count > Self.mostElements
  }

  /// The positions along an axis that are shown; nil stands for those left out.
  private func shown(_ axis: Int) -> [Int?] {
    let extent = tensor.shape[axis]
    guard isSummarized, extent > 2 * Self.edge else { return Array(0..<extent) }
    return Array(0..<Self.edge) + [nil] + Array(extent - Self.edge..<extent)
  }

  /// The positions of the elements that are shown, in order.
  private func collect(axis: Int, offset: Int, into positions: inout [Int]) {
    guard axis < tensor.shape.rank else { return positions.append(offset) }
    for case let position? in shown(axis) {
      collect(axis: axis + 1, offset: offset * tensor.shape[axis] + position, into: &positions)
    }
  }

  /// The elements below an axis, in brackets.
  ///
  /// Takes the cells in the order of `collect`.
  private mutating func block(axis: Int) -> String {
    let indent = String(repeating: " ", count: axis + 1)
    if axis == tensor.shape.rank - 1 {
      var (lines, line) = ("", "")
      for position in shown(axis) {
        let cell = position == nil ? "..." : takeCell()
        if !line.isEmpty, indent.count + line.count + cell.count + 2 > Self.lineWidth {
          lines += line + "\n" + indent
          line = ""
        }
        line += line.isEmpty ? cell : " " + cell
      }
      return "[" + lines + line + "]"
    }
    // Deeper blocks are set apart by blank lines, as in NumPy.
    let newlines = String(repeating: "\n", count: tensor.shape.rank - 1 - axis)
    var parts: [String] = []
    for position in shown(axis) {
      parts.append(position == nil ? "..." : block(axis: axis + 1))
    }
    return "[" + parts.joined(separator: newlines + indent) + "]"
  }

  private mutating func takeCell() -> String {
    defer { next += 1 }
    return next < cells.count ? cells[next] : ""
  }
}

/// Numbers brought to one width and one number of decimals.
enum NumberColumn {
  /// Digits after the point at most.
  private static let mostDecimals = 4

  /// The texts of elements, padded on the left to one width.
  static func format(_ elements: [Scalar], _ dtype: DType) -> [String] {
    let texts: [String]
    switch dtype {
    case .f32, .f16, .bf16: texts = formatReals(elements.map(\.double))
    case .bool: texts = elements.map { $0.double == 0 ? "false" : "true" }
    case .i32, .u8, .i8: texts = elements.map(\.description)
    }
    let width = texts.map(\.count).max() ?? 0
    return texts.map { String(repeating: " ", count: width - $0.count) + $0 }
  }

  /// Plain decimals while every number shows a digit that way, powers of ten else.
  private static func formatReals(_ values: [Double]) -> [String] {
    let sizes = values.filter { $0.isFinite && $0 != 0 }.map(abs)
    let scale = 10_000.0
    if let least = sizes.min(), let most = sizes.max(), most >= 1e8 || least < 0.5 / scale {
      return values.map { special($0) ?? exponential($0) }
    }
    var decimals = 0
    for size in sizes {
      var digits = Int((size * scale).rounded())
      var needed = mostDecimals
      while needed > decimals, digits % 10 == 0 {
        digits /= 10
        needed -= 1
      }
      decimals = max(decimals, needed)
    }
    return values.map { special($0) ?? fixed($0, decimals) }
  }

  private static func special(_ value: Double) -> String? {
    if value.isNaN { return "nan" }
    return value.isInfinite ? (value < 0 ? "-inf" : "inf") : nil
  }

  /// `-2.50`.
  ///
  /// No decimals leave the point: `3.`. Independent of the locale, unlike printf.
  private static func fixed(_ value: Double, _ decimals: Int) -> String {
    let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    let digits = Int((abs(value) * Double(scale)).rounded())
    let (whole, fraction) = digits.quotientAndRemainder(dividingBy: scale)
    let text = decimals == 0 ? "" : String("\(scale + fraction)".dropFirst())
    let sign = value.sign == .minus && (digits > 0 || value == 0) ? "-" : ""
    return "\(sign)\(whole).\(text)"
  }

  /// `-2.5000e-07`.
  private static func exponential(_ value: Double) -> String {
    let size = abs(value)
    var exponent = size == 0 ? 0 : Int(log10(size).rounded(.down))
    var mantissa = size == 0 ? 0 : size / pow(10, Double(exponent))
    if (mantissa * 10_000).rounded() >= 100_000 {
      mantissa /= 10
      exponent += 1
    }
    let digits = abs(exponent) < 10 ? "0\(abs(exponent))" : "\(abs(exponent))"
    let sign = value.sign == .minus ? "-" : ""
    return sign + fixed(mantissa, mostDecimals) + "e" + (exponent < 0 ? "-" : "+") + digits
  }
}

extension Tensor {
  /// Type, shape and elements for people; large tensors are summarised, a scalar is its number.
  public func text() throws -> String { try TensorText.of(self) }
}
