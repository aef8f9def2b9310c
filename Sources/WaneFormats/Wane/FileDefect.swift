import WaneTensor

/// Why bytes are not a model.
enum FileDefect: Error, Equatable {
  /// The first bytes are not those of a `.wane` file.
  case foreign
  /// Written by a later version of the format.
  case newer(version: UInt64)
  /// Shorter than its header says, or than a header.
  case truncated(bytes: Int, expected: UInt64?)
  /// Every byte is there, but not as it was written.
  case checksum
  /// Something in it makes no sense.
  case damaged(String)

  /// Characters of a reason that are shown; names in a file may have any length.
  private static let mostShown = 300

  /// The error to throw, about the thing named.
  func error(about name: String) -> WaneError {
    let text =
      switch self {
      case .foreign: "\(name) is not a .wane file"
      case .newer(let version):
        "\(name) has format version \(version), this Wane reads up to \(WaneFile.formatVersion)"
      case .truncated(let bytes, let expected):
        "\(name) is truncated: it has \(bytes) " + (expected.map { "of \($0) bytes" } ?? "bytes")
      case .checksum: "\(name) is damaged: its checksum does not match"
      case .damaged(let reason):
        "\(name) is damaged: "
          + (reason.count > FileDefect.mostShown
            ? reason.prefix(FileDefect.mostShown) + "..." : reason)
      }
    return WaneError("load", text, kind: .io)
  }
}
