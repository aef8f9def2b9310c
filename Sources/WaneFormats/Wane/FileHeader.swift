/// The first bytes of a file: magic, version, length and checksum of what follows, and length of the
/// description.
struct FileHeader {
  /// Where the description begins.
  let descriptionStart: Int
  /// Bytes of the description; the values of the parameters follow it.
  let descriptionCount: Int

  // Magic, three numbers, checksum.
  private static let most = 4 + 3 * 10 + 4

  /// Reads a header and checks what it says of the rest.
  ///
  /// - Throws: a `FileDefect`.
  init(_ source: some ByteSource) throws {
    let start = try source.bytes(at: 0, count: min(source.count, FileHeader.most))
    guard start.starts(with: WaneFile.magic) else {
      // The beginning of a magic is a file that was cut very short.
      throw !start.isEmpty && WaneFile.magic.starts(with: start)
        ? FileDefect.truncated(bytes: start.count, expected: nil) : FileDefect.foreign
    }
    var reader = ByteReader(start)
    let (bodyCount, checksum) = try FileHeader.fixedPart(&reader, count: source.count)
    let bodyStart = start.count - reader.remaining
    let (total, overflow) = bodyCount.addingReportingOverflow(UInt64(bodyStart))
    guard !overflow, UInt64(source.count) >= total else {
      throw FileDefect.truncated(bytes: source.count, expected: overflow ? nil : total)
    }
    guard UInt64(source.count) == total else {
      throw FileDefect.damaged("\(UInt64(source.count) - total) bytes follow its end")
    }
    guard try FileHeader.checksum(of: source, from: bodyStart) == checksum else {
      throw FileDefect.checksum
    }
    descriptionCount = try reader.count("the length of the description", in: 0...Int(bodyCount))
    descriptionStart = start.count - reader.remaining
    guard descriptionCount <= source.count - descriptionStart else {
      throw FileDefect.damaged("the description is longer than the file")
    }
  }

  /// Reads the length and the checksum of what follows them.
  private static func fixedPart(_ reader: inout ByteReader, count: Int) throws
    -> (bodyCount: UInt64, checksum: UInt32)
  {
    do {
      _ = try reader.raw(WaneFile.magic.count)
      let version = try reader.unsigned()
      guard version <= WaneFile.formatVersion else { throw FileDefect.newer(version: version) }
      guard version > 0 else { throw FileDefect.damaged("there is no format version 0") }
      let bodyCount = try reader.unsigned()
      return (bodyCount, try reader.raw(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
    } catch FileDefect.damaged where reader.remaining < 4 && count < FileHeader.most {
      throw FileDefect.truncated(bytes: count, expected: nil)
    }
  }

  private static func checksum(of source: some ByteSource, from start: Int) throws -> UInt32 {
    var checksum = CRC32C()
    var position = start
    while position < source.count {
      let count = min(source.count - position, 1 << 18)
      let bytes = try source.bytes(at: position, count: count)
      bytes.withUnsafeBytes { checksum.add($0) }
      position += count
    }
    return checksum.value
  }
}
