/// Which positions of an axis are meant: `start`, `start + step`, ..., `count` of them.
public struct AxisSelection: Equatable, Sendable {
  /// The first position, from 0.
  public var start: Int
  /// How many positions.
  public var count: Int
  /// The distance from one to the next, at least 1.
  public var step: Int

  /// Describes positions of an axis.
  public init(start: Int, count: Int, step: Int = 1) {
    self.start = start
    self.count = count
    self.step = step
  }

  /// Whether all positions lie on an axis of that extent.
  func fits(_ extent: Int) -> Bool {
    guard start >= 0, count >= 0, step >= 1, start <= extent, count <= extent else { return false }
    return count == 0 || (start < extent && count - 1 <= (extent - 1 - start) / step)
  }
}

extension Tensor {
  /// A block of elements: one selection for each of the first axes, all of the others.
  ///
  /// - Throws: when a selection leaves its axis.
  public func selecting(
    _ selection: [AxisSelection], for operation: String = "slice"
  ) throws -> Tensor {
    let block = try SelectedBlock(shape, selection, operation: operation)
    let width = dtype.byteCount
    return try .builtBytes(block.shape, dtype, for: operation) { y in
      withBytes { bytes in
        guard let x = bytes.baseAddress else { return }
        block.forEachRun(elementBytes: width) { inside, outside, count in
          (y + outside).copyMemory(from: x + inside, byteCount: count)
        }
      }
    }
  }

  /// The elements at some positions of one axis.
  public func selecting(
    _ selection: AxisSelection, axis: Int, for operation: String = "slice"
  ) throws -> Tensor {
    let axis = try shape.axis(axis, operation: operation)
    let whole = shape.dimensions[..<axis].map { AxisSelection(start: 0, count: $0) }
    return try selecting(whole + [selection], for: operation)
  }

  /// Writes a block of elements: `value`, converted to this tensor's type and broadcast.
  ///
  /// - Throws: when a selection leaves its axis or the shapes do not fit.
  public mutating func assign(
    _ value: Operand, to selection: [AxisSelection], for operation: String = "set"
  ) throws {
    let block = try SelectedBlock(shape, selection, operation: operation)
    let source: Tensor
    switch value {
    case .tensor(let tensor):
      source = try tensor.converted(to: dtype).broadcast(to: block.shape, for: operation)
    case .scalar(let scalar):
      source = try Tensor(repeating: scalar, block.shape, dtype, for: operation)
    }
    let width = dtype.byteCount
    try withMutableBytes { target in
      source.withBytes { source in
        guard let x = source.baseAddress, let y = target.baseAddress else { return }
        block.forEachRun(elementBytes: width) { inside, outside, count in
          (y + inside).copyMemory(from: x + outside, byteCount: count)
        }
      }
    }
  }

  /// Writes one element, by its position in row-major order.
  ///
  /// - Throws: when the number does not fit the type.
  public mutating func setElement(
    _ position: Int, _ value: Scalar, for operation: String = "set"
  ) throws {
    guard position >= 0, position < count else {
      throw WaneError(operation, "no element \(position) among \(count)")
    }
    if dtype.isHalf {
      let number = try Tensor(repeating: value, .scalar, dtype, for: operation)
      return try withMutableBytes { bytes in
        number.withBytes { source in
          bytes[2 * position] = source[0]
          bytes[2 * position + 1] = source[1]
        }
      }
    }
    if dtype == .f32 {
      let number = Float(value.double)
      return try withMutableElements(Float.self) { $0[position] = number }
    }
    let whole = try value.whole(for: dtype, operation: operation)
    let isWide = dtype == .i32
    try withMutableBytes { bytes in
      if isWide {
        bytes.storeBytes(of: Int32(clamping: whole), toByteOffset: 4 * position, as: Int32.self)
      } else {
        bytes[position] = UInt8(truncatingIfNeeded: whole)
      }
    }
  }
}

/// A block inside an array, walked in the pieces of it that are contiguous.
private struct SelectedBlock {
  /// The extents of the block.
  let shape: Shape
  private var steps: [(selection: AxisSelection, stride: Int)] = []
  /// Elements in a contiguous piece.
  private var run = 1

  init(_ shape: Shape, _ selection: [AxisSelection], operation: String) throws {
    guard selection.count <= shape.rank else {
      throw WaneError(operation, "\(selection.count) indices for shape \(shape)")
    }
    var dimensions = shape.dimensions
    for (axis, part) in selection.enumerated() {
      guard part.fits(shape[axis]) else {
        throw WaneError(
          operation,
          "\(part.count) positions from offset \(part.start) by \(part.step) leave the "
            + "\(shape[axis]) of axis \(axis + 1) in shape \(shape)")
      }
      dimensions[axis] = part.count
    }
    self.shape = try Shape(dimensions)
    var stride = 1
    for axis in (0..<shape.rank).reversed() {
      let part =
        axis < selection.count
        ? selection[axis] : AxisSelection(start: 0, count: shape[axis])
      if run == stride, part.count == shape[axis] {
        run *= part.count
      } else if run == stride, part.step == 1 {
        // The innermost axis that is cut: what is taken of it is still one piece.
        run *= part.count
        steps.append((AxisSelection(start: part.start, count: 1), stride))
      } else {
        steps.append((part, stride))
      }
      stride *= shape[axis]
    }
    steps.reverse()
  }

  /// Calls `body` for each piece with its byte offsets in the array and in the block, and its
  /// bytes.
  func forEachRun(elementBytes: Int, _ body: (_ inside: Int, _ outside: Int, _ count: Int) -> Void)
  {
    if shape.count == 0 { return }
    var outside = 0
    walk(0, 0) { inside in
      body(inside * elementBytes, outside, run * elementBytes)
      outside += run * elementBytes
    }
  }

  private func walk(_ axis: Int, _ offset: Int, _ body: (Int) -> Void) {
    guard axis < steps.count else { return body(offset) }
    let (part, stride) = steps[axis]
    for i in 0..<part.count {
      walk(axis + 1, offset + (part.start + i * part.step) * stride, body)
    }
  }
}
