import WaneGraph
import WaneTensor

/// The codebooks of a parameter: one, or one for each of its channels.
struct Codebooks {
  /// The books in the order of the channels, each with the indices of its own weights.
  private(set) var books: [Codebook]
  /// The axis of the channels; nil when there is one book.
  let axis: Int?
  private let shape: Shape

  /// Makes a book for all weights of an array, or for those of each channel.
  init(
    _ weights: [Float], _ shape: Shape, axis: Int?, _ make: ([Float]) throws -> Codebook
  ) rethrows {
    self.axis = axis
    self.shape = shape
    books = try Self.split(weights, shape, axis).map(make)
  }

  /// The books of a table.
  init(_ indices: [UInt8], _ table: CentroidTable, _ shape: Shape) {
    axis = table.axis
    self.shape = shape
    books = Self.split(indices, shape, axis).enumerated().map { channel, indices in
      let start = channel * table.size
      return Codebook(
        centroids: Array(table.values[start..<start + table.size]), indices: indices)
    }
  }

  /// The elements of an array by channel, in their order.
  static func split<Element>(_ elements: [Element], _ shape: Shape, _ axis: Int?) -> [[Element]] {
    guard let axis else { return [elements] }
    var parts = [[Element]](repeating: [], count: shape[axis])
    let rows = CentroidTable.rows(of: shape.dimensions, axis: axis)
    rows.forEach(elements.count) { index, row in parts[row].append(elements[index]) }
    return parts
  }

  /// The same with every book changed.
  func mapped(_ change: (_ book: Codebook, _ channel: Int) throws -> Codebook) rethrows
    -> Codebooks
  {
    var result = self
    result.books = try books.enumerated().map { try change($1, $0) }
    return result
  }

  /// The payload of a parameter.
  ///
  /// Tables get one size. Of a masked parameter, zero is the first entry of each: training has to know
  /// the pinned one.
  func payload(isMasked: Bool, grid: WeightGrid? = nil) throws -> Parameter.Payload {
    guard let axis else { return try books[0].payload(grid: grid) }
    let books = isMasked ? books.map { $0.beginningWithZero() } : books
    let size = books.reduce(1) { max($0, $1.centroids.count) }
    var next = [Int](repeating: 0, count: books.count)
    var indices = [UInt8](repeating: 0, count: shape.count)
    CentroidTable.rows(of: shape.dimensions, axis: axis).forEach(shape.count) { index, row in
      indices[index] = books[row].indices[next[row]]
      next[row] += 1
    }
    let values = books.flatMap { book in
      book.centroids
        + [Float](repeating: book.centroids.last ?? 0, count: size - book.centroids.count)
    }
    return .codebook(
      indices: try PackedCodes(indices, bits: PackedCodes.bits(forSymbols: size)),
      centroids: try CentroidTable(values, size: size, axis: axis), grid: grid)
  }

  /// The grid on which the values of each book are rounded with the least squared error.
  func grid(bits: Int) throws -> WeightGrid {
    let grids = try books.map { try WeightGrid.fitting($0, bits: bits) }
    return try WeightGrid(bits: bits, scales: grids.map { $0.scales[0] }, axis: axis)
  }

  /// The same with the values of each book rounded to its scale.
  func rounded(to grid: WeightGrid) throws -> Codebooks {
    try mapped { book, channel in
      var book = book
      let scale = grid.scales[grid.axis == nil ? 0 : channel]
      book.centroids = try WeightGrid(bits: grid.bits, scales: [scale], axis: nil)
        .rounded(book.centroids)
      return book
    }
  }
}

extension Parameter {
  /// Whether values are shared.
  var isCodebook: Bool {
    if case .codebook = payload { true } else { false }
  }

  /// The codebooks of a parameter that has some.
  func codebooks() throws -> Codebooks? {
    guard case .codebook(let indices, let table, _) = payload else { return nil }
    return Codebooks(try indices.unpacked(), table, shape)
  }

  /// The same parameter with every shared value listed once and used.
  func withCompactCodebook() throws -> Parameter {
    guard case .codebook(_, let table, let grid) = payload, let codebooks = try codebooks() else {
      return self
    }
    let compact = try codebooks.mapped { book, _ in book.compacted() }
      .payload(isMasked: isMasked, grid: grid)
    if case .codebook(_, table, _) = compact { return self }
    return try replacing(compact)
  }

  /// The number of different values, counted no further than `limit`.
  func distinctCount(atMost limit: Int = .max) throws -> Int {
    var seen = Set<Float>()
    try decoded().with(Float.self) { values in
      for value in values where seen.count < limit { seen.insert(value) }
    }
    return seen.count
  }
}
