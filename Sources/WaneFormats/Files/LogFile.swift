import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A text file that grows line by line, each complete as soon as it is written.
public struct LogFile: Sendable {
  /// Where it is.
  public let path: String

  /// Begins a file with some lines; what was there is gone.
  ///
  /// - Throws: an `.io` error with the path and the reason.
  public init(_ path: String, lines: [String] = []) throws {
    self.path = path
    try write(lines, O_TRUNC)
  }

  /// Adds a line.
  ///
  /// - Throws: an `.io` error with the path and the reason.
  public func append(_ line: String) throws { try write([line], O_APPEND) }

  private func write(_ lines: [String], _ mode: Int32) throws {
    func error() -> WaneError {
      WaneError("log", "cannot write '\(path)': \(systemMessage(errno))", kind: .io)
    }
    guard !path.isEmpty, !path.utf8.contains(0) else {
      errno = ENOENT
      throw error()
    }
    let descriptor = retrying { open(path, O_WRONLY | O_CREAT | O_CLOEXEC | mode, 0o666) }
    guard descriptor >= 0 else { throw error() }
    defer { close(descriptor) }
    let bytes = Array(lines.map { $0 + "\n" }.joined().utf8)
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { bytes in
        retrying { put(descriptor, bytes, from: done) }
      }
      guard written >= 0 else { throw error() }
      done += written
    }
  }
}

/// The system's `write`, which a method of that name hides.
private func put(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
  bytes.baseAddress.map { write(descriptor, $0 + start, bytes.count - start) } ?? 0
}

extension FileSource {
  /// Whether there is something of that name.
  static func exists(_ path: String) -> Bool {
    !path.utf8.contains(0) && access(path, F_OK) == 0
  }
}
