import WaneNN
import WaneTensor

/// Tables as text: a line a row, values set apart by commas (RFC 4180).
///
/// The file is read from its start each time something of it is wanted, and never held: numbers go
/// right where they are kept.
public struct CSVFile: Sendable {
  /// What the columns are called; empty when the first line holds values.
  public let columns: [String]
  /// The number of rows.
  public let rowCount: Int
  private let columnCount: Int
  private let path: String
  private let source: FileSource
  private let mark: UInt8

  /// Looks through a table.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - separator: the character between values, one byte.
  ///   - hasHeader: whether the first line holds names; when nil, whether none of it is a number.
  ///   - poll: called now and then; throws to stop.
  /// - Throws: with path, line and reason when it cannot be read or its lines differ in their number
  ///   of values.
  public init(
    _ path: String, separator: Character = ",", hasHeader: Bool? = nil,
    poll: () throws -> Void = {}
  ) throws {
    guard let mark = separator.asciiValue, mark != UInt8(ascii: "\""), mark != 10, mark != 13 else {
      throw WaneError("csv", "the separator must be one ASCII character, got '\(separator)'")
    }
    let source = try FileSource(path, for: "csv")
    var columns: [String] = []
    var width: Int?
    var rows = 0
    try CSVFile.scan(source, path, mark, poll) { scanner in
      guard let expected = width else {
        width = scanner.count
        if hasHeader ?? (0..<scanner.count).allSatisfy({ scanner.number($0) == nil }) {
          columns = (0..<scanner.count).map(scanner.string)
        } else {
          rows = 1
        }
        return
      }
      guard scanner.count == expected else {
        throw FileSource.error(
          "csv", path,
          "line \(scanner.line) has \(scanner.count) values, those before have \(expected)")
      }
      rows += 1
    }
    self.path = path
    self.source = source
    self.mark = mark
    self.columns = columns
    rowCount = rows
    columnCount = width ?? 0
  }

  /// Calls for each line that is not empty, the first one too where it holds names.
  private static func scan(
    _ source: FileSource, _ path: String, _ mark: UInt8, _ poll: () throws -> Void,
    _ body: (CSVScanner) throws -> Void
  ) throws {
    do {
      var scanner = try CSVScanner(source, separator: mark)
      var count = 0
      while try scanner.next() {
        if count % 4096 == 0 { try poll() }
        count += 1
        // An empty line is no row.
        if !scanner.isEmpty { try body(scanner) }
      }
    } catch let defect as CSVScanner.Defect {
      throw FileSource.error("csv", path, "line \(defect.line) \(defect.reason)")
    }
  }

  /// Calls for each row, which are counted from 0.
  private func forEachRow(
    _ poll: () throws -> Void, _ body: (_ row: Int, CSVScanner) throws -> Void
  ) throws {
    let changed = FileSource.error("csv", path, "it changed while it was read")
    var row = columns.isEmpty ? 0 : -1
    try CSVFile.scan(source, path, mark, poll) { scanner in
      guard scanner.count == columnCount, row < rowCount else { throw changed }
      if row >= 0 { try body(row, scanner) }
      row += 1
    }
    guard row == rowCount else { throw changed }
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
  /// - Parameters:
  ///   - chosen: the columns, from 0.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the numbers, f32.
  /// - Throws: with the line when a value is no number.
  public func tensor(columns chosen: [Int]? = nil, poll: () throws -> Void = {}) throws -> Tensor {
    try numbers(chosen ?? Array(0..<columnCount), poll)
  }

  /// The numbers of some columns; `also` is called for each row besides.
  private func numbers(
    _ chosen: [Int], _ poll: () throws -> Void,
    also: (_ row: Int, CSVScanner) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    var result = try Tensor(uninitialized: Shape([rowCount, chosen.count]), .f32, for: "csv")
    try result.withMutableElements(Float.self) { values in
      try forEachRow(poll) { row, scanner in
        for (place, column) in chosen.enumerated() {
          values[row * chosen.count + place] = Float(try number(column, scanner))
        }
        try also(row, scanner)
      }
    }
    return result
  }

  private func number(_ column: Int, _ scanner: CSVScanner) throws -> Double {
    if let number = scanner.number(column) { return number }
    let text = scanner.string(column)
    let shown = text.count > 40 ? "\(text.prefix(37))..." : text
    throw FileSource.error(
      "csv", path,
      "line \(scanner.line), column \(columns.isEmpty ? "\(column + 1)" : "'\(columns[column])'"): "
        + "a number expected, got '\(shown)'")
  }

  /// A data set whose labels are one column and whose samples are the others.
  ///
  /// Words are classes in alphabetical order, whole numbers from 0 are classes, other numbers are
  /// targets.
  ///
  /// - Parameters:
  ///   - label: the column of labels, from 0.
  ///   - name: what the data set is called.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the data set, in memory.
  /// - Throws: with the line when a value is no number.
  public func dataset(
    label: Int, name: String, poll: () throws -> Void = {}
  ) throws -> Dataset {
    var labels: [Double] = []
    labels.reserveCapacity(rowCount)
    let inputs = try numbers((0..<columnCount).filter { $0 != label }, poll) { _, scanner in
      if let number = scanner.number(label) { labels.append(number) }
    }
    guard labels.count == rowCount else {
      let (classes, names) = try words(label, poll)
      return try Dataset(inputs: inputs, labels: classes, name: name, classNames: names)
    }
    if labels.allSatisfy({ $0 >= 0 && Int32(exactly: $0) != nil }) {
      return try Dataset(
        inputs: inputs, labels: Tensor(labels.map { Int32($0) }), name: name)
    }
    return try Dataset(
      inputs: inputs, labels: Tensor(labels.map { Float($0) }, Shape([rowCount, 1])), name: name)
  }

  /// The words of a column as classes, and the words in order.
  private func words(_ column: Int, _ poll: () throws -> Void) throws -> (Tensor, [String]) {
    var numbers: [String: Int32] = [:]
    var classes: [Int32] = []
    classes.reserveCapacity(rowCount)
    try forEachRow(poll) { _, scanner in
      let word = scanner.string(column)
      let number = numbers[word] ?? Int32(clamping: numbers.count)
      numbers[word] = number
      classes.append(number)
    }
    let names = numbers.keys.sorted()
    var places = [Int32](repeating: 0, count: names.count)
    for (place, name) in names.enumerated() {
      if let number = numbers[name] { places[Int(number)] = Int32(clamping: place) }
    }
    for index in classes.indices { classes[index] = places[Int(classes[index])] }
    return (try Tensor(classes), names)
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
