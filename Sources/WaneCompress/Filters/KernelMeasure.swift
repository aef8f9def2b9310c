import WaneGraph
import WaneTensor

/// How much a filter or unit matters, told by its weights alone.
enum KernelMeasure {
  /// The sum of magnitudes.
  case l1
  /// The Euclidean length.
  case l2
  /// The sum of the distances to all others.
  case geometricMedian

  /// The importance of each position of an axis of a kernel, counted from the last one backwards.
  func scores(_ kernel: Parameter, axis: Int = 1) throws -> [Float] {
    let filters = try FilterRows(kernel, axis: axis)
    guard self == .geometricMedian else { return filters.rows.map(norm) }
    var sums = [Double](repeating: 0, count: filters.rows.count)
    for (index, row) in filters.rows.enumerated() {
      for other in filters.rows.indices.dropFirst(index + 1) {
        var square = 0.0
        for (a, b) in zip(row, filters.rows[other]) {
          square += Double(a - b) * Double(a - b)
        }
        sums[index] += square.squareRoot()
        sums[other] += square.squareRoot()
      }
    }
    return sums.map { Float($0) }
  }

  private func norm(_ row: [Float]) -> Float {
    self == .l1
      ? Float(row.reduce(0.0) { $0 + Double(abs($1)) })
      : Float(row.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
  }
}

/// The weights of a kernel, filter by filter.
struct FilterRows {
  /// The weights of each filter.
  let rows: [[Float]]

  /// Sorts the weights of a kernel by their position on an axis, counted from the last one backwards.
  init(_ kernel: Parameter, axis: Int) throws {
    rows = Self.rows(try kernel.decoded(), axis: axis)
  }

  /// Sorts numbers by their position on an axis.
  static func rows(_ kernel: Tensor, axis: Int) -> [[Float]] {
    let trailing = kernel.shape.dimensions.suffix(axis)
    let filters = max(trailing.first ?? 1, 1)
    let stride = max(trailing.dropFirst().reduce(1, *), 1)
    var rows = [[Float]](repeating: [], count: filters)
    kernel.with(Float.self) { values in
      for index in values.indices { rows[index / stride % filters].append(values[index]) }
    }
    return rows
  }
}
