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
