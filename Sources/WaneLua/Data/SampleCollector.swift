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
      targets =
        try context.columns(label) { tensor, _ in try Self.labels(tensor) }
        ?? Columns(tensors: [Self.labels(context.sample(label))])
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

  /// A class (i32) for a whole number, targets (f32) for others.
  private static func label(_ tensor: Tensor, _ value: LuaValue) throws -> Tensor {
    let isWhole: Bool
    switch value {
    case .integer, .boolean: isWhole = true
    default: isWhole = tensor.dtype == .i32
    }
    return try tensor.converted(to: isWhole ? .i32 : .f32)
  }

  private static func label(_ context: CallContext, _ index: Int) throws -> Tensor {
    guard let scalar = context.scalarIfNumber(index) else {
      let tensor = try context.sample(index)
      return try tensor.dtype == .i32 ? tensor : tensor.converted(to: .f32)
    }
    if case .integer = scalar {
      return try Tensor(repeating: scalar, .scalar, .i32, for: "label")
    }
    return try Tensor(repeating: scalar, .scalar, .f32, for: "label")
  }

  private static func labels(_ tensor: Tensor) throws -> Tensor {
    try tensor.converted(to: tensor.dtype != .f32 && tensor.shape.rank == 1 ? .i32 : .f32)
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

  init(_ operation: String, _ what: String, file: DiskFile?) {
    self.operation = operation
    self.what = what
    self.file = file
  }

  mutating func append(_ row: Tensor) throws {
    try check(row.shape.dimensions, row.dtype)
    recent.append(row)
    count += 1
    // Many small tensors take more room than their elements.
    if recent.count == 256 || (file != nil && row.byteCount > 1 << 16) { try pack() }
  }

  mutating func append(rows: Tensor) throws {
    try check(Array(rows.shape.dimensions.dropFirst()), rows.dtype)
    try keep(rows)
    count += rows.shape[0]
  }

  private mutating func check(_ dimensions: [Int], _ dtype: DType) throws {
    guard let kind else { return kind = (dimensions, dtype) }
    guard kind.dimensions == dimensions, kind.dtype == dtype else {
      throw WaneError(
        operation,
        "\(what) \(count + 1) is \(Shape.text(dimensions)) \(dtype), those before are "
          + "\(Shape.text(kind.dimensions)) \(kind.dtype)")
    }
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
    if let file, let kind { return try file.tensor(Shape([count] + kind.dimensions), kind.dtype) }
    guard !parts.isEmpty else { throw WaneError(operation, "there are no samples") }
    return parts.count == 1 ? parts[0] : try Tensor.concatenated(parts, for: operation)
  }
}
