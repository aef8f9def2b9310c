import WaneNN
import WaneTensor

/// Samples and labels that Lua functions give one after the other, put together to a data set.
struct SampleCollector {
  private let operation: String
  private let classNames: [String]
  private var inputs: RowCollector
  private var labels: RowCollector

  init(_ operation: String, classNames: [String] = []) {
    self.operation = operation
    self.classNames = classNames
    inputs = RowCollector(operation, "sample")
    labels = RowCollector(operation, "label")
  }

  /// The number of samples so far.
  var count: Int { inputs.count }

  /// Adds one sample: results of a callback.
  ///
  /// Without a label it gets `otherwise`.
  mutating func append(
    _ context: CallContext, input: Int, label: Int, otherwise: LuaValue = .none
  ) throws {
    let sample = try context.sample(input)
    try inputs.append(sample.asSamples())
    if context.isNone(label), case .object(let box as TensorBox) = otherwise {
      return try labels.append(box.tensor)
    }
    if context.isNone(label), let scalar = Self.scalar(otherwise) {
      return try labels.append(Self.label(scalar))
    }
    if let scalar = context.scalarIfNumber(label) {
      return try labels.append(Self.label(scalar))
    }
    let tensor = try context.sample(label)
    try labels.append(tensor.dtype == .i32 ? tensor : tensor.converted(to: .f32))
  }

  /// Adds samples that are results of a callback, their first axis counting them.
  mutating func append(
    batch context: CallContext, inputs input: Int, labels label: Int, otherwise: Tensor
  ) throws {
    let samples = try context.sample(input)
    let targets = context.isNone(label) ? otherwise : try context.sample(label)
    guard samples.shape.rank > 0, targets.shape.rank > 0, samples.shape[0] == targets.shape[0]
    else {
      throw WaneError(
        operation, "inputs \(samples.shape) and labels \(targets.shape) differ in their number")
    }
    try inputs.append(rows: samples.asSamples())
    let isWhole = targets.dtype != .f32 && targets.shape.rank == 1
    try labels.append(rows: targets.converted(to: isWhole ? .i32 : .f32))
  }

  /// All that was added.
  ///
  /// - Throws: when there is nothing.
  func dataset(name: String) throws -> Dataset {
    try Dataset(
      inputs: inputs.tensor(), labels: labels.tensor(), name: name, classNames: classNames)
  }

  private static func scalar(_ value: LuaValue) -> Scalar? {
    switch value {
    case .integer(let value): .integer(value)
    case .number(let value): .real(value)
    case .boolean(let value): .integer(value ? 1 : 0)
    default: nil
    }
  }

  /// A class (i32) for a whole number, a target (f32) for another.
  private static func label(_ scalar: Scalar) throws -> Tensor {
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

/// Rows of one shape and type that come one after the other.
private struct RowCollector {
  private let operation: String
  private let what: String
  private var parts: [Tensor] = []
  private var recent: [Tensor] = []
  private(set) var count = 0
  private var kind: (dimensions: [Int], dtype: DType)?

  init(_ operation: String, _ what: String) {
    self.operation = operation
    self.what = what
  }

  mutating func append(_ row: Tensor) throws {
    try check(row.shape.dimensions, row.dtype)
    recent.append(row)
    count += 1
    // Many small tensors take more room than their elements.
    if recent.count == 256 { try pack() }
  }

  mutating func append(rows: Tensor) throws {
    try check(Array(rows.shape.dimensions.dropFirst()), rows.dtype)
    parts.append(rows)
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
    parts.append(try Tensor.stacked(recent))
    recent = []
  }

  func tensor() throws -> Tensor {
    var all = self
    try all.pack()
    guard !all.parts.isEmpty else { throw WaneError(operation, "there are no samples") }
    return all.parts.count == 1 ? all.parts[0] : try Tensor.concatenated(all.parts, for: operation)
  }
}
