import WaneTensor

/// A named array of weights together with the constraints it lives under.
///
/// What an optimisation established is part of the parameter: pinned zeros, a codebook, an integer
/// grid. Training, saving, loading and every later pass read it here and keep it.
public struct Parameter: Sendable {
  /// The name, `layer/weight`.
  public let name: String
  /// The extents, in Keras's order (convolution: height, width, input, output; dense: input, output).
  public let shape: Shape
  /// Whether training changes it.
  public var isTrainable: Bool
  /// Whether zeros are pinned: a weight that is exactly zero stays zero.
  public private(set) var isMasked: Bool
  /// The values in their encoding.
  public private(set) var payload: Payload

  /// How the values are held.
  public enum Payload: Sendable {
    /// One 32-bit float a value.
    case dense(Tensor)
    /// One `bits`-bit code a value on a grid.
    case integer(codes: PackedCodes, grid: WeightGrid)
    /// One index a value into a table of shared values, its channel's where each has one; on an integer
    /// grid when there is one.
    case codebook(indices: PackedCodes, centroids: CentroidTable, grid: WeightGrid?)
  }

  /// Creates a parameter of floats.
  ///
  /// - Throws: when the tensor is not of floats.
  public init(_ name: String, _ value: Tensor, isTrainable: Bool = true, isMasked: Bool = false)
    throws
  {
    try self.init(
      name, .dense(value), shape: value.shape, isTrainable: isTrainable, isMasked: isMasked)
  }

  /// Creates a parameter in any encoding.
  ///
  /// - Throws: when the encoding does not hold exactly one value an element, or refers to table
  ///   entries or channels that do not exist.
  public init(
    _ name: String, _ payload: Payload, shape: Shape, isTrainable: Bool = true,
    isMasked: Bool = false
  ) throws {
    self.name = name
    self.shape = shape
    self.isTrainable = isTrainable
    self.isMasked = isMasked
    self.payload = payload
    try payload.validate(shape, isMasked: isMasked, name: name)
  }

  /// The same parameter with other values; constraints that the new payload does not express are
  /// given up, pinned zeros only when asked.
  public func replacing(_ payload: Payload, isMasked: Bool? = nil) throws -> Parameter {
    try Parameter(
      name, payload, shape: shape, isTrainable: isTrainable, isMasked: isMasked ?? self.isMasked)
  }

  /// The same parameter under another name.
  public func renamed(_ name: String) throws -> Parameter {
    try Parameter(name, payload, shape: shape, isTrainable: isTrainable, isMasked: isMasked)
  }

  /// The values as floats.
  ///
  /// - Throws: a `.memory` error.
  public func decoded() throws -> Tensor {
    switch payload {
    case .dense(let tensor): return tensor
    case .integer(let codes, let grid):
      return try grid.values(of: codes, shape)
    case .codebook(let indices, let centroids, _):
      let indices = try indices.unpacked()
      var result = try Tensor(uninitialized: shape)
      try result.withMutableElements(Float.self) { target in
        centroids.values.withUnsafeBufferPointer { values in
          centroids.rows(of: shape.dimensions).forEach(target.count) { index, row in
            target[index] = values[row * centroids.size + Int(indices[index])]
          }
        }
      }
      return result
    }
  }

  /// The number of values that are not zero.
  public func nonzeroCount() throws -> Int {
    try decoded().with(Float.self) { $0.reduce(0) { $0 + ($1 != 0 ? 1 : 0) } }
  }

  /// Bytes the values take in memory.
  public var byteCount: Int {
    switch payload {
    case .dense(let tensor): tensor.byteCount
    case .integer(let codes, let grid): codes.byteCount + grid.byteCount
    case .codebook(let indices, let centroids, let grid):
      indices.byteCount + (grid == nil ? 4 : 1) * centroids.values.count + (grid?.byteCount ?? 0)
    }
  }

  /// The integer grid of its values; nil when they are on none.
  public var grid: WeightGrid? {
    switch payload {
    case .dense: nil
    case .integer(_, let grid): grid
    case .codebook(_, _, let grid): grid
    }
  }

  /// The encoding in a few words, such as `masked int8 per channel`.
  public var encodingDescription: String {
    let form =
      switch payload {
      case .dense: "f32"
      case .integer(_, let grid): grid.description
      case .codebook(_, let centroids, let grid):
        "codebook of \(centroids.size)" + (centroids.axis == nil ? "" : " per channel")
          + (grid.map { " \($0)" } ?? "")
      }
    return isMasked ? "masked \(form)" : form
  }
}

extension Parameter.Payload {
  fileprivate func validate(_ shape: Shape, isMasked: Bool, name: String) throws {
    func fail(_ message: String) -> WaneError { WaneError("parameter '\(name)'", message) }
    func check(_ codes: PackedCodes, below limit: Int) throws {
      guard codes.count == shape.count else {
        throw fail("\(codes.count) codes for shape \(shape)")
      }
      let highest = codes.highest()
      guard highest < limit else { throw fail("code \(highest) is beyond the \(limit) that exist") }
    }
    switch self {
    case .dense(let tensor):
      guard tensor.dtype == .f32 else { throw fail("values must be f32, got \(tensor.dtype)") }
      guard tensor.shape == shape else { throw fail("values \(tensor.shape), shape \(shape)") }
    case .integer(let codes, let grid):
      guard grid.fits(shape.dimensions) else {
        let axis = grid.axis.map { "axis \($0 + 1) of " } ?? ""
        throw fail("\(grid.scales.count) scales for \(axis)shape \(shape)")
      }
      try check(codes, below: grid.codeCount)
    case .codebook(let indices, let centroids, let grid):
      guard (1...256).contains(centroids.size), centroids.values.allSatisfy(\.isFinite) else {
        throw fail("a codebook holds 1 to 256 finite values, got \(centroids.size)")
      }
      guard centroids.fits(shape.dimensions) else {
        throw fail("\(centroids.tableCount) tables do not fit shape \(shape)")
      }
      guard
        grid.map({
          $0.isSymmetric && !$0.isBinary && $0.groupSize == nil
            && ($0.axis == nil
              || $0.axis == centroids.axis && $0.scales.count == centroids.tableCount)
        }) ?? true
      else {
        throw fail(
          "a codebook has one scale, or one for each of its tables, and zero in the middle of its "
            + "grid")
      }
      // What is pinned is one entry of every table.
      guard !isMasked || centroids.axis == nil || centroids.zero != nil else {
        throw fail("zeros are pinned, and no entry is zero in all of its tables")
      }
      try check(indices, below: centroids.size)
    }
  }
}
