#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file without a name that holds the elements of a tensor in place of memory.
///
/// It is mapped when it is complete. The system keeps of it what memory it has to spare, and takes
/// that back when it is needed; the file goes with the last tensor that uses it.
public final class DiskFile {
  /// The bytes written so far.
  public private(set) var byteCount = 0
  private let descriptor: Int32
  private let operation: String
  private let folder: String

  /// Creates a file.
  ///
  /// - Parameters:
  ///   - operation: what it is for, for messages.
  ///   - folder: where it is; by default in the folder that `TMPDIR` names, or in `/var/tmp`.
  /// - Throws: when that is not possible.
  public init(for operation: String, in folder: String? = nil) throws {
    let named = folder ?? getenv("TMPDIR").map { String(cString: $0) } ?? ""
    let folder = named.isEmpty ? "/var/tmp" : named
    self.folder = folder
    self.operation = operation
    var path = Array("\(folder)/wane-XXXXXX".utf8CString)
    descriptor = path.withUnsafeMutableBufferPointer { path -> Int32 in
      guard let base = path.baseAddress else { return -1 }
      let descriptor = mkstemp(base)
      if descriptor >= 0 {
        unlink(base)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      }
      return descriptor
    }
    guard descriptor >= 0 else { throw failure("cannot create a file", errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Writes bytes behind those there are.
  ///
  /// - Throws: when the disk is full, or fails.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("cannot write", count < 0 ? errno : ENOSPC) }
      done += count
    }
    byteCount += bytes.count
  }

  /// Takes room for bytes that will be written where the file is mapped.
  ///
  /// - Throws: when the disk has no room for them.
  public func reserve(_ count: Int) throws {
    // Writing to a hole of a mapped file that the disk has no room for would end the process.
    let code = posix_fallocate(descriptor, off_t(byteCount), off_t(max(count, 1)))
    guard code == 0 else { throw failure("has no room for \(count) bytes", code) }
    byteCount += count
  }

  /// The file as memory of a tensor.
  ///
  /// - Returns: a tensor of what was written or reserved.
  /// - Throws: when the shape needs other than so many bytes, or the file cannot be mapped.
  public func tensor(_ shape: Shape, _ dtype: DType) throws -> Tensor {
    guard shape.count * dtype.byteCount == byteCount else {
      throw WaneError(operation, "\(byteCount) bytes do not fill \(shape) \(dtype)")
    }
    guard byteCount > 0 else { return try Tensor(uninitialized: shape, dtype, for: operation) }
    let pointer = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
    guard let pointer, pointer != MAP_FAILED else { throw failure("cannot map the file", errno) }
    return Tensor(Storage(mapped: pointer, byteCount: byteCount), shape, dtype)
  }

  private func failure(_ what: String, _ code: Int32) -> WaneError {
    WaneError(operation, "'\(folder)': \(what): \(String(cString: strerror(code)))", kind: .io)
  }
}
