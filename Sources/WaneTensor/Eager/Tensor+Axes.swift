extension Tensor {
  /// The same elements under another shape, of which one extent may be -1: what is left for it.
  ///
  /// - Throws: when the numbers of elements differ.
  public func reshaped(inferring dimensions: [Int]) throws -> Tensor {
    let text = Shape.text(dimensions)
    guard let open = dimensions.firstIndex(of: -1) else {
      let shape = try Shape(dimensions).bounded(for: "reshape")
      guard shape.count == count else {
        throw WaneError(
          "reshape", "shape \(self.shape) has \(count) elements, \(text) has \(shape.count)")
      }
      return try reshaped(shape)
    }
    var dimensions = dimensions
    dimensions[open] = 1
    guard !dimensions.contains(-1) else {
      throw WaneError("reshape", "only one extent may be -1, got \(text)")
    }
    let known = try Shape(dimensions).count
    guard known > 0, count % known == 0 else {
      throw WaneError("reshape", "\(count) elements of shape \(shape) do not fill \(text)")
    }
    dimensions[open] = count / known
    return try reshaped(Shape(dimensions).bounded(for: "reshape"))
  }

  /// Without the axes of extent one, or without one such axis.
  ///
  /// - Throws: when the axis has another extent.
  public func squeezed(axis: Int? = nil) throws -> Tensor {
    var dimensions = shape.dimensions
    if let axis {
      let axis = try shape.axis(axis, operation: "squeeze")
      guard shape[axis] == 1 else {
        throw WaneError("squeeze", "axis has \(shape[axis]) elements in shape \(shape), not 1")
      }
      dimensions.remove(at: axis)
    } else {
      dimensions.removeAll { $0 == 1 }
    }
    return try reshaped(Shape(dimensions))
  }

  /// With a new axis of extent one before axis `axis`; -1 puts it last.
  ///
  /// - Throws: when the place is beyond the last axis.
  public func unsqueezed(axis: Int) throws -> Tensor {
    let place = axis < 0 ? axis + shape.rank + 1 : axis
    guard (0...shape.rank).contains(place) else {
      throw WaneError("unsqueeze", "no place \(axis) for an axis in shape \(shape)")
    }
    var dimensions = shape.dimensions
    dimensions.insert(1, at: place)
    return try reshaped(Shape(dimensions).bounded(for: "unsqueeze"))
  }

  /// Two axes exchanged.
  ///
  /// - Throws: when there is no such axis.
  public func swappingAxes(_ a: Int, _ b: Int) throws -> Tensor {
    let a = try shape.axis(a, operation: "transpose")
    let b = try shape.axis(b, operation: "transpose")
    if a == b { return self }
    var order = Array(0..<shape.rank)
    order.swapAt(a, b)
    return try permuted(order)
  }

  /// The axes in another order: axis `order[i]` becomes axis i.
  ///
  /// - Throws: when `order` does not name every axis once.
  public func permuted(_ order: [Int]) throws -> Tensor {
    let axes = try order.map { try shape.axis($0, operation: "permute") }
    guard axes.count == shape.rank, Set(axes).count == axes.count else {
      throw WaneError(
        "permute", "an order of \(shape.rank) different axes expected for shape \(shape)")
    }
    var steps = [Int](repeating: 1, count: shape.rank)
    for axis in stride(from: shape.rank - 2, through: 0, by: -1) {
      steps[axis] = steps[axis + 1] * shape[axis + 1]
    }
    let target = try Shape(axes.map { shape[$0] })
    let walk = PermutedWalk(target, steps: axes.map { steps[$0] })
    func move<Element: BitwiseCopyable>(_: Element.Type) throws -> Tensor {
      try .built(target, dtype, for: "permute") { (y: UnsafeMutablePointer<Element>) in
        try reading(Element.self) { walk.copy($0, y) }
      }
    }
    switch dtype.byteCount {
    case 4: return try move(UInt32.self)
    case 2: return try move(UInt16.self)
    default: return try move(UInt8.self)
    }
  }
}

/// Copying from an array whose axes are visited in another order than they lie in memory.
private struct PermutedWalk {
  private struct Axis {
    var extent: Int
    var from: Int
    var to: Int
  }

  /// Axes walked one element after the other, outermost first.
  private var outer: [Axis]
  /// The axis that lies densest in the source, and the one that does in the target.
  ///
  /// They are walked in tiles, so that neither side is read or written a cache line for each
  /// element.
  private let dense: Axis
  private let last: Axis

  init(_ target: Shape, steps: [Int]) {
    var axes: [Axis] = []
    var to = 1
    for axis in (0..<target.rank).reversed() {
      if target[axis] != 1 { axes.append(Axis(extent: target[axis], from: steps[axis], to: to)) }
      to *= target[axis]
    }
    let single = Axis(extent: 1, from: 0, to: 0)
    last = axes.isEmpty ? single : axes.removeFirst()
    if last.from != 1, let index = axes.firstIndex(where: { $0.from == 1 }) {
      dense = axes.remove(at: index)
    } else {
      dense = single
    }
    outer = axes.reversed()
  }

  func copy<Element: BitwiseCopyable>(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>
  ) {
    guard last.extent > 0, dense.extent > 0 else { return }
    walk(0, x, y)
  }

  private func walk<Element: BitwiseCopyable>(
    _ axis: Int, _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>
  ) {
    guard axis < outer.count else { return tile(x, y) }
    let step = outer[axis]
    for i in 0..<step.extent { walk(axis + 1, x + i * step.from, y + i * step.to) }
  }

  private func tile<Element: BitwiseCopyable>(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>
  ) {
    if last.from == 1 { return y.update(from: x, count: last.extent) }
    let edge = 32
    for p0 in stride(from: 0, to: dense.extent, by: edge) {
      for q0 in stride(from: 0, to: last.extent, by: edge) {
        for p in p0..<min(p0 + edge, dense.extent) {
          for q in q0..<min(q0 + edge, last.extent) {
            y[p * dense.to + q] = x[p + q * last.from]
          }
        }
      }
    }
  }
}
