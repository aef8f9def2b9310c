import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that is read piece by piece.
///
/// It is not mapped into memory: when somebody shortens a mapped file, looking at it kills the
/// process.
final class FileSource: ByteSource, Sendable {
  let count: Int
  private let descriptor: Int32
  private let path: String
  private let operation: String

  /// Opens a regular file.
  ///
  /// - Throws: an `.io` error with the operation, the path and the reason.
  init(_ path: String, for operation: String = "load") throws {
    self.path = path
    self.operation = operation
    guard !path.utf8.contains(0) else {
      throw WaneError(operation, "a path cannot hold a zero byte", kind: .io)
    }
    // Not blocking: a FIFO without a writer would be waited for.
    descriptor = retrying { open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    guard descriptor >= 0 else { throw FileSource.error(operation, path, systemMessage(errno)) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = systemMessage(errno)
      close(descriptor)
      throw FileSource.error(operation, path, reason)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileSource.error(
        operation, path,
        status.st_mode & S_IFMT == S_IFDIR ? systemMessage(EISDIR) : "not a regular file")
    }
    count = Int(status.st_size)
  }

  deinit { close(descriptor) }

  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < target.count {
      guard let base = target.baseAddress else { return }
      // Linux moves at most 2 GB a call.
      let got = retrying {
        pread(descriptor, base + done, min(target.count - done, 1 << 30), off_t(offset + done))
      }
      guard got >= 0 else { throw FileSource.error(operation, path, systemMessage(errno)) }
      guard got > 0 else {
        throw FileSource.error(operation, path, "it became shorter while it was read")
      }
      done += got
    }
  }

  /// A file cannot be read.
  static func error(_ operation: String, _ path: String, _ reason: String) -> WaneError {
    WaneError(operation, "cannot read '\(path)': \(reason)", kind: .io)
  }
}

/// Calls again while a signal interrupts.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result != -1 || errno != EINTR { return result }
  }
}

/// What the system says about an error number.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }
