import CAllocationCount
import CKernels
import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

/// Files that nobody wrote: bodies put together or changed by hand, with a checksum that fits.
enum HostileFile {
  /// A file around a body, with the right length and checksum.
  static func file(body: [UInt8]) -> [UInt8] {
    var writer = ByteWriter()
    writer.raw(WaneFile.magic)
    writer.unsigned(WaneFile.formatVersion)
    writer.count(body.count)
    var checksum = CRC32C()
    body.withUnsafeBytes { checksum.add($0) }
    for shift in [0, 8, 16, 24] as [UInt32] { writer.byte(UInt8(checksum.value >> shift & 0xFF)) }
    return writer.bytes + body
  }

  /// A file of a description and values.
  static func file(description: [UInt8], values: [UInt8] = []) -> [UInt8] {
    var length = ByteWriter()
    length.count(description.count)
    return file(body: length.bytes + description + values)
  }

  /// What follows the checksum of a file.
  static func body(of bytes: [UInt8]) throws -> [UInt8] {
    var reader = ByteReader(bytes)
    _ = try reader.raw(4)
    _ = try reader.unsigned()
    _ = try reader.unsigned()
    _ = try reader.raw(4)
    return Array(bytes.suffix(reader.remaining))
  }

  /// Description and values of a file.
  static func parts(of bytes: [UInt8]) throws -> (description: [UInt8], values: [UInt8]) {
    var reader = ByteReader(try body(of: bytes))
    let count = Int(try reader.unsigned())
    let description = Array(try reader.raw(count))
    return (description, Array(try reader.raw(reader.remaining)))
  }

  /// Reads bytes, which either throw an error of the kind that bytes cause, or give a model.
  ///
  /// Neither takes more memory than so many bytes may: on the heap up to `heapFactor` times their number,
  /// of tensors up to `tensorFactor` times.
  @discardableResult
  static func read(_ bytes: [UInt8]) -> WaneFile? {
    _ = wane_external_bytes_take()
    allocation_peak_start()
    var file: WaneFile?
    do {
      file = try decode(bytes)
    } catch let error as WaneError {
      #expect(error.kind == .io || error.kind == .memory, "\(error)")
      #expect(error.operation == "load", "\(error)")
      #expect(error.message.utf8.count < 2000, "\(error)")
    } catch {
      Issue.record("\(error)")
    }
    let heap = Int(allocation_peak())
    #expect(heap <= heapBase + heapFactor * bytes.count, "\(heap) of \(bytes.count) bytes")
    let tensors = Int(wane_external_bytes_take())
    #expect(tensors <= tensorFactor * (bytes.count + 64), "\(tensors) of \(bytes.count) bytes")
    return file
  }

  /// The counters of a parameter's contexts, while it is read.
  private static let heapBase = 1 << 20
  /// A node of two bytes has operands, types and a place in the graph.
  static let heapFactor = 600
  /// Coded floats stand for at most 1024 values a byte; the pool rounds up by a quarter.
  static let tensorFactor = 5 * 1024

  /// Bytes either throw or give a model that can be written and read again.
  static func checkSound(_ bytes: [UInt8]) {
    guard let file = read(bytes) else { return }
    do {
      let again = try decode(try file.encoded())
      #expect(try listing(again.graph) == listing(file.graph))
    } catch {
      Issue.record("\(error)")
    }
  }
}
