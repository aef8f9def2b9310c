import WaneTensor

/// The values that weights share: one table for all of a parameter, or one for each of its channels.
public struct CentroidTable: Equatable, Sendable {
  /// The values, table after table.
  public let values: [Float]
  /// How many values a table has; a channel that needs fewer has some twice.
  public let size: Int
  /// The axis of the channels that have a table each; nil when there is one table.
  public let axis: Int?

  /// One table for all.
  public init(_ values: [Float]) {
    self.values = values
    size = values.count
    axis = nil
  }

  /// A table for each position of an axis.
  ///
  /// - Throws: when the values are not whole tables of that size.
  public init(_ values: [Float], size: Int, axis: Int) throws {
    guard size > 0, axis >= 0, values.count % size == 0 else {
      throw WaneError("codebook", "\(values.count) values are no tables of \(size)")
    }
    self.values = values
    self.size = size
    self.axis = axis
  }

  /// How many tables there are.
  public var tableCount: Int { size > 0 ? values.count / size : 0 }

  /// The extents as an array: the size, and before it the channels that have tables of their own.
  public var dimensions: [Int] { axis == nil ? [size] : [tableCount, size] }

  /// Tables with other values, as many.
  public func with(_ values: [Float]) throws -> CentroidTable {
    guard values.count == self.values.count else {
      throw WaneError("codebook", "\(values.count) values for \(self.values.count)")
    }
    guard let axis else { return CentroidTable(values) }
    return try CentroidTable(values, size: size, axis: axis)
  }

  /// The entry that is zero in every table: the first, where there are several.
  public var zero: Int? {
    (0..<size).first { entry in
      stride(from: entry, to: values.count, by: size).allSatisfy { values[$0] == 0 }
    }
  }

  /// Which table the elements of an array use.
  public func rows(of dimensions: [Int]) -> TableRows {
    CentroidTable.rows(of: dimensions, axis: axis)
  }

  /// Which of the tables of an axis the elements of an array use.
  public static func rows(of dimensions: [Int], axis: Int?) -> TableRows {
    guard let axis, dimensions.indices.contains(axis) else {
      return TableRows(count: 1, stride: dimensions.reduce(1, *))
    }
    return TableRows(count: dimensions[axis], stride: dimensions[(axis + 1)...].reduce(1, *))
  }

  /// Whether there is a table for each channel of an array of that shape.
  func fits(_ dimensions: [Int]) -> Bool {
    guard let axis else { return true }
    return dimensions.indices.contains(axis) && dimensions[axis] == tableCount
  }

  /// The nearest values of a grid: of its one scale, or of the scale of each table.
  public func rounded(to grid: WeightGrid) throws -> CentroidTable {
    guard axis != nil, grid.axis != nil else { return try with(grid.rounded(values)) }
    let ofTables = try grid.ofTables()
    let shape = try Shape(dimensions)
    return try with(
      ofTables.values(of: ofTables.codes(for: Tensor(values, shape)), shape).array(Float.self))
  }
}

/// Which row of a matrix of tables belongs to each element of an array.
public struct TableRows: Sendable {
  let count: Int
  let stride: Int

  /// The row of an element.
  public func row(of index: Int) -> Int { index / stride % count }

  /// Calls `body` with the index of each element of an array of so many, and its row.
  @inline(__always)
  public func forEach(_ elements: Int, _ body: (_ index: Int, _ row: Int) -> Void) {
    var index = 0
    while index < elements {
      for row in 0..<count {
        for _ in 0..<stride {
          body(index, row)
          index += 1
        }
      }
    }
  }
}

extension WeightGrid {
  /// The grid of tables, one a row, for a grid whose channels have a table each.
  func ofTables() throws -> WeightGrid {
    axis == nil ? self : try WeightGrid(bits: bits, scales: scales, axis: 0)
  }
}
