import CKernels

/// A function that makes one number of the elements along axes.
public enum Reduction: String, CaseIterable, Sendable {
  /// The sum: f32, or i32 (saturating) of whole numbers.
  case sum
  /// The product, likewise.
  case product = "prod"
  /// The mean, f32.
  case mean
  /// The largest element, of the same type; NaN when there is one.
  case maximum = "max"
  /// The smallest element, likewise.
  case minimum = "min"

  /// Whether the reduction of no elements has a value.
  var isDefinedForNone: Bool { self == .sum || self == .product }

  /// Reduces some axes, or all when `axes` is nil; reduced axes vanish, or stay with extent one.
  ///
  /// - Throws: when there is no such axis, or when a mean or extreme of no elements is asked for.
  public func apply(_ x: Tensor, axes: [Int]? = nil, keepingAxes: Bool = false) throws -> Tensor {
    if x.dtype.isHalf {
      let result = try apply(x.converted(to: .f32), axes: axes, keepingAxes: keepingAxes)
      return self == .maximum || self == .minimum ? try result.converted(to: x.dtype) : result
    }
    let reduced = try reducedAxes(x, axes)
    let kept = try Shape(
      x.shape.dimensions.enumerated().map { reduced.contains($0.offset) ? 1 : $0.element })
    if !isDefinedForNone, kept.count > 0, x.count == 0 {
      throw WaneError(rawValue, "no elements to reduce in shape \(x.shape)")
    }
    let result: Tensor
    if reduced.count == x.shape.rank {
      result = try reduce(x, outer: 1, extent: x.count, inner: 1)
    } else if self == .mean {
      // Means of means would round more often; one division by the number of elements does not.
      let sum = try Reduction.sum.apply(x.dtype == .f32 ? x : x.converted(to: .f32), axes: axes)
      let extent = kept.count == 0 ? 1 : x.count / kept.count
      result = try sum.arithmetic(.divide, .scalar(.integer(extent)))
    } else {
      var partial = x
      for axis in reduced.sorted(by: >) {
        let (outer, extent, inner) = partial.shape.around(axis)
        let shape = try partial.shape.replacing(axis, with: 1)
        partial = try reduce(partial, outer: outer, extent: extent, inner: inner).reshaped(shape)
      }
      result = partial
    }
    if keepingAxes { return try result.reshaped(kept) }
    let remaining = x.shape.dimensions.enumerated().filter { !reduced.contains($0.offset) }
    return try result.reshaped(try Shape(remaining.map(\.element)))
  }

  private func reducedAxes(_ x: Tensor, _ axes: [Int]?) throws -> [Int] {
    guard let axes else { return Array(0..<x.shape.rank) }
    let found = try axes.map { try x.shape.axis($0, operation: rawValue) }
    guard Set(found).count == found.count else {
      throw WaneError(rawValue, "an axis is named twice in \(axes)")
    }
    return found
  }

  /// Reduces the middle one of three axes.
  private func reduce(_ x: Tensor, outer: Int, extent: Int, inner: Int) throws -> Tensor {
    let shape = try Shape([outer, inner])
    switch (x.dtype, self) {
    case (.f32, _), (.f16, _), (.bf16, _):
      return try .built(shape, .f32, for: rawValue) { y in
        try x.reading(Float.self) { runFloats($0, y, outer, extent, inner) }
      }
    case (.i32, _): return try reduceIntegers(x, Int32.self, shape, extent)
    case (.i8, _): return try reduceIntegers(x, Int8.self, shape, extent)
    case (.u8, _), (.bool, _): return try reduceIntegers(x, UInt8.self, shape, extent)
    }
  }

  /// Reduces the middle one of three axes in f32; a mean only when it is the only axis.
  package func runFloats(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ outer: Int, _ extent: Int,
    _ inner: Int
  ) {
    let block = extent * inner
    switch self {
    case .sum, .mean:
      if inner != 1 {
        for o in 0..<outer { wane_column_sum_f32(x + o * block, y + o * inner, extent, inner) }
      } else if outer == 1 {
        y[0] = Float(wane_sum_f32(x, extent) / (self == .mean ? Double(extent) : 1))
      } else {
        wane_row_sum_f32(x, y, outer, extent)
      }
    case .product:
      var products = [Double](repeating: 1, count: inner)
      for o in 0..<outer {
        for i in 0..<inner { products[i] = 1 }
        for j in 0..<extent {
          let row = x + (o * extent + j) * inner
          for i in 0..<inner { products[i] *= Double(row[i]) }
        }
        for i in 0..<inner { y[o * inner + i] = Float(products[i]) }
      }
    case .maximum, .minimum:
      extremes(x, y, outer, extent, inner)
    }
  }

  /// The kernels pass NaN over, so they are used where there is none.
  private func extremes(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ outer: Int, _ extent: Int,
    _ inner: Int
  ) {
    let isFinite = wane_all_finite_f32(x, outer * extent * inner) != 0
    if inner == 1, isFinite {
      if self == .maximum { return wane_row_max_f32(x, y, nil, outer, extent) }
      for o in 0..<outer {
        var (least, most) = (Float.infinity, -Float.infinity)
        wane_range_f32(x + o * extent, extent, &least, &most)
        y[o] = least
      }
      return
    }
    for o in 0..<outer {
      let (first, target) = (x + o * extent * inner, y + o * inner)
      target.update(from: first, count: inner)
      for j in 1..<max(extent, 1) {
        let row = first + j * inner
        if isFinite {
          if self == .maximum {
            wane_max_f32(target, row, target, inner)
          } else {
            wane_min_f32(target, row, target, inner)
          }
        } else {
          for i in 0..<inner where row[i].isNaN || isBetter(row[i], than: target[i]) {
            target[i] = row[i]
          }
        }
      }
    }
  }

  @inline(__always)
  private func isBetter<Element: Comparable>(_ a: Element, than b: Element) -> Bool {
    self == .maximum ? a > b : a < b
  }

  private func reduceIntegers<Element: FixedWidthInteger & BitwiseCopyable>(
    _ x: Tensor, _: Element.Type, _ shape: Shape, _ extent: Int
  ) throws -> Tensor {
    let (outer, inner) = (shape[0], shape[1])
    // A sum of 2^32 elements of 32 bits fits 64; products are cut as they grow.
    let start: Int64 =
      switch self {
      case .sum, .mean: 0
      case .product: 1
      case .maximum: .min
      case .minimum: .max
      }
    var totals = [Int64](repeating: start, count: shape.count)
    try x.reading(Element.self) { x in
      totals.withUnsafeMutableBufferPointer { totals in
        @inline(__always)
        func each(_ combine: (_ total: Int64, _ value: Int64) -> Int64) {
          for o in 0..<outer {
            for j in 0..<extent {
              let row = x + (o * extent + j) * inner
              for i in 0..<inner {
                let t = o &* inner &+ i
                totals[t] = combine(totals[t], Int64(row[i]))
              }
            }
          }
        }
        switch self {
        case .sum, .mean: each { $0 &+ $1 }
        case .product: each { Int64(Int32(clamping: $0 &* $1)) }
        case .maximum: each { $0 > $1 ? $0 : $1 }
        case .minimum: each { $0 < $1 ? $0 : $1 }
        }
      }
    }
    switch self {
    case .mean:
      return try .built(shape, .f32, for: rawValue) { y in
        for t in 0..<shape.count { y[t] = Float(Double(totals[t]) / Double(extent)) }
      }
    case .sum, .product:
      return try .built(shape, .i32, for: rawValue) { y in
        for t in 0..<shape.count { y[t] = Int32(clamping: totals[t]) }
      }
    case .maximum, .minimum:
      return try .built(shape, x.dtype, for: rawValue) { (y: UnsafeMutablePointer<Element>) in
        for t in 0..<shape.count { y[t] = Element(truncatingIfNeeded: totals[t]) }
      }
    }
  }
}

extension Tensor {
  /// One reduction of some axes, or of all.
  public func reduced(
    _ reduction: Reduction, axes: [Int]? = nil, keepingAxes: Bool = false
  ) throws -> Tensor {
    try reduction.apply(self, axes: axes, keepingAxes: keepingAxes)
  }

  /// The mean squared distance to the mean along axes, f32, divided by n - `correction`.
  ///
  /// - Throws: when `correction` is not in 0..<n.
  public func variance(
    axes: [Int]? = nil, correction: Int = 0, keepingAxes: Bool = false,
    for operation: String = "var"
  ) throws -> Tensor {
    let values = try converted(to: .f32)
    let mean = try values.reduced(.mean, axes: axes, keepingAxes: true)
    let n = mean.count == 0 ? 0 : count / mean.count
    guard correction >= 0, correction < n else {
      throw WaneError(
        operation, "correction must be in 0..<\(n), the number of elements, got \(correction)")
    }
    let distance = try values.arithmetic(.subtract, .tensor(mean))
    let squares = try ElementFunction.square.apply(distance)
      .reduced(.sum, axes: axes, keepingAxes: keepingAxes)
    return try squares.arithmetic(.divide, .scalar(.integer(n - correction)))
  }

  /// The length of the elements along axes, f32.
  ///
  /// Order 1 is the sum of absolute values, 2 the root of the sum of squares, infinity the largest
  /// absolute value.
  ///
  /// - Throws: for another order.
  public func norm(order: Double = 2, axes: [Int]? = nil, keepingAxes: Bool = false) throws
    -> Tensor
  {
    let values = try converted(to: .f32)
    switch order {
    case 1:
      return try ElementFunction.abs.apply(values)
        .reduced(.sum, axes: axes, keepingAxes: keepingAxes)
    case 2:
      return try ElementFunction.sqrt.apply(
        ElementFunction.square.apply(values).reduced(.sum, axes: axes, keepingAxes: keepingAxes))
    case .infinity:
      return try ElementFunction.abs.apply(values)
        .reduced(.maximum, axes: axes, keepingAxes: keepingAxes)
    default: throw WaneError("norm", "order must be 1, 2 or infinity, got \(Scalar.real(order))")
    }
  }

  /// Whether any element along the axes is not 0, bool.
  public func any(axes: [Int]? = nil, keepingAxes: Bool = false) throws -> Tensor {
    try converted(to: .bool).converted(to: .i32).reduced(.sum, axes: axes, keepingAxes: keepingAxes)
      .converted(to: .bool)
  }

  /// Whether no element along the axes is 0, bool.
  public func all(axes: [Int]? = nil, keepingAxes: Bool = false) throws -> Tensor {
    try logicalNot().any(axes: axes, keepingAxes: keepingAxes).logicalNot()
  }
}
