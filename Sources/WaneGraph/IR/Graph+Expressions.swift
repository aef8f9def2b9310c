import WaneTensor

/// Expressions that take more than one node, or shapes that have to be looked up.
extension Graph {
  /// A value summed over the axes along which it repeats another one, so that it has that one's
  /// type: what a gradient goes through where an operand was broadcast.
  ///
  /// - Throws: when the other value does not broadcast to this one.
  public mutating func sum(_ value: Value, like other: Value, layer: String = "") throws -> Value {
    let (from, to) = (type(of: value), type(of: other))
    if from == to { return value }
    let missing = from.dimensions.count - to.dimensions.count
    let axes = from.dimensions.indices.filter { axis in
      axis < missing || (to.dimensions[axis - missing] == 1 && from.dimensions[axis] != 1)
    }
    let sum = try add(
      one: Reduce(.sum, axes: axes, overBatch: from.isBatched && !to.isBatched), [value],
      layer: layer)
    return try reshape(sum, to.dimensions, layer: layer)
  }

  /// The product of the elements along axes of a sample, or of a value without a batch.
  ///
  /// Halves are multiplied again and again, so that the gradient is right where elements are zero, of
  /// any order.
  public mutating func product(
    _ value: Value, axes: [Int], keepingAxes: Bool = false, layer: String = ""
  ) throws -> Value {
    let extents = type(of: value).dimensions
    guard axes.allSatisfy(extents.indices.contains), Set(axes).count == axes.count else {
      throw WaneError("prod", "axes \(axes) do not fit \(type(of: value))")
    }
    let kept = extents.indices.filter { !axes.contains($0) }
    let count = axes.reduce(1) { $0 * extents[$1] }
    let turned = try add(one: Transpose(kept + axes), [value], layer: layer)
    let outer = kept.map { extents[$0] }
    var rows = try reshape(turned, outer + [count], layer: layer)
    func part(_ start: Int, _ count: Int) throws -> Value {
      let slice = Slice(starts: outer.map { _ in 0 } + [start], extents: outer + [count])
      return try add(one: slice, [rows], layer: layer)
    }
    var left = count
    var odd: [Value] = []
    while left > 1 {
      if left % 2 == 1 { odd.append(try part(left - 1, 1)) }
      rows = try add(
        one: Binary(.multiply), [part(0, left / 2), part(left / 2, left / 2)], layer: layer)
      left /= 2
    }
    if count == 0 {
      let one = try add(one: Constant(1), [], layer: layer)
      let operands = type(of: value).isBatched ? [one, value] : [one]
      rows = try add(one: BroadcastTo(outer + [1]), operands, layer: layer)
    }
    for factor in odd {
      rows = try add(one: Binary(.multiply), [rows, factor], layer: layer)
    }
    let result = keepingAxes ? extents.indices.map { axes.contains($0) ? 1 : extents[$0] } : outer
    return try reshape(rows, result, layer: layer)
  }

  /// The value under other extents; itself when it has them.
  public mutating func reshape(_ value: Value, _ dimensions: [Int], layer: String = "") throws
    -> Value
  {
    if type(of: value).dimensions == dimensions { return value }
    return try add(one: Reshape(dimensions), [value], layer: layer)
  }

  /// Applies an operation that knows the last axis only along another one.
  ///
  /// Axes are those of a sample, or of a value without a batch, from 0.
  public mutating func add(
    _ operation: any Operation, _ value: Value, along axis: Int, layer: String = ""
  ) throws -> Value {
    let last = type(of: value).dimensions.count - 1
    guard axis != last, axis >= 0, axis < last else {
      return try add(one: operation, [value], layer: layer)
    }
    var order = Array(0...last)
    order.swapAt(axis, last)
    let turned = try add(one: Transpose(order), [value], layer: layer)
    let result = try add(one: operation, [turned], layer: layer)
    return try add(one: Transpose(order), [result], layer: layer)
  }
}
