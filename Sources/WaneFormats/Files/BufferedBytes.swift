/// Some bytes of a source, piece by piece through a buffer of fixed size.
final class BufferedBytes {
  /// Bytes that are read at once.
  static let pieceSize = 1 << 16

  private let source: any ByteSource
  private var position: Int
  private let end: Int
  private let buffer: UnsafeMutableRawBufferPointer
  private var failure: (any Error)?

  /// Prepares to read `count` bytes from `offset` on, all of which exist.
  init(
    _ source: any ByteSource, at offset: Int, count: Int, pieceSize: Int = BufferedBytes.pieceSize
  ) {
    self.source = source
    position = offset
    end = offset + count
    buffer = .allocate(byteCount: min(count, pieceSize), alignment: 1)
  }

  deinit { buffer.deallocate() }

  /// The next bytes, which stay until it is called again; none behind the last one, and none when they
  /// cannot be read.
  func next() -> UnsafeRawBufferPointer {
    let piece = UnsafeMutableRawBufferPointer(
      rebasing: buffer[..<min(buffer.count, end - position)])
    guard failure == nil, !piece.isEmpty else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    do {
      try source.read(into: piece, at: position)
    } catch {
      failure = error
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    position += piece.count
    return UnsafeRawBufferPointer(piece)
  }

  /// Says whether all that was wanted could be read.
  ///
  /// - Throws: the error of the source, if there was one.
  func check() throws {
    if let failure { throw failure }
  }
}
