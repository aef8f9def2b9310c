import WaneNN
import WaneTensor

/// Samples and labels that Lua functions give one after the other, put together to a data set.
struct SampleCollector {
  private let operation: String
  private let classNames: [String]
  private var inputs: ColumnCollector
  private var labels: ColumnCollector

  /// Begins a data set.
  init(_ operation: String, classNames: [String], cache: SampleCache) {
    self.operation = operation
    self.classNames = classNames
    inputs = ColumnCollector(operation, "sample", cache: cache)
    labels = ColumnCollector(operation, "label", cache: cache)
  }

  /// The number of samples so far.
  var count: Int { inputs.count }

  /// Adds one sample: results of a callback.
  ///
  /// Without a label it gets `otherwise`.
  mutating func append(
    _ context: CallContext, input: Int, label: Int, otherwise: Columns? = nil
  ) throws {
    try inputs.append(Self.inputs(context, input))
    if let otherwise, context.isNone(label) { return try labels.append(otherwise) }
    try labels.append(Self.labels(context, label))
  }

  /// The inputs of one sample, a result of a callback.
  static func inputs(_ context: CallContext, _ index: Int) throws -> Columns {
    try context.columns(index) { tensor, _ in try tensor.asSamples() }
      ?? Columns(tensors: [context.sample(index).asSamples()])
  }

  /// The labels of one sample, a result of a callback.
  static func labels(_ context: CallContext, _ index: Int) throws -> Columns {
    try context.columns(index, label) ?? Columns(tensors: [label(context, index)])
  }

  /// Adds a sample of a stream.
  mutating func append(_ sample: SampleStream.Sample) throws {
    try inputs.append(Columns(tensors: sample.inputs, names: sample.inputNames))
    try labels.append(Columns(tensors: sample.labels, names: sample.labelNames))
  }

  /// Adds samples that are results of a callback, their first axis counting them.
  mutating func append(
    batch context: CallContext, inputs input: Int, labels label: Int, otherwise: Columns
  ) throws {
    let samples = try Self.inputs(context, input)
    let targets: Columns
    if context.isNone(label) {
      targets = otherwise
    } else {
      targets = try Self.labels(context, label)
    }
    let count = samples.tensors.first?.shape.dimensions.first
    for tensor in samples.tensors + targets.tensors
    where count == nil || tensor.shape.dimensions.first != count {
      throw WaneError(
        operation,
        "inputs \(Self.text(samples)) and labels \(Self.text(targets)) differ in their number")
    }
    try inputs.append(rows: samples)
    try labels.append(rows: targets)
  }

  /// All that was added.
  ///
  /// - Throws: when there is nothing.
  mutating func dataset(name: String) throws -> Dataset {
    let (samples, targets) = (try inputs.columns(), try labels.columns())
    return try Dataset(
      columns: samples.tensors, labels: targets.tensors, inputNames: samples.names,
      labelNames: targets.names, name: name, classNames: classNames)
  }

  private static func text(_ columns: Columns) -> String {
    columns.tensors.map { "\($0.shape)" }.joined(separator: ", ")
  }

  /// Classes (i32) for whole numbers, targets (f32) for others.
  private static func label(_ tensor: Tensor, _ value: LuaValue) throws -> Tensor {
    let isWhole: Bool
    switch value {
    case .integer, .boolean: isWhole = true
    case .table: isWhole = value.areWhole
    default: isWhole = !tensor.dtype.isFloatingPoint
    }
    return try tensor.converted(to: isWhole ? .i32 : .f32)
  }

  private static func label(_ context: CallContext, _ index: Int) throws -> Tensor {
    guard let scalar = context.scalarIfNumber(index) else {
      let isWhole = context.isTable(index) && (try? context.numbers(index))?.areClasses == true
      let tensor =
        try isWhole ? context.tensorOfNumbers(index, .i32) : context.sample(index)
      return try tensor.converted(to: tensor.dtype.isFloatingPoint ? .f32 : .i32)
    }
    if case .integer = scalar {
      return try Tensor(repeating: scalar, .scalar, .i32, for: "label")
    }
    return try Tensor(repeating: scalar, .scalar, .f32, for: "label")
  }
}

extension CallContext {
  /// A tensor, a number or nested lists of numbers, f32 unless it is a tensor of another type.
  fileprivate func sample(_ index: Int) throws -> Tensor {
    switch try operand(index) {
    case .tensor(let tensor): tensor
    case .scalar(let scalar): try Tensor(repeating: scalar, .scalar, .f32, for: "sample")
    }
  }
}

/// The rows of several inputs or outputs.
private struct ColumnCollector {
  private let operation: String
  private let what: String
  private let cache: SampleCache
  private var names: [String] = []
  private var collectors: [RowCollector] = []

  init(_ operation: String, _ what: String, cache: SampleCache) {
    self.operation = operation
    self.what = what
    self.cache = cache
  }

  var count: Int { collectors.first?.count ?? 0 }

  mutating func append(_ row: Columns) throws {
    try prepare(for: row)
    for (index, tensor) in row.tensors.enumerated() { try collectors[index].append(tensor) }
  }

  mutating func append(rows: Columns) throws {
    try prepare(for: rows)
    for (index, tensor) in rows.tensors.enumerated() {
      try collectors[index].append(rows: tensor)
    }
  }

  private mutating func prepare(for columns: Columns) throws {
    if collectors.isEmpty {
      names = columns.names
      collectors = try columns.tensors.map { _ in
        RowCollector(operation, what, file: try cache.file(for: operation))
      }
    }
    guard columns.names == names, columns.tensors.count == collectors.count else {
      func text(_ names: [String], _ count: Int) -> String {
        names.isEmpty ? "\(count)" : names.map { "'\($0)'" }.joined(separator: ", ")
      }
      throw WaneError(
        operation,
        "\(what) \(count + 1) has the tensors \(text(columns.names, columns.tensors.count)), those "
          + "before \(text(names, collectors.count))")
    }
  }

  mutating func columns() throws -> Columns {
    guard !collectors.isEmpty else { throw WaneError(operation, "there are no samples") }
    return Columns(
      tensors: try collectors.indices.map { try collectors[$0].tensor() }, names: names)
  }
}

/// Rows of one shape and type that come one after the other.
private struct RowCollector {
  private let operation: String
  private let what: String
  /// Where rows are kept in place of `parts`.
  private let file: DiskFile?
  private var parts: [Tensor] = []
  private var recent: [Tensor] = []
  private(set) var count = 0
  private var kind: (dimensions: [Int], dtype: DType)?
  /// How many of the first rows are whole numbers that will be f32.
  private var wholeCount = 0

  init(_ operation: String, _ what: String, file: DiskFile?) {
    self.operation = operation
    self.what = what
    self.file = file
  }

  mutating func append(_ row: Tensor) throws {
    let row = try checked(row, row.shape.dimensions)
    recent.append(row)
    count += 1
    // Many small tensors take more room than their elements.
    if recent.count == 256 || (file != nil && row.byteCount > 1 << 16) { try pack() }
  }

  mutating func append(rows: Tensor) throws {
    try keep(checked(rows, Array(rows.shape.dimensions.dropFirst())))
    count += rows.shape[0]
  }

  /// Rows of the form of those before.
  ///
  /// Labels that are whole numbers and others are targets together.
  private mutating func checked(_ rows: Tensor, _ dimensions: [Int]) throws -> Tensor {
    guard let kind else {
      kind = (dimensions, rows.dtype)
      return rows
    }
    let areLabels = what == "label" && kind.dimensions == dimensions
    if areLabels, kind.dtype == .f32, rows.dtype == .i32 { return try rows.converted(to: .f32) }
    if areLabels, kind.dtype == .i32, rows.dtype == .f32 {
      try pack()
      wholeCount = count
      self.kind = (dimensions, .f32)
      return rows
    }
    guard kind.dimensions == dimensions, kind.dtype == rows.dtype else {
      throw WaneError(
        operation,
        "\(what) \(count + 1) is \(Shape.text(dimensions)) \(rows.dtype), those before are "
          + "\(Shape.text(kind.dimensions)) \(kind.dtype)")
    }
    return rows
  }

  private mutating func pack() throws {
    guard !recent.isEmpty else { return }
    try keep(Tensor.stacked(recent))
    recent = []
  }

  private mutating func keep(_ rows: Tensor) throws {
    guard let file else { return parts.append(rows) }
    try rows.withBytes { try file.append($0) }
  }

  mutating func tensor() throws -> Tensor {
    try pack()
    if let file, let kind {
      var tensor = try file.tensor(Shape([count] + kind.dimensions), kind.dtype)
      let wholeNumbers = wholeCount * kind.dimensions.reduce(1, *)
      if wholeNumbers > 0 {
        try tensor.withMutableElements(Float.self) { values in
          for index in 0..<wholeNumbers {
            values[index] = Float(Int32(bitPattern: values[index].bitPattern))
          }
        }
      }
      return tensor
    }
    guard let dtype = kind?.dtype else { throw WaneError(operation, "there are no samples") }
    let parts = try self.parts.map { try $0.converted(to: dtype) }
    return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, for: operation)
  }
}
