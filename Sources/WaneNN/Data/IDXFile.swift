import CZlib
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files of the MNIST family: a short header, then bytes (LeCun, Cortes and Burges, 1998).
///
///     0  0  type  rank | rank big-endian 32-bit extents | elements
///
/// Plain or gzip, told by content.
public enum IDXFile {
  /// The only element type these data sets use.
  private static let unsignedByte: UInt8 = 8
  /// A file may not claim to be larger than this; the largest of the family has 55 MB.
  private static let byteLimit = 1 << 32

  /// Reads a file of unsigned bytes.
  ///
  /// - Parameters:
  ///   - path: where it is, plain or gzip.
  ///   - rank: the number of axes it must have.
  /// - Returns: its bytes, u8.
  /// - Throws: with path and reason when it cannot be read, is not such a file, or is cut short.
  public static func read(_ path: String, rank: Int) throws -> Tensor {
    let file = try GzipReader(path)
    let header = try file.bytes(4, "the header")
    guard header[0] == 0, header[1] == 0, (1...8).contains(header[3]) else {
      throw file.failure("is not an idx file")
    }
    guard header[2] == unsignedByte else {
      throw file.failure("holds elements of type \(header[2]), not unsigned bytes (8)")
    }
    guard Int(header[3]) == rank else {
      throw file.failure("has \(header[3]) axes where \(rank) are expected")
    }
    let extents = try file.bytes(4 * rank, "the extents")
    let dimensions = (0..<rank).map { axis in
      extents[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard let shape = try? Shape(dimensions), shape.count <= byteLimit else {
      throw file.failure("claims \(Shape.text(dimensions)) elements")
    }
    guard dimensions.dropFirst().allSatisfy({ $0 > 0 }) else {
      throw file.failure("claims samples without elements, \(shape)")
    }
    let tensor = try file.tensor(shape)
    try file.expectEnd()
    return tensor
  }

  /// Reads images and labels as a data set of `[N, H, W, 1]` bytes and classes.
  ///
  /// - Throws: when a file cannot be read, or their numbers differ.
  public static func dataset(images: String, labels: String, name: String) throws -> Dataset {
    let pixels = try read(images, rank: 3)
    let classes = try read(labels, rank: 1)
    guard pixels.shape[0] == classes.shape[0] else {
      throw WaneError(
        name, "'\(images)' has \(pixels.shape[0]) images, '\(labels)' \(classes.shape[0]) labels",
        kind: .io)
    }
    return try Dataset(
      inputs: pixels.reshaped(Shape(pixels.shape.dimensions + [1])),
      labels: classes.converted(to: .i32), name: name)
  }
}

/// Reads a file that may be compressed with gzip.
private final class GzipReader {
  private let file: gzFile
  private let path: String
  private let size: Int
  /// How much a byte of gzip can stand for: deflate repeats 258 bytes with two bits (RFC 1951).
  private static let mostPerByte = 1032

  init(_ path: String) throws {
    self.path = path
    var info = stat()
    guard stat(path, &info) == 0 else { throw GzipReader.failure(path, GzipReader.reason(errno)) }
    guard info.st_mode & S_IFMT == S_IFREG else {
      throw GzipReader.failure(path, "is not a regular file")
    }
    size = Int(info.st_size)
    guard let file = gzopen(path, "rb") else {
      throw GzipReader.failure(path, errno == 0 ? "not enough memory" : GzipReader.reason(errno))
    }
    self.file = file
    gzbuffer(file, 1 << 18)
  }

  deinit { gzclose_r(file) }

  func failure(_ reason: String) -> WaneError { GzipReader.failure(path, reason) }

  private static func failure(_ path: String, _ reason: String) -> WaneError {
    WaneError("idx", "cannot read '\(path)': \(reason)", kind: .io)
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

  func bytes(_ count: Int, _ what: String) throws -> [UInt8] {
    var result = [UInt8](repeating: 0, count: count)
    let got = Int(gzread(file, &result, UInt32(count)))
    guard got == count else { throw interrupted(what) }
    return result
  }

  /// Reads the elements to where they stay.
  ///
  /// A header cannot make a small file take much memory: what nobody writes to is not taken from the
  /// system, and no more is claimed than a file of that size can hold.
  func tensor(_ shape: Shape) throws -> Tensor {
    guard shape.count / GzipReader.mostPerByte <= size else { throw interrupted("the elements") }
    var result = try Tensor(uninitialized: shape, .u8, for: "idx")
    try result.withMutableBytes { bytes in
      let piece = 1 << 24
      for start in stride(from: 0, to: bytes.count, by: piece) {
        let wanted = min(piece, bytes.count - start)
        let got = gzread(file, bytes.baseAddress.map { $0 + start }, UInt32(wanted))
        guard Int(got) == wanted else { throw interrupted("the elements") }
      }
    }
    return result
  }

  /// Checks that nothing follows; a compressed file tells by its last bytes that it is whole.
  func expectEnd() throws {
    var byte: UInt8 = 0
    let got = gzread(file, &byte, 1)
    guard got <= 0 else { throw failure("goes on after the elements that its header tells of") }
    var code: Int32 = 0
    _ = gzerror(file, &code)
    guard got == 0, code == Z_OK || code == Z_STREAM_END else { throw interrupted("the check") }
  }

  private func interrupted(_ what: String) -> WaneError {
    var code: Int32 = 0
    let text = gzerror(file, &code).map { String(cString: $0) } ?? ""
    return failure(
      code == Z_OK || code == Z_BUF_ERROR || text.isEmpty
        ? "the file ends within \(what)" : "damaged: \(text)")
  }
}
