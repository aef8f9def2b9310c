import Synchronization
import WaneGraph
import WaneNN
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A folder with a sub-folder of PNG and JPEG images for each class.
public struct ImageFolder: Sendable {
  /// The names of the classes: those of the sub-folders, in alphabetical order.
  public let classNames: [String]
  /// The paths of the images, class by class, in alphabetical order, and their classes.
  public let images: [(path: String, label: Int32)]
  private let path: String

  /// Looks through a folder.
  ///
  /// Files whose name begins with a dot or does not end in `.png`, `.jpg` or `.jpeg` are passed over.
  ///
  /// - Throws: with path and reason when it cannot be read or holds no images.
  public init(_ path: String) throws {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    self.path = path
    classNames = try ImageFolder.entries(path).filter { name in
      var status = stat()
      return stat("\(path)/\(name)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
    var images: [(String, Int32)] = []
    for (label, name) in classNames.enumerated() {
      for file in try ImageFolder.entries("\(path)/\(name)") where ImageFolder.isImage(file) {
        images.append(("\(path)/\(name)/\(file)", Int32(clamping: label)))
      }
    }
    self.images = images
    guard !classNames.isEmpty else {
      throw FileSource.error("images", path, "has no folders, one for each class")
    }
    guard !images.isEmpty else {
      throw FileSource.error("images", path, "has no PNG or JPEG files")
    }
  }

  /// The images as a data set of bytes `[N, H, W, C]`.
  ///
  /// - Parameters:
  ///   - size: the extents all are scaled to; those of the first image when nil.
  ///   - channels: 1 for grey, 3 for red, green and blue.
  ///   - cache: where decoded images are kept; with none, they are decoded when they are needed.
  ///   - pool: who decodes what is kept.
  ///   - progress: hears how far it is.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: the images, their classes and the names of these.
  /// - Throws: with path and reason when one of those that are decoded cannot be read.
  public func dataset(
    size: (height: Int, width: Int)? = nil, channels: Int = 3, cache: SampleCache = .none,
    pool: WorkerPool, progress: any ProgressSink = SilentProgress(), poll: () throws -> Void = {}
  ) throws -> Dataset {
    let size = try size ?? ImageFolder.size(images[0].path)
    try ImageFile.check(channels: channels, size)
    let stored = try StoredRows(
      ImageRows(
        folder: path, paths: images.map(\.path), height: size.height, width: size.width,
        channels: channels))
    let column: Column =
      cache == .none
      ? .stored(stored)
      : .tensor(try decoded(stored, cache, pool: pool, progress: progress, poll: poll))
    return try Dataset(
      columns: [column], labels: [Tensor(images.map(\.label))], name: path, classNames: classNames)
  }

  /// All images, decoded on all workers.
  private func decoded(
    _ rows: StoredRows, _ cache: SampleCache, pool: WorkerPool, progress: any ProgressSink,
    poll: () throws -> Void
  ) throws -> Tensor {
    var pixels = try cache.tensor(rows.shape, rows.source.dtype, for: "images")
    let row = rows.source.dimensions.reduce(1, *)
    try pixels.withMutableBytes { target in
      guard let base = target.baseAddress else { return }
      let failures = Failures()
      let round = 16 * pool.count
      for start in stride(from: 0, to: images.count, by: round) {
        try poll()
        progress.reportIfWanted(
          Progress(title: "images", completed: start, total: images.count))
        try pool.run { worker in
          for index in stride(
            from: start + worker, to: min(start + round, images.count), by: pool.count)
          {
            failures.catching(index) { try rows.read(index, to: base + index * row) }
          }
        }
        try failures.check()
      }
    }
    progress.finishStage()
    return pixels
  }

  private static func size(_ path: String) throws -> (height: Int, width: Int) {
    let image = try ImageFile.EncodedImage(path)
    return (image.height, image.width)
  }

  private static func isImage(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".png", ".jpg", ".jpeg"].contains { lower.hasSuffix($0) }
  }

  /// What a folder holds, in alphabetical order, without names that begin with a dot.
  private static func entries(_ path: String) throws -> [String] {
    guard !path.utf8.contains(0) else {
      throw WaneError("images", "a path cannot hold a zero byte", kind: .io)
    }
    guard let folder = opendir(path) else {
      throw FileSource.error("images", path, systemMessage(errno))
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      // The record ends after the name, so it must not be copied as a whole.
      guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { continue }
      let start = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
      let name = String(validatingCString: start)
      // A name that is not text cannot be a class, nor be shown.
      guard let name, !name.hasPrefix(".") else { continue }
      names.append(name)
    }
    // By code points, whatever the locale.
    return names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
  }
}

/// Images that are decoded when they are needed.
private struct ImageRows: RowSource {
  let folder: String
  let paths: [String]
  let height: Int
  let width: Int
  let channels: Int

  var count: Int { paths.count }
  var dimensions: [Int] { [height, width, channels] }
  var dtype: DType { .u8 }

  func read(_ row: Int, to target: UnsafeMutableRawPointer) throws {
    try ImageFile.EncodedImage(paths[row]).decode(
      channels: channels, height: height, width: width,
      to: target.assumingMemoryBound(to: UInt8.self))
  }

  /// Its name in the folder and the size of its file: a copy of the folder goes on where another was.
  func mark(_ row: Int) throws -> String {
    var status = stat()
    guard stat(paths[row], &status) == 0 else {
      throw FileSource.error("images", paths[row], systemMessage(errno))
    }
    return "\(paths[row].dropFirst(folder.count)) \(status.st_size)"
  }
}

/// The first image that several workers fail at.
private final class Failures: Sendable {
  private let first = Mutex<(index: Int, error: any Error)?>(nil)

  func catching(_ index: Int, _ body: () throws -> Void) {
    do {
      try body()
    } catch {
      first.withLock { first in
        if first.map({ index < $0.index }) ?? true { first = (index, error) }
      }
    }
  }

  func check() throws {
    if let failure = first.withLock({ $0 }) { throw failure.error }
  }
}
