import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

@Suite struct DamageTests {
  private func message(_ bytes: [UInt8]) -> String? {
    do {
      _ = try decode(bytes)
      return nil
    } catch let error as WaneError {
      #expect(error.kind == .io || error.kind == .memory, "\(error)")
      #expect(error.operation == "load")
      return error.message
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  private func small() throws -> [UInt8] {
    try WaneFile(Fixtures.everyOperation(), metadata: ["name": "small"]).encoded()
  }

  @Test func everyTruncation() throws {
    let bytes = try small()
    for count in bytes.indices {
      let text = message(Array(bytes[..<count]))
      #expect(
        count == 0
          ? text == "the data is not a .wane file"
          : text?.hasPrefix("the data is truncated: it has \(count) ") == true,
        "\(count) \(text ?? "")")
    }
  }

  @Test func everyChangedByte() throws {
    let bytes = try small()
    for index in bytes.indices {
      for change in [1, 0x80, 0xFF] as [UInt8] {
        var bytes = bytes
        bytes[index] ^= change
        #expect(message(bytes) != nil, "byte \(index)")
      }
    }
  }

  @Test func messages() throws {
    let bytes = try small()
    #expect(message(Array("\u{89}HDF\r\n\u{1A}\n and more".utf8)) == "the data is not a .wane file")
    var newer = bytes
    newer[4] = 7
    #expect(message(newer) == "the data has format version 7, this Wane reads up to 1")
    var changed = bytes
    changed[changed.count / 2] ^= 4
    #expect(message(changed) == "the data is damaged: its checksum does not match")
    #expect(message(bytes + [0, 0]) == "the data is damaged: 2 bytes follow its end")
    #expect(
      message(HostileFile.file(body: [0])) == "the data is damaged: the description ends too early")
    // No words, one node, which is of operation 1000.
    #expect(
      message(HostileFile.file(body: [4, 0, 1, 0xC0, 0x3E]))
        == "the data is damaged: there is no operation 1000")
  }

  @Test func changesBehindTheChecksum() throws {
    // Every byte of the body, with the checksum made right again: deeper layers see the change.
    for graph in [try Fixtures.everyOperation(), try Fixtures.everyForm()] {
      let body = try HostileFile.body(of: WaneFile(graph).encoded())
      // Values of plain floats are all valid; the description is what matters.
      for index in 0..<min(body.count, 500) {
        for change in [1, 0x80, 0xFF] as [UInt8] {
          var body = body
          body[index] ^= change
          HostileFile.checkSound(HostileFile.file(body: body))
        }
      }
    }
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func randomChangesBehindTheChecksum(seed: UInt64) throws {
    var numbers = Numbers(state: seed)
    let bodies = try [Fixtures.everyOperation(), Fixtures.everyForm()].map {
      try HostileFile.body(of: WaneFile($0).encoded())
    }
    for _ in 0..<100 {
      var body = bodies[Int.random(in: 0..<2, using: &numbers)]
      for _ in 0..<Int.random(in: 1...6, using: &numbers) {
        let index = Int.random(in: 0..<body.count, using: &numbers)
        switch Int.random(in: 0..<4, using: &numbers) {
        case 0: body[index] = .random(in: 0...255, using: &numbers)
        case 1: body.insert(.random(in: 0...255, using: &numbers), at: index)
        case 2: if body.count > 2 { body.remove(at: index) }
        default: body[index] = [0, 0x7F, 0x80, 0xFF].randomElement(using: &numbers) ?? 0
        }
      }
      HostileFile.checkSound(HostileFile.file(body: body))
    }
  }

  @Test func noMoreMemoryThanTheFileJustifies() throws {
    // A parameter of 2^31 - 1 floats in a coded form of ten bytes.
    var writer = ByteWriter()
    for number in [0, 1, 1 << 3] { writer.count(number) }
    writer.byte(ParameterForm.codedFloats.rawValue)
    writer.string("kernel")
    for number in [1, Int(Int32.max), 0, 10] { writer.count(number) }
    var body = ByteWriter()
    body.count(writer.bytes.count + 1)
    body.raw(writer.bytes + [0])
    body.raw([UInt8](repeating: 0, count: 10))
    #expect(
      message(HostileFile.file(body: body.bytes))
        == "the data is damaged: 10 bytes cannot stand for 2147483647 values")
  }
}
