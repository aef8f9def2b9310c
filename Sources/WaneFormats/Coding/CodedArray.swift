import WaneTensor

/// Whole arrays through a model and a range coder.
enum CodedArray {
  /// Values that one stored byte may stand for.
  ///
  /// A coded array takes at least `count / 1024` bytes, zeros behind its end if need be, so that a
  /// small file cannot ask for a large memory.
  static let valuesPerByte = 1024

  /// The bytes that stand for ranks from 0 to `highest`.
  ///
  /// - Throws: a `.memory` error.
  static func encode(
    _ codes: [UInt8], ranks: [UInt8], pivot: Int, _ layout: WeightLayout
  ) throws -> [UInt8] {
    var model = try CodeModel(count: codes.count, layout, pivot: pivot, highest: ranks.count - 1)
    var coder = RangeEncoder()
    codes.withUnsafeBufferPointer { codes in
      ranks.withUnsafeBufferPointer { ranks in
        for code in codes { _ = model.code(Int(ranks[Int(code)]), &coder) }
      }
    }
    return padded(coder.finished(), count: codes.count)
  }

  /// Unpacks ranks and packs the codes that have them into `bits` bits each.
  ///
  /// - Parameters:
  ///   - stream: the bytes.
  ///   - count: how many codes there are.
  ///   - highest: the highest rank.
  ///   - pivot: the rank that distances are counted from.
  ///   - bits: of a code.
  ///   - layout: how the codes lie.
  ///   - code: the code that has a rank at an index; throws when there is none, and for ranks beyond the
  ///     highest.
  /// - Returns: the codes.
  /// - Throws: a `.memory` or `.io` error, and what `code` throws.
  @inline(__always)
  static func decode(
    _ stream: BufferedBytes, count: Int, highest: Int, pivot: Int, bits: Int,
    _ layout: WeightLayout,
    code: (_ rank: Int, _ index: Int) throws -> UInt8
  ) throws -> PackedBytes {
    var model = try CodeModel(count: count, layout, pivot: pivot, highest: highest)
    var coder = RangeDecoder(stream)
    var index = 0
    let packed = try PackedBytes(count: count, bits: bits) {
      let code = try code(model.code(0, &coder), index)
      index &+= 1
      return code
    }
    try stream.check()
    return packed
  }

  /// The bytes that stand for floats: how many low bits of all of them are zero, then the code.
  ///
  /// - Throws: a `.memory` error.
  static func encode(_ floats: UnsafeBufferPointer<Float>, _ layout: WeightLayout) throws -> [UInt8]
  {
    var used: UInt32 = 1 << UInt32(FloatModel.mantissaBits)
    for value in floats { used |= value.bitPattern }
    let unusedBits = used.trailingZeroBitCount
    var model = try FloatModel(count: floats.count, layout, unusedBits: unusedBits)
    var coder = RangeEncoder()
    for value in floats { _ = model.code(value.bitPattern, &coder) }
    return padded([UInt8(unusedBits)] + coder.finished(), count: floats.count)
  }

  /// Fills `floats` with those that the bytes stand for.
  ///
  /// - Throws: a `.memory` or `.io` error, and a `FileDefect` when the bytes cannot be meant.
  static func decode(
    _ stream: BufferedBytes, into floats: UnsafeMutableBufferPointer<Float>, _ layout: WeightLayout
  ) throws {
    var head: UInt8?
    var coder = RangeDecoder(stream, head: &head)
    try stream.check()
    guard let head, Int(head) <= FloatModel.mantissaBits else {
      throw FileDefect.damaged("coded floats have no head")
    }
    var model = try FloatModel(count: floats.count, layout, unusedBits: Int(head))
    for index in floats.indices { floats[index] = Float(bitPattern: model.code(0, &coder)) }
    try stream.check()
  }

  /// Throws unless so many bytes may stand for so many values.
  static func check(count: Int, bytes: Int) throws {
    let (most, overflow) = bytes.multipliedReportingOverflow(by: valuesPerByte)
    guard overflow || count <= most else {
      throw FileDefect.damaged("\(bytes) bytes cannot stand for \(count) values")
    }
  }

  private static func padded(_ bytes: [UInt8], count: Int) -> [UInt8] {
    let least = (count + valuesPerByte - 1) / valuesPerByte
    return bytes + [UInt8](repeating: 0, count: max(least - bytes.count, 0))
  }
}
