import WaneGraph
import WaneTensor

/// A model as it stands in a `.wane` file: the graph with its parameters in their encodings, and
/// some words about it.
///
/// `docs/format.md` describes every byte.
///
/// What is read is what was written, bit for bit: floats, codes, tables, flags and names.
public struct WaneFile: Sendable {
  /// The version of the format that is written, and the latest that is read.
  public static let formatVersion: UInt64 = 1

  /// The model.
  public var graph: Graph
  /// Words about the model, such as `name` and `created_by`.
  public var metadata: [String: String]

  /// Puts a file together in memory.
  public init(_ graph: Graph, metadata: [String: String] = [:]) {
    self.graph = graph
    self.metadata = metadata
  }

  static let magic = Array("WANE".utf8)
}

// MARK: Reading

extension WaneFile {
  /// Reads a file.
  ///
  /// - Throws: an `.io` error that names the path and what is wrong: it cannot be read, is no `.wane`
  ///   file, is from a later version, is truncated, fails its checksum, or is damaged. A `.memory`
  ///   error when the model does not fit.
  public static func read(_ path: String) throws -> WaneFile {
    try WaneFile(FileSource(path), name: "'\(path)'")
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: as `read`.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    try self.init(MemorySource(bytes: bytes), name: "the data")
  }

  /// Whether these first bytes of a file are those of a `.wane` file.
  public static func recognizes(_ firstBytes: UnsafeRawBufferPointer) -> Bool {
    firstBytes.count >= magic.count && firstBytes[..<magic.count].elementsEqual(magic)
  }

  private init(_ source: some ByteSource, name: String) throws {
    do {
      let header = try FileHeader(source)
      self = try GraphReader.read(source, header)
    } catch let defect as FileDefect {
      throw defect.error(about: name)
    } catch let error as WaneError where error.kind == .invalid {
      throw FileDefect.damaged(error.description).error(about: name)
    }
  }
}

// MARK: Writing

extension WaneFile {
  /// Writes a file, whole or not at all: whatever goes wrong, a file that was there stays as it was.
  ///
  /// - Throws: an `.io` error that names the path and the reason, a `.memory` error, and an error
  ///   that names what in the graph has no file form.
  public func write(to path: String) throws {
    let image = try FileImage(self)
    let file = try AtomicFile.create(at: path)
    for piece in image.pieces { try piece.with { try file.write($0) } }
    try file.commit()
  }

  /// The bytes of the file.
  ///
  /// - Throws: as `write`, but for the file system.
  public func encoded() throws -> [UInt8] {
    let image = try FileImage(self)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(image.byteCount)
    for piece in image.pieces { piece.with { bytes.append(contentsOf: $0) } }
    return bytes
  }
}
