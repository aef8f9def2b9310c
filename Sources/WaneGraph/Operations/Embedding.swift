import CKernels
import WaneTensor

/// Rows of a table by their indices: `index [N, ...], table [V, C] -> [N, ..., C]`.
///
/// Indices are i32 or u8, counted from 0. One that is not in the table makes the run fail.
public struct Embedding: Operation {
  public static let name = "embedding"

  /// Creates a lookup.
  public init() {}

  public init(_ attributes: Attributes) throws {}

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let (index, table) = (inputs[0], inputs[1])
    guard index.isBatched, index.dtype == .i32 || index.dtype == .u8 else {
      throw WaneError(
        Self.name, "takes whole numbers (an input of dtype 'i32' or 'u8'), got \(index)")
    }
    try require(table, .f32)
    guard !table.isBatched, table.dimensions.count == 2, table.dimensions.allSatisfy({ $0 > 0 })
    else { throw WaneError(Self.name, "takes a table [rows, channels], got \(table)") }
    return [.batched(index.dimensions + [table.channels])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    let rows = context.graph.type(of: context.inputs[1]).dimensions[0]
    return [
      nil, try context.add(EmbeddingGradient(rows: rows), [gradient, context.inputs[0]]),
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let index = try context.input(0)
    let table = try context.input(1).floats
    let y = context.output().floats
    let (rows, columns) = (context.inputTypes[1].dimensions[0], context.inputTypes[1].channels)
    let count = index.count
    if context.inputTypes[0].dtype == .u8 {
      return { [index = index.bytes] run in
        if wane_embedding_u8_f32(table, rows, columns, index, count, y) != 0 {
          run.failure.pointee = RunFailure.rowOutOfRange.rawValue
        }
      }
    }
    return { [index = index.ints] run in
      if wane_embedding_i32_f32(table, rows, columns, index, count, y) != 0 {
        run.failure.pointee = RunFailure.rowOutOfRange.rawValue
      }
    }
  }
}

/// The gradient of a table: `dy, index -> dtable`, added up in the order of the samples.
public struct EmbeddingGradient: Operation {
  public static let name = "embedding_gradient"
  let rows: Int

  init(rows: Int) { self.rows = rows }

  public init(_ attributes: Attributes) throws { rows = try attributes.int("rows") }

  public var attributes: [String: Attribute] { ["rows": .int(rows)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [.fixed([rows, inputs[0].channels])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(Embedding(), [context.inputs[1], g]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let index = try context.input(1)
    let dtable = context.output().floats
    let (count, columns) = (index.count, context.inputTypes[0].channels)
    if context.inputTypes[1].dtype == .u8 {
      return { [index = index.bytes, rows] _ in
        wane_embedding_grad_u8_f32(index, dy, count, dtable, rows, columns)
      }
    }
    return { [index = index.ints, rows] _ in
      wane_embedding_grad_i32_f32(index, dy, count, dtable, rows, columns)
    }
  }
}
