import CZip
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// NumPy's file of several arrays: a zip of `.npy` files.
public enum NPZFile {
  /// Reads all arrays, or those of some names.
  ///
  /// - Returns: the arrays by name, which is the entry's without `.npy`.
  /// - Throws: with path and reason when the file cannot be read, is damaged, or lacks a name.
  public static func read(_ path: String, names: [String]? = nil) throws -> [String: Tensor] {
    let archive = try ZipReader(path)
    var result: [String: Tensor] = [:]
    var left = Set(names ?? [])
    for index in 0..<archive.count {
      let entry = try archive.name(index)
      guard entry.hasSuffix(".npy") else { continue }
      let name = String(entry.dropLast(4))
      if names != nil, left.remove(name) == nil { continue }
      guard result[name] == nil else { throw archive.failure("holds '\(name)' twice") }
      var stream = try archive.entry(index, name: entry)
      result[name] = try NPYFile.read(from: &stream)
      try stream.finish()
    }
    if let missing = left.min() {
      let all = try archive.arrayNames()
      throw archive.failure(
        "has no array '\(missing)', only \(all.map { "'\($0)'" }.joined(separator: ", "))")
    }
    return result
  }

  /// Writes arrays to a file that appears under its name whole or not at all.
  ///
  /// - Parameters:
  ///   - arrays: the tensors by name.
  ///   - path: the file.
  ///   - compresses: whether entries are deflated.
  /// - Throws: with path and reason when it cannot be written.
  public static func write(
    _ arrays: [String: Tensor], to path: String, compresses: Bool = false
  ) throws {
    // libzip takes a file without entries away.
    guard !arrays.isEmpty else { throw WaneError("npz", "there are no tensors to write") }
    let file = try AtomicFile.create(at: path)
    let writer = try ZipWriter(path)
    for (name, tensor) in arrays.sorted(by: { $0.key < $1.key }) {
      guard !name.isEmpty, !name.utf8.contains(0), name.utf8.count < 1 << 10 else {
        throw WaneError("npz", "an array cannot be called '\(name)'")
      }
      let plain = try NPYFile.plain(tensor)
      let head = NPYFile.header(plain).bytes
      try writer.add("\(name).npy", head: head, plain, compresses: compresses)
    }
    try writer.finish { try file.write($0) }
    try file.commit()
  }
}

/// A zip file that is read.
private final class ZipReader {
  let count: Int
  private let archive: OpaquePointer
  private let path: String
  /// The bytes of the whole file.
  private let byteCount: Int

  init(_ path: String) throws {
    // libzip would wait for a FIFO.
    byteCount = try FileSource(path, for: "npz").count
    var code: Int32 = 0
    guard let archive = zip_open(path, Int32(ZIP_RDONLY), &code) else {
      var error = zip_error_t()
      zip_error_init_with_code(&error, code)
      defer { zip_error_fini(&error) }
      throw FileSource.error("npz", path, String(cString: zip_error_strerror(&error)))
    }
    self.archive = archive
    self.path = path
    count = Int(max(zip_get_num_entries(archive, 0), 0))
  }

  deinit { zip_discard(archive) }

  func failure(_ reason: String) -> WaneError { FileSource.error("npz", path, reason) }

  func name(_ index: Int) throws -> String {
    guard let name = zip_get_name(archive, zip_uint64_t(index), 0) else {
      throw failure(String(cString: zip_strerror(archive)))
    }
    return String(cString: name)
  }

  func arrayNames() throws -> [String] {
    try (0..<count).map(name).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
      .sorted()
  }

  func entry(_ index: Int, name: String) throws -> ZipStream {
    var info = zip_stat_t()
    zip_stat_init(&info)
    let wanted = zip_uint64_t(ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD)
    guard zip_stat_index(archive, zip_uint64_t(index), 0, &info) == 0, info.valid & wanted == wanted
    else { throw failure(String(cString: zip_strerror(archive))) }
    let method = Int32(info.comp_method)
    guard method == ZIP_CM_STORE || method == ZIP_CM_DEFLATE else {
      throw failure("'\(name)' is compressed by the unknown method \(method)")
    }
    // Deflate makes at most 1032 bytes of one (zlib's technical notes).
    guard info.comp_size <= zip_uint64_t(byteCount), info.size / 1032 <= info.comp_size else {
      throw failure("'\(name)' is too short for its \(info.size) bytes")
    }
    guard let file = zip_fopen_index(archive, zip_uint64_t(index), 0) else {
      throw failure("'\(name)': \(String(cString: zip_strerror(archive)))")
    }
    return ZipStream(self, file, name: name, size: Int(info.size))
  }
}

/// One entry of a zip file as a stream.
private final class ZipStream: ByteStream {
  private(set) var left: Int
  private let archive: ZipReader
  private let file: OpaquePointer
  private let name: String

  init(_ archive: ZipReader, _ file: OpaquePointer, name: String, size: Int) {
    self.archive = archive
    self.file = file
    self.name = name
    left = size
  }

  deinit { zip_fclose(file) }

  func failure(_ reason: String) -> WaneError { archive.failure("'\(name)': \(reason)") }

  func read(into target: UnsafeMutableRawBufferPointer) throws {
    guard target.count <= left else { throw failure("the file ends too early") }
    var done = 0
    while done < target.count, let base = target.baseAddress {
      let got = Int(zip_fread(file, base + done, zip_uint64_t(min(target.count - done, 1 << 30))))
      guard got > 0 else { throw damaged(got) }
      done += got
    }
    left -= target.count
  }

  /// Reads up to the end, where the checksum is compared.
  func finish() throws {
    var rest = [UInt8](repeating: 0, count: 1 << 12)
    while true {
      let got = Int(zip_fread(file, &rest, zip_uint64_t(rest.count)))
      guard got >= 0 else { throw damaged(got) }
      if got == 0 { return }
    }
  }

  private func damaged(_ got: Int) -> WaneError {
    failure(got < 0 ? String(cString: zip_file_strerror(file)) : "the file ends too early")
  }
}

/// A zip file that is written, in memory.
private final class ZipWriter {
  private var archive: OpaquePointer?
  private let buffer: OpaquePointer
  private let path: String

  init(_ path: String) throws {
    self.path = path
    var error = zip_error_t()
    zip_error_init(&error)
    defer { zip_error_fini(&error) }
    guard let buffer = zip_source_buffer_create(nil, 0, 0, &error) else {
      throw WaneError("npz", "not enough memory", kind: .memory)
    }
    // One reference for the archive, one for us.
    zip_source_keep(buffer)
    guard let archive = zip_open_from_source(buffer, Int32(ZIP_TRUNCATE), &error) else {
      zip_source_free(buffer)
      zip_source_free(buffer)
      throw WaneError("npz", "not enough memory", kind: .memory)
    }
    self.buffer = buffer
    self.archive = archive
  }

  deinit {
    if let archive { zip_discard(archive) }
    zip_source_free(buffer)
  }

  func add(_ name: String, head: [UInt8], _ tensor: Tensor, compresses: Bool) throws {
    let size = head.count + tensor.byteCount
    guard let archive, let memory = malloc(size) else {
      throw WaneError.outOfMemory("npz", bytes: size)
    }
    memory.copyMemory(from: head, byteCount: head.count)
    tensor.withBytes { bytes in
      if let base = bytes.baseAddress {
        (memory + head.count).copyMemory(from: base, byteCount: bytes.count)
      }
    }
    // The source frees the memory.
    guard let source = zip_source_buffer(archive, memory, zip_uint64_t(size), 1) else {
      free(memory)
      throw failure()
    }
    let index = zip_file_add(archive, name, source, zip_flags_t(ZIP_FL_ENC_UTF_8))
    guard index >= 0 else {
      zip_source_free(source)
      throw failure()
    }
    let method = compresses ? ZIP_CM_DEFLATE : ZIP_CM_STORE
    guard zip_set_file_compression(archive, zip_uint64_t(index), method, 0) == 0 else {
      throw failure()
    }
  }

  /// Puts the file together and hands its bytes over, piece by piece.
  func finish(_ take: (UnsafeRawBufferPointer) throws -> Void) throws {
    guard let archive, zip_close(archive) == 0 else { throw failure() }
    self.archive = nil
    guard zip_source_open(buffer) == 0 else { throw failure() }
    defer { zip_source_close(buffer) }
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = zip_source_read(buffer, &piece, zip_uint64_t(piece.count))
      guard got >= 0 else { throw failure() }
      if got == 0 { return }
      try piece.withUnsafeBytes { try take(UnsafeRawBufferPointer(rebasing: $0[..<Int(got)])) }
    }
  }

  private func failure() -> WaneError {
    let reason =
      archive.map { String(cString: zip_strerror($0)) }
      ?? String(cString: zip_error_strerror(zip_source_error(buffer)))
    return WaneError("npz", "cannot write '\(path)': \(reason)", kind: .io)
  }
}
