import WaneTensor

/// Bytes that are read piece by piece, from memory or from a file.
protocol ByteSource {
  /// How many there are.
  var count: Int { get }
  /// Fills `target` with the bytes from `offset` on, all of which exist.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws
}

extension ByteSource {
  /// `count` bytes from `offset` on, all of which exist.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      try read(
        into: UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(target)[..<count]),
        at: offset)
      initialized = count
    }
  }
}

/// Bytes in memory, which outlive the source.
struct MemorySource: ByteSource {
  let bytes: UnsafeRawBufferPointer

  var count: Int { bytes.count }

  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    target.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + target.count)]))
  }
}
