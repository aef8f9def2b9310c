@testable import WaneFormats

/// Changes descriptions and values of files at random: single bytes and runs, numbers that are far too
/// large, pieces of another file.
struct BodyMutator {
  /// A file to start from.
  struct Seed {
    let description: [UInt8]
    let values: [UInt8]
  }

  private let seeds: [Seed]
  private var numbers: Numbers

  init(_ seeds: [Seed], state: UInt64) {
    self.seeds = seeds
    numbers = Numbers(state: state)
  }

  /// A file with up to so many changes and a checksum that fits.
  mutating func next(changes: Int = 8) -> [UInt8] {
    let seed = seeds[below(seeds.count)]
    var (description, values) = (seed.description, seed.values)
    for _ in 0...below(changes) {
      // Values are but numbers; what is said of them is where the traps are.
      if below(5) == 0 { change(&values) } else { change(&description) }
    }
    if below(20) > 0 { return HostileFile.file(description: description, values: values) }
    // A length that is not that of the description.
    var writer = ByteWriter()
    writer.unsigned(extreme())
    return HostileFile.file(body: writer.bytes + description + values)
  }

  private mutating func change(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else {
      bytes = [byte()]
      return
    }
    let index = below(bytes.count)
    let end = min(bytes.count, index + 1 + below(12))
    switch below(9) {
    case 0: bytes[index] = byte()
    case 1: bytes[index] ^= 1 << UInt8(below(8))
    case 2: bytes.insert(byte(), at: index)
    case 3: bytes.removeSubrange(index..<end)
    case 4: bytes.insert(contentsOf: bytes[index..<end], at: below(bytes.count))
    case 5:
      var writer = ByteWriter()
      writer.unsigned(extreme())
      bytes.replaceSubrange(index..<min(index + 1, end), with: writer.bytes)
    case 6:
      for place in index..<end { bytes[place] = [0, 0x7F, 0x80, 0xFF][below(4)] }
    case 7:
      let other = seeds[below(seeds.count)].description
      let start = below(other.count)
      bytes.replaceSubrange(
        index..<end, with: other[start..<min(other.count, start + 1 + below(40))])
    default: bytes.removeSubrange(index...)
    }
  }

  /// A number at which something may break.
  private mutating func extreme() -> UInt64 {
    let power: UInt64 = 1 << UInt64(below(64))
    return [power, power &- 1, power &+ 1, .max, .max - UInt64(below(16)), UInt64(below(300))][
      below(6)]
  }

  private mutating func byte() -> UInt8 { .random(in: 0...255, using: &numbers) }

  private mutating func below(_ limit: Int) -> Int { .random(in: 0..<limit, using: &numbers) }
}
