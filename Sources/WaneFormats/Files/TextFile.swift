import WaneTensor

/// Small files of text.
public enum TextFile {
  /// Reads a whole file.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - operation: who reads, for messages.
  ///   - limit: the most bytes it may have.
  /// - Returns: the bytes.
  /// - Throws: an `.io` error with the path and the reason.
  public static func read(_ path: String, for operation: String, limit: Int) throws -> [UInt8] {
    let source = try FileSource(path, for: operation)
    guard source.count <= limit else {
      throw FileSource.error(operation, path, "\(source.count) bytes are more than \(limit)")
    }
    var bytes = [UInt8](repeating: 0, count: source.count)
    try bytes.withUnsafeMutableBytes { try source.read(into: $0, at: 0) }
    return bytes
  }

  /// Writes a file, whole or not at all.
  ///
  /// - Throws: an `.io` error with the path and the reason.
  public static func write(_ text: String, to path: String) throws {
    let file = try AtomicFile.create(at: path)
    var text = text
    try text.withUTF8 { try file.write(UnsafeRawBufferPointer($0)) }
    try file.commit()
  }
}
