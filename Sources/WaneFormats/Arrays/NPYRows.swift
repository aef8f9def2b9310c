import WaneNN
import WaneTensor

/// The rows of a NumPy file along its first axis, read when they are needed.
///
/// Reading takes no memory but that of the rows; what of the file is read again, the system keeps
/// while it has room.
public struct NPYRows: RowSource {
  public let count: Int
  public let dimensions: [Int]
  public let dtype: DType
  private let source: FileSource
  private let element: NPYElement
  private let isBigEndian: Bool
  private let start: Int
  private let path: String

  /// Reads the header of a file.
  ///
  /// - Returns: nil where the file has no rows that lie one after the other, or has them in a type
  ///   that data sets do not have.
  /// - Throws: with path and reason when it cannot be read, is damaged or cut short.
  public init?(_ path: String) throws {
    var stream = try FileStream(path)
    let form = try NPYFile.form(&stream)
    dtype = form.element.dtype
    guard form.shape.rank > 0, !form.isReversed, [.f32, .i32, .u8].contains(dtype) else {
      return nil
    }
    count = form.shape[0]
    dimensions = Array(form.shape.dimensions.dropFirst())
    source = stream.source
    start = stream.position
    element = form.element
    isBigEndian = form.isBigEndian
    self.path = path
  }

  /// The samples of a file for a data set: read when they are needed if the file allows it.
  ///
  /// - Throws: with path and reason when it cannot be read or is damaged.
  public static func samples(_ path: String) throws -> Column {
    if let rows = try NPYRows(path) { return .stored(try StoredRows(rows)) }
    let tensor = try NPYFile.read(path)
    return .tensor(
      [.f32, .i32, .u8].contains(tensor.dtype) ? tensor : try tensor.converted(to: .f32))
  }

  public func read(_ row: Int, to target: UnsafeMutableRawPointer) throws {
    let length = dimensions.reduce(1, *)
    let bytes = length * element.width
    let offset = start + row * bytes
    guard element.isPlain else {
      var raw = try source.bytes(at: offset, count: bytes)
      let bad = raw.withUnsafeMutableBytes { raw -> Int? in
        if isBigEndian { element.swapBytes(raw) }
        return element.convert(UnsafeRawBufferPointer(raw), to: target)
      }
      guard let bad else { return }
      throw FileSource.error(
        "npy", path,
        "element \(row * length + bad + 1) of type '\(element.rawValue)' does not fit i32")
    }
    let buffer = UnsafeMutableRawBufferPointer(start: target, count: bytes)
    try source.read(into: buffer, at: offset)
    if isBigEndian { element.swapBytes(buffer) }
  }

  /// A look at some of the rows: all of a large file would take long.
  public func mark(_ row: Int) throws -> String {
    guard row % max(count / 64, 1) == 0 else { return "" }
    let bytes = dimensions.reduce(element.width, *)
    let raw = try source.bytes(at: start + row * bytes, count: bytes)
    return raw.withUnsafeBytes { Dataset.mark($0) }
  }
}
