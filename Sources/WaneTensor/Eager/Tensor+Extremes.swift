import CKernels

extension Tensor {
  /// Positions of the largest (or smallest) elements along an axis, or in row-major order when
  /// `axis` is nil, as i32.
  ///
  /// The first of several, and a NaN counts as the extreme. `first` is added to each.
  ///
  /// - Throws: when there is no such axis, or no element.
  public func positions(
    ofLargest: Bool, axis: Int?, keepingAxes: Bool = false, first: Int = 0
  ) throws -> Tensor {
    let name = ofLargest ? "argmax" : "argmin"
    let flat = try axis == nil ? reshaped(Shape([count])) : self
    let axis = try flat.shape.axis(axis ?? 0, operation: name)
    let (outer, extent, inner) = flat.shape.around(axis)
    let kept = try flat.shape.replacing(axis, with: 1)
    guard extent > 0 || kept.count == 0 else {
      throw WaneError(name, "no elements to compare in shape \(shape)")
    }
    let offset = Int32(clamping: first)
    let result = try Tensor.built(kept, .i32, for: name) { (y: UnsafeMutablePointer<Int32>) in
      switch dtype {
      case .f32, .f16, .bf16:
        try flat.converted(to: .f32).reading(Float.self) { x in
          if inner == 1, ofLargest, wane_all_finite_f32(x, count) != 0 {
            wane_row_max_f32(x, nil, y, outer, extent)
          } else {
            search(x, y, outer, extent, inner) {
              $0.isNaN ? !$1.isNaN : ofLargest ? $0 > $1 : $0 < $1
            }
          }
        }
      case .i32, .u8, .i8, .bool:
        try flat.converted(to: .i32).reading(Int32.self) { x in
          search(x, y, outer, extent, inner) { ofLargest ? $0 > $1 : $0 < $1 }
        }
      }
      for i in 0..<kept.count { y[i] &+= offset }
    }
    if keepingAxes {
      return try result.reshaped(
        self.shape == flat.shape ? kept : Shape([Int](repeating: 1, count: shape.rank)))
    }
    var dimensions = kept.dimensions
    dimensions.remove(at: axis)
    return try result.reshaped(Shape(dimensions))
  }

  @inline(__always)
  private func search<Element>(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Int32>, _ outer: Int, _ extent: Int,
    _ inner: Int, isBetter: (Element, Element) -> Bool
  ) {
    for o in 0..<outer {
      for i in 0..<inner {
        let line = x + o * extent * inner + i
        var best = 0
        for j in 1..<max(extent, 1) where isBetter(line[j * inner], line[best * inner]) {
          best = j
        }
        y[o * inner + i] = Int32(clamping: best)
      }
    }
  }

  /// Sums of the elements up to each one along an axis: f32, or i32 (saturating) of whole numbers.
  ///
  /// - Throws: when there is no such axis.
  public func cumulativeSum(axis: Int) throws -> Tensor {
    let axis = try shape.axis(axis, operation: "cumsum")
    let (outer, extent, inner) = shape.around(axis)
    if dtype.isFloatingPoint {
      return try .built(shape, .f32, for: "cumsum") { y in
        try converted(to: .f32).reading(Float.self) { x in
          accumulate(x, y, outer, extent, inner, zero: 0.0, { $0 + Double($1) }, { Float($0) })
        }
      }
    }
    return try .built(shape, .i32, for: "cumsum") { y in
      try converted(to: .i32).reading(Int32.self) { x in
        accumulate(
          x, y, outer, extent, inner, zero: Int64(0), { $0 &+ Int64($1) }, { Int32(clamping: $0) })
      }
    }
  }

  @inline(__always)
  private func accumulate<Element, Sum>(
    _ x: UnsafePointer<Element>, _ y: UnsafeMutablePointer<Element>, _ outer: Int, _ extent: Int,
    _ inner: Int, zero: Sum, _ add: (Sum, Element) -> Sum, _ result: (Sum) -> Element
  ) {
    var sums = [Sum](repeating: zero, count: inner)
    for o in 0..<outer {
      for i in 0..<inner { sums[i] = zero }
      for j in 0..<extent {
        let start = (o * extent + j) * inner
        for i in 0..<inner {
          sums[i] = add(sums[i], x[start + i])
          y[start + i] = result(sums[i])
        }
      }
    }
  }
}
