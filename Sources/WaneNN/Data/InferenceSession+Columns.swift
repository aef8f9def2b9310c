import WaneGraph
import WaneTensor

extension InferenceSession {
  /// Runs the model on samples, reading what is stored while the workers run.
  ///
  /// - Parameters:
  ///   - columns: one an input.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: one tensor an output.
  /// - Throws: when the columns do not fit the model, or a sample cannot be read.
  public func run(_ columns: [Column], poll: () throws -> Void = {}) throws -> [Tensor] {
    guard columns.contains(where: \.isStored) else {
      return try run(columns.map { try $0.tensor() }, poll: poll)
    }
    _ = try check(
      columns.map { try Tensor(uninitialized: Shape([0] + $0.rowDimensions), $0.dtype) })
    let samples = columns[0].shape[0]
    let reader = PieceReader(columns, size: roundSize(of: samples), depth: max(2, workerCount))
    return try run(samples: samples, poll: poll) { try reader.piece($0) }
  }
}
