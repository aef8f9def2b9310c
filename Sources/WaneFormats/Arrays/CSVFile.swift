import WaneNN
import WaneTensor

/// Tables as text: a line a row, values set apart by commas (RFC 4180).
public struct CSVFile: Sendable {
  /// What the columns are called; empty when the first line holds values.
  public let columns: [String]
  /// The fields, row by row.
  private let fields: [Field]
  private let columnCount: Int
  private let path: String

  /// A value, as it stands and as a number.
  private struct Field: Sendable {
    var text: String
    var number: Double?
    var line: Int
  }

  /// The number of rows.
  public var rowCount: Int { columnCount == 0 ? 0 : fields.count / columnCount }

  /// Reads a table.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - separator: the character between values, one byte.
  ///   - hasHeader: whether the first line holds names; when nil, whether none of it is a number.
  /// - Throws: with path, line and reason when it cannot be read or its lines differ in their number
  ///   of values.
  public init(_ path: String, separator: Character = ",", hasHeader: Bool? = nil) throws {
    guard let mark = separator.asciiValue, mark != UInt8(ascii: "\""), mark != 10, mark != 13 else {
      throw WaneError("csv", "the separator must be one ASCII character, got '\(separator)'")
    }
    let source = try FileSource(path, for: "csv")
    let bytes = try source.bytes(at: 0, count: source.count)
    var scanner = CSVScanner(bytes, separator: mark)
    var (fields, columns): ([Field], [String]) = ([], [])
    var width: Int?
    while let line = scanner.line {
      let values: [String]
      do {
        values = try scanner.row()
      } catch let defect as CSVScanner.Defect {
        throw FileSource.error("csv", path, "line \(defect.line) \(defect.reason)")
      }
      // An empty line is no row.
      if values == [""] { continue }
      guard let expected = width else {
        width = values.count
        if hasHeader ?? values.allSatisfy({ CSVFile.number($0) == nil }) {
          columns = values
          continue
        }
        fields += values.map { Field(text: $0, number: CSVFile.number($0), line: line) }
        continue
      }
      guard values.count == expected else {
        throw FileSource.error(
          "csv", path, "line \(line) has \(values.count) values, those before have \(expected)")
      }
      fields += values.map { Field(text: $0, number: CSVFile.number($0), line: line) }
    }
    self.path = path
    self.columns = columns
    self.fields = fields
    columnCount = width ?? 0
  }

  /// A number as CSV files hold it; nil for other text.
  private static func number(_ text: String) -> Double? {
    let trimmed = text.drop { $0 == " " }
    guard let last = trimmed.lastIndex(where: { $0 != " " }) else { return nil }
    return Double(trimmed[...last])
  }

  /// The position of a column, from 0, by its name.
  ///
  /// - Throws: when there is none of that name.
  public func column(_ name: String) throws -> Int {
    if let found = columns.firstIndex(of: name) { return found }
    let names = columns.map { "'\($0)'" }.joined(separator: ", ")
    throw FileSource.error(
      "csv", path,
      columns.isEmpty ? "has no names of columns" : "has no column '\(name)', only \(names)")
  }

  /// The position of a column, from 0, by its number from 1, or from -1 at the end backwards.
  ///
  /// - Throws: when there is none.
  public func column(number: Int) throws -> Int {
    let found = number < 0 ? number + columnCount : number - 1
    guard (0..<columnCount).contains(found) else {
      throw FileSource.error("csv", path, "has \(columnCount) columns, not \(number)")
    }
    return found
  }

  /// The numbers of some columns, or of all, `[rows, columns]`.
  ///
  /// - Throws: with the line when a value is no number.
  public func tensor(columns chosen: [Int]? = nil) throws -> Tensor {
    let chosen = chosen ?? Array(0..<columnCount)
    var values: [Float] = []
    values.reserveCapacity(rowCount * chosen.count)
    for row in 0..<rowCount {
      for column in chosen { values.append(Float(try number(row, column))) }
    }
    return try Tensor(values, Shape([rowCount, chosen.count]))
  }

  private func number(_ row: Int, _ column: Int) throws -> Double {
    let field = fields[row * columnCount + column]
    guard let number = field.number else {
      let shown = field.text.count > 40 ? "\(field.text.prefix(37))..." : field.text
      throw FileSource.error(
        "csv", path,
        "line \(field.line), column \(columns.isEmpty ? "\(column + 1)" : "'\(columns[column])'"): "
          + "a number expected, got '\(shown)'")
    }
    return number
  }

  /// A data set whose labels are one column and whose samples are the others.
  ///
  /// Words are classes in alphabetical order, whole numbers from 0 are classes, other numbers are
  /// targets.
  ///
  /// - Throws: with the line when a value is no number.
  public func dataset(label: Int, name: String) throws -> Dataset {
    let inputs = try tensor(columns: (0..<columnCount).filter { $0 != label })
    let labels = (0..<rowCount).map { fields[$0 * columnCount + label] }
    if labels.contains(where: { $0.number == nil }) {
      let names = Set(labels.map(\.text)).sorted()
      let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
      return try Dataset(
        inputs: inputs, labels: Tensor(labels.map { numbers[$0.text] ?? 0 }), name: name,
        classNames: names)
    }
    let classes = labels.compactMap { $0.number.flatMap { Int32(exactly: $0) } }
    if classes.count == labels.count, classes.allSatisfy({ $0 >= 0 }) {
      return try Dataset(inputs: inputs, labels: Tensor(classes), name: name)
    }
    return try Dataset(inputs: inputs, labels: tensor(columns: [label]), name: name)
  }

  /// Writes a vector, one number a line, or a matrix, one row a line.
  ///
  /// - Parameters:
  ///   - tensor: one or two axes.
  ///   - path: the file, which appears whole or not at all.
  ///   - columns: names for a first line; empty for none.
  /// - Throws: when the tensor has other axes, or the file cannot be written.
  public static func write(_ tensor: Tensor, to path: String, columns: [String] = []) throws {
    guard (1...2).contains(tensor.shape.rank) else {
      throw WaneError("csv", "a vector or matrix expected, got shape \(tensor.shape)")
    }
    let width = tensor.shape.rank == 2 ? tensor.shape[1] : 1
    guard columns.isEmpty || columns.count == width else {
      throw WaneError("csv", "\(columns.count) names for \(width) columns")
    }
    let file = try AtomicFile.create(at: path)
    var text = columns.isEmpty ? "" : columns.map(quoted).joined(separator: ",") + "\n"
    let isReal = tensor.dtype.isFloatingPoint
    let values = try tensor.converted(to: isReal ? .f32 : .i32)
    let (reals, wholes) = (values.array(Float.self), values.array(Int32.self))
    for row in 0..<tensor.shape[0] {
      for column in 0..<width {
        if column > 0 { text += "," }
        let i = row * width + column
        text += isReal ? "\(reals[i])" : "\(wholes[i])"
      }
      text += "\n"
      if text.utf8.count > 1 << 16 {
        try text.withUTF8 { try file.write(UnsafeRawBufferPointer($0)) }
        text = ""
      }
    }
    try text.withUTF8 { try file.write(UnsafeRawBufferPointer($0)) }
    try file.commit()
  }

  private static func quoted(_ name: String) -> String {
    guard name.contains(where: { ",\"\n\r".contains($0) }) else { return name }
    return "\""
      + name.split(separator: "\"", omittingEmptySubsequences: false)
      .joined(separator: "\"\"") + "\""
  }
}
