import Testing
import WaneTensor

@testable import WaneFormats

@Suite struct CoderTests {
  @Test func decisionsOfAnyProbability() {
    for seed in 0..<20 as Range<UInt64> {
      var numbers = Numbers(state: seed)
      let decisions = (0..<3000).map { _ -> (bit: Int, probability: UInt32) in
        let probability =
          [1, 22, 32768, 65514, 65535, UInt32.random(in: 1...65535, using: &numbers)]
          .randomElement(using: &numbers) ?? 1
        // Mostly what is likely, with long runs of carries among it.
        let isOne = UInt32.random(in: 0..<65536, using: &numbers) < probability
        return (isOne ? 1 : 0, probability)
      }
      var encoder = RangeEncoder()
      for (index, decision) in decisions.enumerated() {
        _ = encoder.code(decision.bit, probability: decision.probability)
        if index % 7 == 0 { _ = encoder.code(plain: UInt32(index), bits: 12) }
      }
      let bytes = encoder.finished()
      for pieceSize in [1, 2, 3, 4, 5, 64, bytes.count - 1, bytes.count, BufferedBytes.pieceSize] {
        var decoder = RangeDecoder(bytes.stream(pieceSize: pieceSize))
        let decoded = decisions.enumerated().allSatisfy { index, decision in
          decoder.code(0, probability: decision.probability) == decision.bit
            && (index % 7 != 0 || decoder.code(plain: 0, bits: 12) == UInt32(index))
        }
        #expect(decoded, "seed \(seed), pieces of \(pieceSize)")
      }
    }
  }

  @Test func logisticTables() {
    let tables = Logistic.shared
    let limit = Logistic.limit
    #expect(tables.squash[0] == 32768)
    #expect(tables.squash[-limit] == 23 && tables.squash[limit] == 65513)
    #expect((-limit..<limit).allSatisfy { tables.squash[$0] <= tables.squash[$0 + 1] })
    #expect(tables.stretch[0] == -2047 && tables.stretch[4095] == 2047)
    #expect(tables.stretch[2048] == 1)
  }

  /// Bytes by the zero-order entropy of the codes.
  private func entropy(_ codes: [UInt8]) -> Double {
    var counts = [UInt8: Double]()
    for code in codes { counts[code, default: 0] += 1 }
    func log2(_ x: Double) -> Double {
      // ln by the series of atanh, enough digits for a test.
      var value = x
      var exponent = 0.0
      while value > 1.5 { (value, exponent) = (value / 2, exponent + 1) }
      while value < 0.75 { (value, exponent) = (value * 2, exponent - 1) }
      let t = (value - 1) / (value + 1)
      var power = t
      var sum = 0.0
      for n in stride(from: 1.0, to: 60, by: 2) { (sum, power) = (sum + power / n, power * t * t) }
      return exponent + 2 * sum / 0.693147180559945
    }
    let total = Double(codes.count)
    return counts.values.reduce(0) { $0 - $1 * log2($1 / total) } / 8
  }

  @Test(arguments: [0.0, 0.5, 0.9, 0.99, 1.0])
  func independentSymbolsCostLittleMoreThanTheirEntropy(sparsity: Double) throws {
    var numbers = Numbers(state: 3)
    let codes = (0..<40_000).map { _ -> UInt8 in
      Double.random(in: 0..<1, using: &numbers) < sparsity
        ? 7 : UInt8(max(0, min(14, 7 + Int(numbers.normal() * 3))))
    }
    let ranks = (0..<15).map { UInt8($0) }
    let layout = WeightLayout(shape: [625, 64])
    let bytes = try CodedArray.encode(codes, ranks: ranks, pivot: 7, layout)
    // Contexts that tell nothing cost a few per cent; the floor is one byte for 1024 values.
    #expect(Double(bytes.count) < 1.035 * entropy(codes) + 60, "\(bytes.count) \(entropy(codes))")
    let packed = try CodedArray.decode(
      bytes.stream(), count: codes.count, highest: 14, pivot: 7, bits: 4, layout
    ) { rank, _ in ranks[rank] }
    let expected = stride(from: 0, to: codes.count, by: 2).map { codes[$0] | codes[$0 + 1] << 4 }
    #expect(packed.tensor.array() == expected)
  }

  @Test func structureIsFound() throws {
    // Half of the columns and a third of the input channels are dead.
    var numbers = Numbers(state: 4)
    let codes = (0..<36_000).map { index -> UInt8 in
      let (row, column) = (index / 40, index % 40)
      return column % 2 == 0 || row % 100 < 33
        ? 7 : UInt8(7 + Int.random(in: -1...1, using: &numbers))
    }
    let bytes = try CodedArray.encode(
      codes, ranks: (0..<15).map { UInt8($0) }, pivot: 7,
      WeightLayout(columns: 40, channels: 100, width: 3))
    #expect(Double(bytes.count) < 0.75 * entropy(codes))
  }

  @Test func layoutsOfAnySize() throws {
    let extremes = [1, 3, 4097, Int(Int32.max)]
    var numbers = Numbers(state: 1)
    let codes = (0..<500).map { _ in UInt8.random(in: 0...8, using: &numbers) }
    for columns in extremes {
      for channels in extremes {
        for width in extremes {
          let layout = WeightLayout(columns: columns, channels: channels, width: width)
          let ranks = (0..<9).map { UInt8($0) }
          let bytes = try CodedArray.encode(codes, ranks: ranks, pivot: 0, layout)
          let packed = try CodedArray.decode(
            bytes.stream(pieceSize: 7), count: codes.count, highest: 8, pivot: 0, bits: 8, layout
          ) { rank, _ in ranks[rank] }
          #expect(packed.tensor.array() == codes, "\(layout)")
        }
      }
    }
  }

  /// However many bytes are read at once, floats are the same, those behind a code that was cut are
  /// something, and an error of the source is thrown.
  @Test func piecesOfAnySize() throws {
    var numbers = Numbers(state: 2)
    let floats = (0..<3000).map { $0 % 5 == 0 ? 0 : numbers.normal() }
    let layout = WeightLayout(shape: [100, 30])
    let bytes = try floats.withUnsafeBufferPointer { try CodedArray.encode($0, layout) }
    func decode(_ stream: BufferedBytes) throws -> [Float] {
      try [Float](unsafeUninitializedCapacity: 3000) { target, count in
        try CodedArray.decode(
          stream, into: UnsafeMutableBufferPointer(rebasing: target[..<3000]), layout)
        count = 3000
      }
    }
    for pieceSize in [1, 2, 3, 4, 5, 64, 1000, bytes.count, 1 << 16] {
      #expect(try decode(bytes.stream(pieceSize: pieceSize)) == floats)
      // Cut at borders of pieces and beside them.
      for cut in [pieceSize - 1, pieceSize, pieceSize + 1, 5 * pieceSize] where cut < bytes.count {
        let short = Array(bytes[..<cut])
        guard cut > 0 else {
          #expect(throws: FileDefect.self) { try decode(short.stream(pieceSize: pieceSize)) }
          continue
        }
        // The decoder sees zeros behind the end.
        let padded = short + [UInt8](repeating: 0, count: 64)
        let expected = try decode(padded.stream()).map(\.bitPattern)
        #expect(try decode(short.stream(pieceSize: pieceSize)).map(\.bitPattern) == expected)
      }
      // The file becomes unreadable after so many bytes.
      for good in [0, 1, pieceSize, 2 * pieceSize, bytes.count - 1] where good < bytes.count {
        let source = BytesSource(bytes: bytes, readable: good)
        let stream = BufferedBytes(source, at: 0, count: bytes.count, pieceSize: pieceSize)
        #expect(throws: WaneError.self) { try decode(stream) }
      }
    }
    #expect(bytes.stream(pieceSize: 10).next().count == 10)
    #expect([UInt8]().stream().next().isEmpty)
  }

  @Test func checksum() {
    // The check value of the Castagnoli polynomial, and any cut of the bytes.
    let text = Array("123456789".utf8)
    for cut in 0...text.count {
      var checksum = CRC32C()
      text[..<cut].withUnsafeBytes { checksum.add($0) }
      text[cut...].withUnsafeBytes { checksum.add($0) }
      #expect(checksum.value == 0xE306_9283)
    }
  }
}

/// Bytes of which only the first can be read.
struct BytesSource: ByteSource {
  let bytes: [UInt8]
  let readable: Int

  var count: Int { bytes.count }

  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard offset + target.count <= readable else { throw WaneError("load", "is gone", kind: .io) }
    bytes.withUnsafeBytes {
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[offset..<offset + target.count]))
    }
  }
}

extension [UInt8] {
  /// The bytes as a stream.
  func stream(pieceSize: Int = BufferedBytes.pieceSize) -> BufferedBytes {
    BufferedBytes(
      BytesSource(bytes: self, readable: count), at: 0, count: count, pieceSize: pieceSize)
  }
}
