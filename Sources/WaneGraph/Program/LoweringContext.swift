import WaneTensor

/// A buffer of a program: where it is, and its shape for the batch size at hand.
public struct Buffer {
  /// The first byte.
  public let pointer: UnsafeMutableRawPointer
  /// The shape, batch axis included.
  public let shape: Shape

  /// The elements as floats.
  public var floats: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
  /// The elements as unsigned bytes.
  public var bytes: UnsafeMutablePointer<UInt8> { pointer.assumingMemoryBound(to: UInt8.self) }
  /// The elements as 32-bit integers.
  public var ints: UnsafeMutablePointer<Int32> { pointer.assumingMemoryBound(to: Int32.self) }
  /// The number of elements.
  public var count: Int { shape.count }
}

/// What an operation is told when it makes its kernel, and what it may ask for.
public struct LoweringContext {
  /// The node at hand.
  public let node: Node
  /// The types of the operands.
  public let inputTypes: [ValueType]
  /// Samples the program runs at once.
  public let batch: Int
  /// Samples of the whole batch, when it is cut into shards.
  public let totalBatch: Int
  /// What the program is for.
  public let mode: ProgramMode
  /// What large products may round their operands to.
  public let precision: Precision
  /// The operands' parameter names, for operands that are parameters.
  let parameterNames: [String?]
  let inputBuffers: [() throws -> Buffer]
  let outputBuffers: [Buffer?]
  let weights: WeightStore
  let nodeKey: String
  let team: TeamMember?

  /// Whether the kernel rounds what it multiplies to bf16.
  var roundsToBF16 = false

  /// The largest scratch request so far, in bytes.
  var scratchBytes = 0

  /// The buffer of an operand.
  ///
  /// - Throws: when an encoded parameter has to be decoded and memory for it cannot be had.
  public func input(_ index: Int) throws -> Buffer { try inputBuffers[index]() }

  /// The buffer of a result.
  public func output(_ index: Int = 0) -> Buffer {
    // Unused results other than the first may have no buffer; the first always has.
    outputBuffers[index] ?? Buffer(pointer: Program.nowhere, shape: .scalar)
  }

  /// Whether anybody reads the result.
  public func isUsed(_ index: Int) -> Bool { outputBuffers[index] != nil }

  /// Whether the operand is a parameter that stays as it is while the program exists.
  public func isConstant(_ index: Int) -> Bool { constant(index) != nil }

  /// The parameter an operand reads, when it cannot change.
  public func constant(_ index: Int) -> Parameter? {
    guard mode == .inference, let name = parameterNames[index] else { return nil }
    return weights.parameters[name]
  }

  /// Asks for at least `bytes` bytes of scratch memory in every run.
  public mutating func reserveScratch(_ bytes: Int) {
    scratchBytes = max(scratchBytes, bytes)
  }

  /// Memory that lives as long as the program, filled once and shared by all workers that compile
  /// the same node, for the same batch size unless the layout is the same for all.
  ///
  /// For weights in a kernel's own layout.
  public func packed(
    _ form: String, byteCount: Int, forAllBatches: Bool = false,
    fill: (UnsafeMutableRawPointer) throws -> Void
  ) throws -> UnsafeMutableRawPointer {
    let batch = forAllBatches ? "" : "\(batch)"
    return try weights.packed(
      "\(nodeKey)/\(form)/\(batch)/\(byteCount)", byteCount: byteCount, fill: fill)
  }

  /// Small constants of a kernel, such as the scales of channels, kept as long as the program and the
  /// same for all batch sizes.
  public func constants<Element: TensorElement>(_ elements: [Element], _ form: String) throws
    -> UnsafePointer<Element>
  {
    let bytes = elements.count * MemoryLayout<Element>.stride
    let pointer = try packed(form, byteCount: bytes, forAllBatches: true) { target in
      elements.withUnsafeBytes { source in
        if let base = source.baseAddress { target.copyMemory(from: base, byteCount: source.count) }
      }
    }
    return UnsafePointer(pointer.assumingMemoryBound(to: Element.self))
  }
}
