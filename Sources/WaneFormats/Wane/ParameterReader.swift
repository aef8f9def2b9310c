import WaneGraph
import WaneTensor

/// Reads what a `ParameterWriter` wrote, trusting none of it.
struct ParameterReader {
  /// Extents a parameter may have: no value is nothing to store, and products of two stay far from
  /// overflow.
  static let extents = 1...Int(Int32.max)
  /// Axes a parameter may have.
  static let mostAxes = 16

  private let source: any ByteSource
  private var next: Int
  private let end: Int

  /// Reads values from `start` up to the end of the source.
  init(_ source: any ByteSource, from start: Int) {
    self.source = source
    next = start
    end = source.count
  }

  /// Bytes of values that no parameter has claimed.
  var remaining: Int { end - next }

  /// Reads the next parameter, which a node of `layer` reads.
  ///
  /// - Throws: a `FileDefect`, an `.io` or a `.memory` error.
  mutating func read(_ reader: inout ByteReader, layer: String) throws -> Parameter {
    let head = try reader.byte()
    guard let form = ParameterForm(rawValue: head & 7) else {
      throw FileDefect.damaged("there is no form \(head & 7) of parameters")
    }
    let flags = ParameterFlags(rawValue: head & ~7)
    if form != .packedCodebook, form != .codedCodebook {
      guard flags.isDisjoint(with: [.hasGrid, .isOnGrid]) else {
        throw FileDefect.damaged("a parameter of form \(form.rawValue) has a codebook's flags")
      }
    }
    let rest = try reader.string()
    let name = flags.contains(.hasFullName) ? rest : "\(layer)/\(rest)"
    let axes = try reader.count("a number of axes", in: 0...ParameterReader.mostAxes)
    var dimensions: [Int] = []
    for _ in 0..<axes {
      dimensions.append(try reader.count("an extent", in: ParameterReader.extents))
    }
    let shape = try Shape(dimensions)
    let payload: Parameter.Payload
    switch form {
    case .plainFloats: payload = .dense(try plainFloats(shape))
    case .codedFloats: payload = .dense(try codedFloats(shape, &reader))
    case .packedIntegers, .codedIntegers:
      payload = try integers(shape, isCoded: form == .codedIntegers, &reader)
    case .packedCodebook, .codedCodebook:
      payload = try codebook(shape, flags, isCoded: form == .codedCodebook, &reader)
    }
    return try Parameter(
      name, payload, shape: shape, isTrainable: !flags.contains(.isFrozen),
      isMasked: flags.contains(.isMasked))
  }

  // MARK: Payloads

  private mutating func plainFloats(_ shape: Shape) throws -> Tensor {
    let start = try take(4 * shape.count)
    var tensor = try Tensor(uninitialized: shape, for: "load")
    try tensor.withMutableBytes { try source.read(into: $0, at: start) }
    #if !_endian(little)
      try tensor.withMutableElements(Int32.self) { values in
        for index in values.indices { values[index] = values[index].byteSwapped }
      }
    #endif
    return tensor
  }

  private mutating func codedFloats(_ shape: Shape, _ reader: inout ByteReader) throws -> Tensor {
    let (stream, layout) = try coded(shape, &reader)
    var tensor = try Tensor(uninitialized: shape, for: "load")
    try tensor.withMutableElements(Float.self) { try CodedArray.decode(stream, into: $0, layout) }
    return tensor
  }

  private mutating func integers(_ shape: Shape, isCoded: Bool, _ reader: inout ByteReader) throws
    -> Parameter.Payload
  {
    let widths = GridWidths(try reader.byte())
    let axis = try reader.count("an axis", in: 0...shape.rank)
    var count = axis == 0 ? 1 : shape[axis - 1]
    var groupSize: Int?
    if widths.hasGroups {
      guard axis > 1, axis == shape.rank else {
        throw FileDefect.damaged("groups of inputs lie along axis \(axis)")
      }
      let inputs = shape[axis - 2]
      let size = try reader.count("the size of a group", in: 1...Int(Int32.max))
      // Extents are below 2^31, so their products are no concern.
      count *= (inputs + size - 1) / size
      groupSize = size
    }
    let scales = try reader.floats(count: count)
    let zeros = widths.hasZeros ? try reader.raw(count).map { Int($0) } : nil
    let grid = try WeightGrid(
      bits: widths.gridBits, scales: scales, zeros: zeros, axis: axis == 0 ? nil : axis - 1,
      groupSize: groupSize)
    let codes = try codes(
      shape, bits: widths.codeBits, isCoded ? CodeRanks(grid) : nil, &reader)
    return .integer(codes: codes, grid: grid)
  }

  private mutating func codebook(
    _ shape: Shape, _ flags: ParameterFlags, isCoded: Bool, _ reader: inout ByteReader
  ) throws -> Parameter.Payload {
    let widths = GridWidths(try reader.byte())
    let count = Int(try reader.byte()) + 1
    if widths.hasTables {
      return try channelCodebook(shape, flags, widths, size: count, isCoded: isCoded, &reader)
    }
    var grid: WeightGrid?
    if flags.contains(.hasGrid) {
      grid = try WeightGrid(
        bits: widths.gridBits, scales: [try reader.float()], axis: nil)
    }
    let centroids: [Float]
    if flags.contains(.isOnGrid) {
      guard let grid else { throw FileDefect.damaged("a codebook lies on a grid it has not") }
      centroids = try reader.raw(count).map { grid.scales[0] * Float(Int8(bitPattern: $0)) }
    } else {
      centroids = try reader.floats(count: count)
    }
    guard centroids.allSatisfy(\.isFinite) else {
      throw FileDefect.damaged("a codebook has a value that is not finite")
    }
    let indices = try codes(
      shape, bits: widths.codeBits, isCoded ? CodeRanks(centroids) : nil, &reader)
    return .codebook(indices: indices, centroids: CentroidTable(centroids), grid: grid)
  }

  private mutating func channelCodebook(
    _ shape: Shape, _ flags: ParameterFlags, _ widths: GridWidths, size: Int, isCoded: Bool,
    _ reader: inout ByteReader
  ) throws -> Parameter.Payload {
    let (table, grid) = try reader.tables(
      size: size, shape, gridBits: flags.contains(.hasGrid) ? widths.gridBits : nil,
      hasScales: widths.hasTableScales, isOnGrid: flags.contains(.isOnGrid))
    guard isCoded else {
      let indices = try codes(shape, bits: widths.codeBits, nil, &reader)
      return .codebook(indices: indices, centroids: table, grid: grid)
    }
    let ranks = ChannelRanks(table, shape)
    let indices = try codedCodes(
      shape, size, bits: widths.codeBits, ranks: ranks.count, &reader
    ) { try ranks.code(of: $0, at: $1) }
    return .codebook(indices: indices, centroids: table, grid: grid)
  }

  /// Codes in the form they have in memory; packed in the file when there are no ranks.
  private mutating func codes(
    _ shape: Shape, bits: Int, _ ranks: CodeRanks?, _ reader: inout ByteReader
  ) throws -> PackedCodes {
    guard let ranks else {
      let count = PackedBytes.byteCount(shape.count, bits: bits)
      let start = try take(count)
      var tensor = try Tensor(uninitialized: Shape([count]), .u8, for: "load")
      try tensor.withMutableBytes { try source.read(into: $0, at: start) }
      return try PackedCodes(packed: tensor, bits: bits, count: shape.count)
    }
    let count = ranks.codes.count
    return try codedCodes(shape, count, bits: bits, ranks: count, &reader) { rank, _ in
      try ranks.code(of: rank)
    }
  }

  /// Codes through a model: `codeCount` of them, which have so many ranks.
  @inline(__always)
  private mutating func codedCodes(
    _ shape: Shape, _ codeCount: Int, bits: Int, ranks rankCount: Int,
    _ reader: inout ByteReader, code: (_ rank: Int, _ index: Int) throws -> UInt8
  ) throws -> PackedCodes {
    guard codeCount <= 1 << bits else {
      throw FileDefect.damaged("\(codeCount) codes do not fit in \(bits) bits")
    }
    let pivot = Int(try reader.byte())
    guard pivot < rankCount else { throw FileDefect.damaged("a pivot is no code") }
    let (stream, layout) = try coded(shape, &reader)
    let packed = try CodedArray.decode(
      stream, count: shape.count, highest: rankCount - 1, pivot: pivot, bits: bits, layout,
      code: code)
    return try PackedCodes(packed: packed.tensor, bits: bits, count: shape.count)
  }

  /// The bytes of a coded array, yet to be read, and how its values lie.
  private mutating func coded(_ shape: Shape, _ reader: inout ByteReader) throws
    -> (BufferedBytes, WeightLayout)
  {
    var layout = WeightLayout(shape: shape.dimensions)
    let channels = try reader.count("a number of channels", in: 0...Int(Int32.max))
    if channels > 0 {
      layout.channels = channels
      layout.width = try reader.count("a number of places", in: 1...Int(Int32.max))
    }
    let length = try reader.count("a length", in: 0...max(remaining, 0))
    try CodedArray.check(count: shape.count, bytes: length)
    return (BufferedBytes(source, at: try take(length), count: length), layout)
  }

  /// Claims the next bytes of the values and returns where they begin.
  private mutating func take(_ count: Int) throws -> Int {
    guard count <= remaining else {
      throw FileDefect.damaged("\(count) bytes of values are \(remaining) bytes")
    }
    next += count
    return next - count
  }
}

extension ByteReader {
  /// Reads floats as `ByteWriter.floats` writes them.
  mutating func floats(count: Int, _ layout: WeightLayout? = nil) throws -> [Float] {
    let length = try items("bytes of floats")
    guard length > 0 else {
      guard count <= remaining / 4 else {
        throw FileDefect.damaged("\(count) floats do not fit in \(remaining) bytes")
      }
      return try (0..<count).map { _ in try float() }
    }
    try CodedArray.check(count: count, bytes: length)
    return try stream(length) { stream in
      try [Float](unsafeUninitializedCapacity: count) { floats, initialized in
        try CodedArray.decode(
          stream, into: UnsafeMutableBufferPointer(rebasing: floats[..<count]),
          layout ?? WeightLayout(shape: [count]))
        initialized = count
      }
    }
  }

  /// Calls `body` with the next bytes as a stream.
  ///
  /// - Throws: a `FileDefect` when there are not so many, and what `body` throws.
  mutating func stream<Result>(
    _ count: Int, _ body: (BufferedBytes) throws -> Result
  ) throws -> Result {
    try raw(count).withUnsafeBytes {
      try body(BufferedBytes(MemorySource(bytes: $0), at: 0, count: count))
    }
  }
}
