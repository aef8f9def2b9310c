import WaneTensor

/// Bytes that come one after the other, and no more than there are.
protocol ByteStream {
  /// How many are left, at most; small beside what the file really holds, so that it may be used to
  /// ask for memory.
  var left: Int { get }
  /// The next bytes.
  ///
  /// - Throws: when there are fewer.
  mutating func read(into target: UnsafeMutableRawBufferPointer) throws
  /// The error of a file that is not what it should be.
  func failure(_ reason: String) -> WaneError
}

extension ByteStream {
  mutating func bytes(_ count: Int) throws -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    try result.withUnsafeMutableBytes { try read(into: $0) }
    return result
  }
}

/// A file as a stream.
struct FileStream: ByteStream {
  let source: FileSource
  private let path: String
  private(set) var position = 0

  init(_ path: String) throws {
    source = try FileSource(path, for: "npy")
    self.path = path
  }

  var left: Int { source.count - position }

  mutating func read(into target: UnsafeMutableRawBufferPointer) throws {
    guard target.count <= left else { throw failure("the file ends too early") }
    try source.read(into: target, at: position)
    position += target.count
  }

  func failure(_ reason: String) -> WaneError { FileSource.error("npy", path, reason) }
}

/// NumPy's file of one array.
public enum NPYFile {
  /// Reads a file.
  ///
  /// f64 becomes f32; integers become i32 unless they are bytes; both byte orders and both orders of
  /// axes are read.
  ///
  /// - Throws: with path and reason when it cannot be read, is damaged, or holds what a tensor cannot.
  public static func read(_ path: String) throws -> Tensor {
    var stream = try FileStream(path)
    return try read(from: &stream)
  }

  /// Writes a file that appears under its name whole or not at all.
  ///
  /// - Throws: with path and reason when it cannot be written.
  public static func write(_ tensor: Tensor, to path: String) throws {
    let file = try AtomicFile.create(at: path)
    let plain = try plain(tensor)
    try header(plain).bytes.withUnsafeBytes { try file.write($0) }
    try plain.withBytes { try file.write($0) }
    try file.commit()
  }

  /// The tensor in a type that NumPy has.
  static func plain(_ tensor: Tensor) throws -> Tensor {
    tensor.dtype == .bf16 ? try tensor.converted(to: .f32) : tensor
  }

  static func header(_ tensor: Tensor) -> NPYHeader {
    NPYHeader(
      descr: NPYElement.descr(tensor.dtype), isFortranOrder: false, shape: tensor.shape.dimensions)
  }

  static func read(from stream: inout some ByteStream) throws -> Tensor {
    let form = try form(&stream)
    let tensor = try elements(&stream, form.shape, form.element, form.isBigEndian)
    guard form.isReversed else { return tensor }
    return try tensor.permuted((0..<form.shape.rank).reversed())
  }

  /// What a file holds.
  struct Form {
    let element: NPYElement
    let isBigEndian: Bool
    /// The extents as the elements lie.
    let shape: Shape
    /// Whether the axes stand in the other order.
    let isReversed: Bool
  }

  /// Reads what comes before the elements, and makes sure that there are as many.
  static func form(_ stream: inout some ByteStream) throws -> Form {
    let header = try readHeader(&stream)
    guard let (element, isBigEndian) = NPYElement.parse(header.descr) else {
      throw stream.failure("holds elements of type '\(header.descr)', which tensors cannot have")
    }
    let extents = header.isFortranOrder ? header.shape.reversed() : header.shape
    guard let shape = try? Shape(extents), shape.count <= stream.left / element.width else {
      throw stream.failure(
        "the file ends before its \(Shape.text(header.shape)) elements of type '\(header.descr)'")
    }
    return Form(
      element: element, isBigEndian: isBigEndian, shape: shape,
      isReversed: header.isFortranOrder && shape.rank > 1)
  }

  private static func readHeader(_ stream: inout some ByteStream) throws -> NPYHeader {
    let start = try stream.bytes(8)
    guard start.starts(with: NPYHeader.magic) else { throw stream.failure("is not an npy file") }
    guard (1...3).contains(start[6]), start[7] == 0 else {
      throw stream.failure("has the unknown version \(start[6]).\(start[7])")
    }
    let length = try stream.bytes(start[6] == 1 ? 2 : 4).reversed().reduce(0) {
      $0 << 8 | Int($1)
    }
    guard length <= min(NPYHeader.mostBytes, stream.left) else {
      throw stream.failure("has a damaged header")
    }
    do {
      return try NPYHeader(try stream.bytes(length))
    } catch let defect as NPYHeader.Defect {
      throw stream.failure(defect.reason)
    }
  }

  private static func elements(
    _ stream: inout some ByteStream, _ shape: Shape, _ element: NPYElement, _ isBigEndian: Bool
  ) throws -> Tensor {
    var result = try Tensor(uninitialized: shape, element.dtype, for: "npy")
    try result.withMutableBytes { target in
      if element.isPlain {
        try stream.read(into: target)
        if isBigEndian { element.swapBytes(target) }
        if element == .b1, let base = target.baseAddress {
          _ = element.convert(UnsafeRawBufferPointer(target), to: base)
        }
        return
      }
      let size = element.dtype.byteCount
      let piece = 1 << 16
      var part = [UInt8](repeating: 0, count: piece * element.width)
      for start in Swift.stride(from: 0, to: shape.count, by: piece) {
        let count = min(piece, shape.count - start)
        let bad = try part.withUnsafeMutableBytes { part -> Int? in
          let bytes = UnsafeMutableRawBufferPointer(rebasing: part[..<(count * element.width)])
          try stream.read(into: bytes)
          if isBigEndian { element.swapBytes(bytes) }
          guard let base = target.baseAddress else { return nil }
          return element.convert(UnsafeRawBufferPointer(bytes), to: base + start * size)
        }
        if let bad {
          throw stream.failure(
            "element \(start + bad + 1) of type '\(element.rawValue)' does not fit i32")
        }
      }
    }
    return result
  }
}
