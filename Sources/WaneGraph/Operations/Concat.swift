import WaneTensor

/// Values one after the other along an axis of a sample, or of values without a batch.
public struct Concat: Operation {
  public static let name = "concat"
  /// The axis, from 0.
  public let axis: Int

  /// Joins along an axis.
  public init(axis: Int) { self.axis = axis }

  public init(_ attributes: Attributes) throws { axis = try attributes.int("axis", in: 0...1023) }

  public var attributes: [String: Attribute] { ["axis": .int(axis)] }

  public func isLinear(in operand: Int) -> Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1024)
    var type = inputs[0]
    guard type.dimensions.indices.contains(axis) else {
      throw WaneError(Self.name, "there is no axis \(axis) in \(type)")
    }
    var extent = 0
    for input in inputs {
      var other = input
      if other.dimensions.indices.contains(axis) {
        extent = extent.addingClamped(other.dimensions[axis])
        other.dimensions[axis] = type.dimensions[axis]
      }
      guard other == type, extent < .max else {
        throw WaneError(Self.name, "\(type) and \(input) do not join along axis \(axis)")
      }
    }
    type.dimensions[axis] = extent
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return context.inputs.map { _ in nil } }
    var start = 0
    return try context.inputs.indices.map { operand in
      let dimensions = context.graph.type(of: context.inputs[operand]).dimensions
      var starts = [Int](repeating: 0, count: dimensions.count)
      starts[axis] = start
      start += dimensions[axis]
      guard context.needs(operand) else { return nil }
      return try context.add(Slice(starts: starts, extents: dimensions), [dy])
    }
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let y = context.output()
    let byteCount = context.inputTypes[0].dtype.byteCount
    let axis = axis + (context.inputTypes[0].isBatched ? 1 : 0)
    let rows = y.shape.dimensions[..<axis].reduce(1, *)
    var parts: [(source: UnsafeMutableRawPointer, bytes: Int)] = []
    for index in context.inputTypes.indices {
      let x = try context.input(index)
      parts.append((x.pointer, x.shape.dimensions[axis...].reduce(byteCount, *)))
    }
    return { _ in
      var target = y.pointer
      for row in 0..<rows {
        for index in parts.indices {
          let (source, bytes) = parts[index]
          target.copyMemory(from: source + row * bytes, byteCount: bytes)
          target += bytes
        }
      }
    }
  }
}
