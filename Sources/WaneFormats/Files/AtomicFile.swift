import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that appears under its name whole or not at all.
///
/// The bytes go to a file without a name in the same folder, so that a writer that is killed leaves
/// nothing behind, or to one of another name where the file system has no nameless ones. It takes the
/// place of the old one when all of its bytes are on the disk. Two writers never mix: the later whole file wins. A file that
/// is there keeps its mode, and its owner where the process may set it; a symbolic link stays and what
/// it points to is replaced.
struct AtomicFile: ~Copyable {
  private let path: String
  private let target: String
  private var temporary: String?
  private let descriptor: Int32
  private var isDone = false

  /// Opens the file beside `path`.
  ///
  /// - Throws: an `.io` error with the path and the reason.
  static func create(at path: String) throws -> AtomicFile {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw AtomicFile.error(path, systemMessage(ENOENT))
    }
    let target = try AtomicFile.resolved(path)
    var status = stat()
    let exists = stat(target, &status) == 0
    if exists {
      let kind = status.st_mode & S_IFMT
      guard kind == S_IFREG else {
        throw AtomicFile.error(path, kind == S_IFDIR ? systemMessage(EISDIR) : "not a regular file")
      }
      // Replacing needs no right to write the old file; asking for it anyway respects one that was
      // made read-only.
      guard access(target, W_OK) == 0 else { throw AtomicFile.error(path, systemMessage(errno)) }
    }

    let folder = AtomicFile.folder(of: target)
    let mode: mode_t = exists ? status.st_mode & 0o777 : 0o666
    // Created with no more rights than the result will have; the process's mask applies.
    var opened = AtomicFile.nameless(folder, mode)
    var name: String?
    if opened < 0 {
      for _ in 0..<100 {
        let candidate = AtomicFile.temporaryName(folder)
        opened = retrying { open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) }
        if opened >= 0 { name = candidate }
        if opened >= 0 || errno != EEXIST { break }
      }
    }
    guard opened >= 0 else { throw AtomicFile.error(path, systemMessage(errno)) }
    if exists {
      if status.st_uid != geteuid() || status.st_gid != getegid() {
        _ = fchown(opened, status.st_uid, status.st_gid)
      }
      _ = fchmod(opened, status.st_mode & 0o7777)
    }
    return AtomicFile(path: path, target: target, temporary: name, descriptor: opened)
  }

  /// A name that no other writer uses.
  private static func temporaryName(_ folder: String) -> String {
    "\(folder).wane-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
  }

  /// Opens a file without a name that can be given one later; -1 where there is no such thing.
  private static func nameless(_ folder: String, _ mode: mode_t) -> Int32 {
    #if os(Linux)
      // O_TMPFILE, which is not imported: a bit of its own, and that of a folder.
      let opened = retrying {
        open(folder, 0o20_000_000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, mode)
      }
      if opened >= 0, access("/proc/self/fd/\(opened)", F_OK) == 0 { return opened }
      if opened >= 0 { close(opened) }
    #endif
    return -1
  }

  private init(path: String, target: String, temporary: String?, descriptor: Int32) {
    self.path = path
    self.target = target
    self.temporary = temporary
    self.descriptor = descriptor
  }

  deinit {
    if !isDone {
      close(descriptor)
      if let temporary { unlink(temporary) }
    }
  }

  /// Appends bytes.
  ///
  /// - Throws: an `.io` error; the temporary file is gone then, and the old one as it was.
  borrowing func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      guard let base = bytes.baseAddress else { return }
      let written = withoutFileSizeSignal {
        retrying { put(descriptor, base + done, min(bytes.count - done, 1 << 30)) }
      }
      guard written >= 0 else { throw AtomicFile.error(path, systemMessage(errno)) }
      done += written
    }
  }

  /// Puts the file in its place.
  ///
  /// - Throws: an `.io` error; the temporary file is gone then, and the old one as it was.
  consuming func commit() throws {
    guard retrying({ fsync(descriptor) }) == 0 else {
      throw AtomicFile.error(path, systemMessage(errno))
    }
    // A name takes the place of another one only in a rename.
    let source = "/proc/self/fd/\(descriptor)"
    for _ in 0..<100 where temporary == nil {
      let candidate = AtomicFile.temporaryName(AtomicFile.folder(of: target))
      let linked = linkat(AT_FDCWD, source, AT_FDCWD, candidate, AT_SYMLINK_FOLLOW)
      if linked == 0 { temporary = candidate }
      if linked != 0, errno != EEXIST { throw AtomicFile.error(path, systemMessage(errno)) }
    }
    guard let temporary, rename(temporary, target) == 0 else {
      throw AtomicFile.error(path, systemMessage(errno))
    }
    isDone = true
    close(descriptor)
    // The new name itself is on the disk only when the folder is. Some file systems cannot say;
    // the file is whole either way.
    let folder = open(AtomicFile.folder(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }

  private static func error(_ path: String, _ reason: String) -> WaneError {
    WaneError("save", "cannot write '\(path)': \(reason)", kind: .io)
  }

  /// The folder of a path, with the slash; `./` when it names none.
  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "./" }
    return String(path[...slash])
  }

  /// Where symbolic links lead, to a file that need not exist yet.
  private static func resolved(_ path: String) throws -> String {
    var path = path
    // As many links as Linux follows.
    for _ in 0..<40 {
      var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
      let length = readlink(path, &buffer, buffer.count)
      guard length > 0 else { return path }
      let link = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      path = link.hasPrefix("/") ? link : folder(of: path) + link
    }
    throw error(path, systemMessage(ELOOP))
  }
}

/// The system's `write`, which a method of that name hides.
private func put(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(descriptor, bytes, count)
}

/// Runs a write that may hit the limit of a file's size without the signal that ends the process.
private func withoutFileSizeSignal<Result>(_ body: () -> Result) -> Result {
  var limit = sigset_t()
  var before = sigset_t()
  sigemptyset(&limit)
  sigaddset(&limit, SIGXFSZ)
  guard pthread_sigmask(SIG_BLOCK, &limit, &before) == 0 else { return body() }
  let result = body()
  let code = errno
  if code == EFBIG, sigismember(&before, SIGXFSZ) == 0 {
    var now = timespec()
    _ = sigtimedwait(&limit, nil, &now)
  }
  pthread_sigmask(SIG_SETMASK, &before, nil)
  errno = code
  return result
}
