import WaneGraph
import WaneTensor

/// Writes parameters: a record in the description, and the values behind it.
enum ParameterWriter {
  // Beyond this many floats, coding must save a quarter: float models load at the speed of memory.
  private static let plainCount = 4096

  /// Writes the record of a parameter that a node of `layer` reads, and returns what belongs behind
  /// the description.
  ///
  /// - Throws: when it has no values, and a `.memory` error.
  static func write(
    _ parameter: Parameter, layer: String, layout: WeightLayout?, to writer: inout ByteWriter
  ) throws -> StoredPayload {
    guard parameter.shape.rank <= ParameterReader.mostAxes,
      parameter.shape.dimensions.allSatisfy(ParameterReader.extents.contains)
    else {
      throw WaneError(
        "save", "parameter '\(parameter.name)' of shape \(parameter.shape) has no file form")
    }
    let standard = WeightLayout(shape: parameter.shape.dimensions)
    let layout = layout ?? standard
    let stored = try payload(of: parameter, layout)

    var flags = ParameterFlags()
    if !parameter.isTrainable { flags.insert(.isFrozen) }
    if parameter.isMasked { flags.insert(.isMasked) }
    var name = parameter.name
    if !layer.isEmpty, name.hasPrefix(layer + "/") {
      name.removeFirst(layer.count + 1)
    } else {
      flags.insert(.hasFullName)
    }
    var entries: [Int8]?
    if case .codebook(_, let centroids, let grid?) = parameter.payload {
      flags.insert(.hasGrid)
      entries = multiples(of: grid.scales, centroids)
      if entries != nil { flags.insert(.isOnGrid) }
    }
    writer.byte(stored.form.rawValue | flags.rawValue)
    writer.string(name)
    writer.count(parameter.shape.rank)
    for extent in parameter.shape.dimensions { writer.count(extent) }

    switch parameter.payload {
    case .dense: break
    case .integer(let codes, let grid):
      var widths = GridWidths(codeBits: codes.bits, gridBits: grid.bits)
      widths.hasZeros = grid.zeros != nil
      widths.hasGroups = grid.groupSize != nil
      writer.byte(widths.byte)
      writer.count(grid.axis.map { $0 + 1 } ?? 0)
      if let groupSize = grid.groupSize { writer.count(groupSize) }
      try writer.floats(grid.scales)
      for zero in grid.zeros ?? [] { writer.byte(UInt8(zero)) }
    case .codebook(let indices, let centroids, let grid):
      var widths = GridWidths(codeBits: indices.bits, gridBits: grid?.bits ?? 1)
      widths.hasTables = centroids.axis != nil
      widths.hasTableScales = grid?.axis != nil
      writer.byte(widths.byte)
      writer.byte(UInt8(centroids.size - 1))
      if let axis = centroids.axis {
        writer.count(axis)
        try writer.tables(centroids, grid, entries)
      } else {
        if let grid { writer.float(grid.scales[0]) }
        if let entries {
          for entry in entries { writer.byte(UInt8(bitPattern: entry)) }
        } else {
          try writer.floats(centroids.values)
        }
      }
    }
    switch stored.form {
    case .plainFloats, .packedIntegers, .packedCodebook: return stored
    case .codedFloats: break
    case .codedIntegers, .codedCodebook: writer.byte(stored.pivot)
    }
    writer.count(layout == standard ? 0 : layout.channels)
    if layout != standard { writer.count(layout.width) }
    writer.count(stored.data.count)
    return stored
  }

  /// The smallest form of the values.
  private static func payload(of parameter: Parameter, _ layout: WeightLayout) throws
    -> StoredPayload
  {
    // What a coded form needs in the record: pivot, layout, length.
    let extra = 8
    switch parameter.payload {
    case .dense(let tensor):
      let coded = try tensor.with(Float.self) { try CodedArray.encode($0, layout) }
      let limit =
        tensor.count <= plainCount ? tensor.byteCount - extra : tensor.byteCount / 4 * 3
      return coded.count < limit
        ? StoredPayload(form: .codedFloats, data: .bytes(coded))
        : StoredPayload(form: .plainFloats, data: .tensor(try littleEndian(tensor)))
    case .integer(let codes, let grid):
      return try smallest(
        codes, CodeRanks(grid), layout, packed: .packedIntegers, coded: .codedIntegers)
    case .codebook(let indices, let centroids, _) where centroids.axis == nil:
      return try smallest(
        indices, CodeRanks(centroids.values), layout, packed: .packedCodebook,
        coded: .codedCodebook)
    case .codebook(let indices, let centroids, _):
      let channels = ChannelRanks(centroids, parameter.shape)
      let ranks = try PackedCodes(channels.ranks(of: indices.unpacked()), bits: 8)
      let stored = try smallest(
        ranks, CodeRanks(count: channels.count), layout, packed: .packedCodebook,
        coded: .codedCodebook)
      return stored.form == .codedCodebook && stored.data.count + extra < indices.byteCount
        ? stored : StoredPayload(form: .packedCodebook, data: .tensor(indices.packed))
    }
  }

  private static func smallest(
    _ codes: PackedCodes, _ ranks: CodeRanks, _ layout: WeightLayout, packed: ParameterForm,
    coded: ParameterForm
  ) throws -> StoredPayload {
    let symbols = try codes.unpacked()
    let pivot = ranks.pivot(of: symbols)
    let bytes = try CodedArray.encode(symbols, ranks: ranks.ranks, pivot: Int(pivot), layout)
    return bytes.count + 5 < codes.byteCount
      ? StoredPayload(form: coded, data: .bytes(bytes), pivot: pivot)
      : StoredPayload(form: packed, data: .tensor(codes.packed))
  }

  /// Whole numbers that give the values of tables exactly, zeros and their signs included, when
  /// multiplied by the one scale, or that of their table.
  private static func multiples(of scales: [Float], _ table: CentroidTable) -> [Int8]? {
    var result: [Int8] = []
    for (index, value) in table.values.enumerated() {
      let scale = scales[scales.count == 1 ? 0 : index / table.size]
      guard let entry = Int8(exactly: (value / scale).rounded()),
        (scale * Float(entry)).bitPattern == value.bitPattern
      else { return nil }
      result.append(entry)
    }
    return result
  }

  private static func littleEndian(_ tensor: Tensor) throws -> Tensor {
    #if _endian(little)
      return tensor
    #else
      var swapped = tensor
      try swapped.withMutableElements(Int32.self) { values in
        for index in values.indices { values[index] = values[index].byteSwapped }
      }
      return swapped
    #endif
  }
}

extension ByteWriter {
  /// Appends floats whose number the reader knows: a zero and all their bytes, or the length of
  /// their code and the code.
  mutating func floats(_ values: [Float], _ layout: WeightLayout? = nil) throws {
    let layout = layout ?? WeightLayout(shape: [values.count])
    let coded = try values.withUnsafeBufferPointer { try CodedArray.encode($0, layout) }
    if coded.count + 1 < 4 * values.count {
      count(coded.count)
      raw(coded)
    } else {
      count(0)
      for value in values { float(value) }
    }
  }
}
