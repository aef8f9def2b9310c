import WaneGraph

/// The bytes of a file before they are written, large tensors by reference.
struct FileImage {
  /// What stands in the file, in order.
  let pieces: [FilePiece]
  /// The form of each parameter.
  let forms: [StoredForm]
  /// The number of bytes of all pieces.
  var byteCount: Int { pieces.reduce(0) { $0 + $1.count } }

  /// Describes a model and codes its parameters.
  ///
  /// - Throws: an error that names what in the graph has no file form, and a `.memory` error.
  init(_ file: WaneFile) throws {
    let description = try GraphWriter(file)
    var length = ByteWriter()
    length.count(description.bytes.count)
    let body = [.bytes(length.bytes), .bytes(description.bytes)] + description.values

    var checksum = CRC32C()
    for piece in body { piece.with { checksum.add($0) } }
    var header = ByteWriter()
    header.raw(WaneFile.magic)
    header.unsigned(WaneFile.formatVersion)
    header.count(body.reduce(0) { $0 + $1.count })
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      header.byte(UInt8(truncatingIfNeeded: checksum.value >> shift))
    }
    pieces = [.bytes(header.bytes)] + body
    forms = description.forms
  }
}
