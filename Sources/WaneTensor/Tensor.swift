/// A dense, row-major block of numbers; a value: changing one copy leaves the others as they were.
///
/// Slices along the first axis and reshapes share memory until one side is written.
public struct Tensor: Sendable {
  /// The extents, outermost first.
  public let shape: Shape
  /// The type of the elements.
  public let dtype: DType
  private var storage: Storage
  private let byteOffset: Int

  /// A tensor whose elements are undefined until they are written.
  ///
  /// - Throws: a `.memory` error.
  public init(uninitialized shape: Shape, _ dtype: DType = .f32, for operation: String = "tensor")
    throws
  {
    self.shape = shape
    self.dtype = dtype
    storage = try Storage(byteCount: shape.count * dtype.byteCount, for: operation)
    byteOffset = 0
  }

  /// A tensor of the elements that a storage holds, as many as the shape has.
  init(_ storage: Storage, _ shape: Shape, _ dtype: DType) {
    self.init(sharing: storage, byteOffset: 0, shape: shape, dtype: dtype)
  }

  private init(sharing storage: Storage, byteOffset: Int, shape: Shape, dtype: DType) {
    self.shape = shape
    self.dtype = dtype
    self.storage = storage
    self.byteOffset = byteOffset
  }

  /// A tensor of zeros.
  public init(zeros shape: Shape, _ dtype: DType = .f32, for operation: String = "tensor") throws {
    try self.init(uninitialized: shape, dtype, for: operation)
    storage.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  /// A tensor of the given elements.
  ///
  /// - Throws: when the number of elements is not the shape's.
  public init<Element: TensorElement>(_ elements: [Element], _ shape: Shape) throws {
    guard elements.count == shape.count else {
      throw WaneError("tensor", "\(elements.count) elements do not fill shape \(shape)")
    }
    try self.init(uninitialized: shape, Element.dtype)
    withMutable(Element.self) { target in
      _ = elements.withUnsafeBufferPointer { target.update(fromContentsOf: $0) }
    }
  }

  /// A vector of the given elements.
  public init<Element: TensorElement>(_ elements: [Element]) throws {
    try self.init(elements, Shape([elements.count]))
  }

  /// A scalar.
  public init(scalar: Float) throws {
    try self.init([scalar], .scalar)
  }

  /// The number of elements.
  public var count: Int { shape.count }
  /// The bytes of the elements.
  public var byteCount: Int { shape.count * dtype.byteCount }
  /// The bytes of memory kept alive by this tensor, shared ones included.
  public var storageByteCount: Int { storage.byteCount }

  // MARK: Access

  /// Calls `body` with the bytes, for reading.
  public func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try withExtendedLifetime(storage) {
      try body(UnsafeRawBufferPointer(start: storage.pointer + byteOffset, count: byteCount))
    }
  }

  /// Calls `body` with the elements, for reading.
  ///
  /// The caller has checked the element type; another type would reinterpret the bytes, within
  /// bounds all the same.
  public func with<Element: TensorElement, Result>(
    _: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result {
    try withBytes { try body($0.bindMemory(to: Element.self)) }
  }

  /// Calls `body` with the bytes, for writing; copies first when they are shared.
  ///
  /// When memory for that copy cannot be had, `body` is not called and an error is thrown.
  public mutating func withMutableBytes<Result>(
    _ body: (UnsafeMutableRawBufferPointer) throws -> Result
  ) throws -> Result {
    if !isKnownUniquelyReferenced(&storage) || byteOffset != 0 {
      self = try copied()
    }
    return try body(UnsafeMutableRawBufferPointer(start: storage.pointer, count: byteCount))
  }

  /// Calls `body` with the elements, for writing; copies first when they are shared.
  public mutating func withMutableElements<Element: TensorElement, Result>(
    _: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
  ) throws -> Result {
    try withMutableBytes { try body($0.bindMemory(to: Element.self)) }
  }

  /// Writing access for initialisers, whose storage is known to be their own.
  mutating func withMutable<Element: TensorElement>(
    _: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) -> Void
  ) {
    body(
      UnsafeMutableRawBufferPointer(start: storage.pointer + byteOffset, count: byteCount)
        .bindMemory(to: Element.self))
  }

  /// The elements as an array; a wrong element type gives an empty one.
  public func array<Element: TensorElement>(_: Element.Type = Element.self) -> [Element] {
    guard Element.dtype == dtype else { return [] }
    return with(Element.self) { Array($0) }
  }

  /// A tensor with memory of its own.
  public func copied() throws -> Tensor {
    let result = try Tensor(uninitialized: shape, dtype)
    withBytes { source in
      if let base = source.baseAddress {
        result.storage.pointer.copyMemory(from: base, byteCount: source.count)
      }
    }
    return result
  }

  // MARK: Views

  /// The same elements under another shape.
  ///
  /// - Throws: when the numbers of elements differ.
  public func reshaped(_ shape: Shape) throws -> Tensor {
    guard shape.count == count else {
      throw WaneError("reshape", "\(self.shape) has \(count) elements, \(shape) has \(shape.count)")
    }
    return Tensor(sharing: storage, byteOffset: byteOffset, shape: shape, dtype: dtype)
  }

  /// Rows `range` of the first axis, sharing memory.
  ///
  /// - Throws: when the tensor is a scalar or the range leaves it.
  public func rows(_ range: Range<Int>) throws -> Tensor {
    guard shape.rank > 0 else { throw WaneError("slice", "a scalar has no rows") }
    guard range.lowerBound >= 0, range.upperBound <= shape[0] else {
      throw WaneError(
        "slice", "rows \(range.lowerBound + 1)..\(range.upperBound) of \(shape[0])")
    }
    let rowBytes = shape[0] == 0 ? 0 : byteCount / shape[0]
    return Tensor(
      sharing: storage, byteOffset: byteOffset + range.lowerBound * rowBytes,
      shape: try Shape([range.count] + shape.dimensions.dropFirst()), dtype: dtype)
  }
}

/// A Swift type that can be an element of a tensor.
public protocol TensorElement: BitwiseCopyable, Sendable {
  /// The element type it stands for.
  static var dtype: DType { get }
}

extension Float: TensorElement {
  /// 32-bit float.
  public static var dtype: DType { .f32 }
}
extension Int32: TensorElement {
  /// 32-bit signed integer.
  public static var dtype: DType { .i32 }
}
extension UInt8: TensorElement {
  /// 8-bit unsigned integer.
  public static var dtype: DType { .u8 }
}
extension Int8: TensorElement {
  /// 8-bit signed integer.
  public static var dtype: DType { .i8 }
}
