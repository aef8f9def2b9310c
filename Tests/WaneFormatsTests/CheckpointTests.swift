import Foundation
import Testing
import WaneNN
import WaneTensor

@testable import WaneFormats

/// The file of a training run: what is written is read, and nothing else is accepted.
@Suite struct CheckpointTests {
  private let path = FileManager.default.temporaryDirectory
    .appending(path: "wane-\(UUID().uuidString).ckpt").path

  private func state() throws -> TrainingState {
    var state = TrainingState()
    state.values["a/integer"] = .integer(-12345)
    state.values["a/least"] = .integer(.min)
    state.values["a/number"] = .number(-0.0)
    state.values["a/infinite"] = .number(.infinity)
    state.values["b"] = .text("lion, ß and \u{1F981}")
    state.values["c"] = .numbers([1, .nan, 3.5])
    state.values["d"] = .tensor(try Tensor([Float(1), 2, 3, 4, 5, 6], Shape([2, 3])))
    state.values["e"] = .tensor(try Tensor([Int32(7), -8]))
    state.values["f"] = .tensor(try Tensor(zeros: Shape([0, 4])))
    return state
  }

  private func text(_ state: TrainingState) -> [String] {
    state.values.sorted { $0.key < $1.key }.map { name, value in
      switch value {
      case .integer(let value): "\(name) \(value)"
      case .number(let value): "\(name) \(value.bitPattern)"
      case .text(let value): "\(name) \(value)"
      case .numbers(let values): "\(name) \(values.map(\.bitPattern))"
      case .tensor(let tensor):
        "\(name) \(tensor.dtype) \(tensor.shape) \(tensor.withBytes { Array($0) })"
      }
    }
  }

  @Test func whatIsWrittenIsRead() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(!CheckpointFile.exists(path))
    try CheckpointFile.write(state(), to: path)
    #expect(CheckpointFile.exists(path))
    #expect(try text(CheckpointFile.read(path)) == text(state()))
    try CheckpointFile.write(TrainingState(), to: path)
    #expect(try CheckpointFile.read(path).values.isEmpty)
  }

  /// Every file that was cut, and every one with a bit turned over.
  @Test func damageIsFound() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try CheckpointFile.write(state(), to: path)
    let bytes = try [UInt8](Data(contentsOf: URL(filePath: path)))
    func message(_ bytes: [UInt8]) throws -> String? {
      try Data(bytes).write(to: URL(filePath: path))
      do {
        _ = try CheckpointFile.read(path)
        return nil
      } catch { return "\(error)" }
    }
    for count in bytes.indices {
      let message = try message(Array(bytes[..<count]))
      #expect(message?.hasPrefix("resume: '\(path)' is ") == true, "\(count): \(message ?? "")")
    }
    for index in bytes.indices {
      var damaged = bytes
      damaged[index] ^= 1 << UInt8(index % 8)
      #expect(try message(damaged) != nil, "byte \(index)")
    }
  }

  /// A body that lies, under a checksum that is right.
  @Test func liesAreFound() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    func message(_ body: (inout ByteWriter) -> Void) throws -> String? {
      var content = ByteWriter()
      body(&content)
      var checksum = CRC32C()
      content.bytes.withUnsafeBytes { checksum.add($0) }
      var file = ByteWriter()
      file.raw(CheckpointFile.magic)
      file.unsigned(CheckpointFile.version)
      file.count(content.bytes.count)
      for shift in stride(from: UInt32(0), to: 32, by: 8) {
        file.byte(UInt8(truncatingIfNeeded: checksum.value >> shift))
      }
      file.raw(content.bytes)
      try Data(file.bytes).write(to: URL(filePath: path))
      do {
        _ = try CheckpointFile.read(path)
        return nil
      } catch { return "\(error)".replacing("resume: '\(path)' is damaged: ", with: "") }
    }
    #expect(try message { $0.unsigned(.max) }?.contains("do not fit in 0 bytes") == true)
    func tensor(_ dtype: UInt8, _ dimensions: [Int], _ bytes: Int) throws -> String? {
      try message { writer in
        writer.count(1)
        writer.string("t")
        writer.byte(4)
        writer.byte(dtype)
        writer.count(dimensions.count)
        for extent in dimensions { writer.count(extent) }
        writer.raw([UInt8](repeating: 0, count: bytes))
      }
    }
    #expect(try tensor(0, [2], 8) == nil)
    #expect(try tensor(99, [2], 8) == "there is no element type 99")
    #expect(try tensor(0, [3], 8) == "a tensor of 3 does not fit in it")
    #expect(try tensor(0, [1], 8) == "bytes follow its last value")
    let large = [Int](repeating: Int(Int32.max), count: 4)
    #expect(try tensor(0, large, 8)?.hasSuffix("does not fit in it") == true)
    #expect(
      try message { writer in
        writer.count(2)
        for _ in 0..<2 {
          writer.string("x")
          writer.byte(0)
          writer.signed(1)
        }
      } == "'x' stands there twice")
    #expect(
      try message { writer in
        writer.count(1)
        writer.string("x")
        writer.byte(9)
      } == "there is no kind of value 9")
  }
}
