/// The Castagnoli checksum (RFC 3720, appendix B.4: polynomial 0x1EDC6F41, reflected), eight bytes a
/// step.
struct CRC32C {
  private var state: UInt32 = .max

  /// The checksum of what has been added.
  var value: UInt32 { ~state }

  /// Adds bytes.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    CRC32C.tables.withUnsafeBufferPointer { tables in
      var position = 0
      while position + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
        let mixed = word ^ UInt64(crc)
        crc = 0
        for byte in 0..<8 {
          let value = Int(truncatingIfNeeded: mixed &>> UInt64(8 * byte)) & 0xFF
          crc ^= tables[(7 - byte) << 8 | value]
        }
        position += 8
      }
      while position < bytes.count {
        crc = crc >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ bytes[position])]
        position += 1
      }
    }
    state = crc
  }

  /// `tables[k << 8 | b]`: what byte `b` does to the checksum when `k` more bytes follow it.
  private static let tables: [UInt32] = {
    var tables = (0..<256).map { byte -> UInt32 in
      var crc = UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : crc >> 1 ^ 0x82F6_3B78 }
      return crc
    }
    for index in 256..<(8 * 256) {
      let before = tables[index - 256]
      tables.append(before >> 8 ^ tables[Int(before & 0xFF)])
    }
    return tables
  }()
}
