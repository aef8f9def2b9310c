import CKernels
import WaneTensor

/// How many rows are told right: `predictions [N, ..., C], targets [N, ..., C] -> the number`.
///
/// Without a threshold a row is right when both rows have their first maximum at the same place;
/// with one, each element of a sample counts `1 / C` when prediction and target lie on the same side,
/// the target of 0.5.
public struct CountHits: Operation {
  public static let name = "count_hits"
  /// What a prediction for 1 is greater than; nil for one class of several.
  public let threshold: Float?

  /// Creates the operation.
  public init(threshold: Float?) { self.threshold = threshold }

  public init(_ attributes: Attributes) throws {
    threshold = try attributes.bool("has_threshold") ? attributes.float("threshold") : nil
  }

  public var attributes: [String: Attribute] {
    ["has_threshold": .bool(threshold != nil), "threshold": .float(threshold ?? 0)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try require(inputs[0], .f32)
    guard inputs[0].isBatched, inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "predictions \(inputs[0]) and targets \(inputs[1]) differ")
    }
    return [.fixed([])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let t = try context.input(1).floats
    let y = context.output().floats
    guard let threshold else {
      let columns = context.inputTypes[0].channels
      let rows = try context.input(0).count / max(columns, 1)
      return { _ in
        var count = 0
        for row in 0..<rows {
          var (predicted, wanted): (Int32, Int32) = (0, 0)
          wane_row_max_f32(x + row * columns, nil, &predicted, 1, columns)
          wane_row_max_f32(t + row * columns, nil, &wanted, 1, columns)
          if predicted == wanted { count += 1 }
        }
        y[0] = Float(count)
      }
    }
    let (rows, columns) = (context.batch, context.inputTypes[0].sampleCount)
    return { _ in
      var count = 0
      for index in 0..<rows * columns where (x[index] > threshold) == (t[index] > 0.5) {
        count += 1
      }
      y[0] = Float(Double(count) / Double(max(columns, 1)))
    }
  }
}
