/// How two operands are walked when one repeats along the other's axes.
///
/// Axes that continue each other in both operands are joined. What remains is a loop over outer
/// axes around runs in which an operand either advances by one element or stands still, so that a
/// run is one call of a kernel.
struct BroadcastPlan {
  /// An axis, and how far each operand moves along it, in elements.
  struct Axis {
    var extent: Int
    var a: Int
    var b: Int
  }

  /// The shape of the result.
  let shape: Shape
  /// The axes around the runs, outermost first.
  let outer: [Axis]
  /// The innermost axis; its steps are 0 or 1.
  let run: Axis

  /// Plans for operands of two shapes.
  ///
  /// - Throws: when they do not broadcast.
  init(_ a: Shape, _ b: Shape, operation: String) throws {
    if a == b || b.rank == 0 || a.rank == 0 {
      shape = a.rank == 0 ? b : a
      outer = []
      run = Axis(extent: shape.count, a: a.rank == 0 ? 0 : 1, b: b.rank == 0 ? 0 : 1)
      return
    }
    shape = try a.broadcast(with: b, operation: operation)
    var axes: [Axis] = []
    var (stepA, stepB) = (1, 1)
    // From the innermost axis out; `axes` grows outwards, and is turned around in the end.
    for position in 1...shape.rank {
      let extentA = position <= a.rank ? a[a.rank - position] : 1
      let extentB = position <= b.rank ? b[b.rank - position] : 1
      let axis = Axis(
        extent: shape[shape.rank - position], a: extentA == 1 ? 0 : stepA,
        b: extentB == 1 ? 0 : stepB)
      stepA *= extentA
      stepB *= extentB
      if axis.extent == 1 { continue }
      if let last = axes.last, axis.a == last.a * last.extent, axis.b == last.b * last.extent {
        axes[axes.count - 1].extent *= axis.extent
      } else {
        axes.append(axis)
      }
    }
    run = axes.first ?? Axis(extent: 1, a: 1, b: 1)
    outer = axes.dropFirst().reversed()
  }

  /// Calls `body` for each run, with the position of its first element in both operands and in the
  /// result.
  @inline(__always)
  func forEachRun(_ body: (_ a: Int, _ b: Int, _ result: Int) -> Void) {
    if shape.count == 0 { return }
    if outer.isEmpty { return body(0, 0, 0) }
    var indices = [Int](repeating: 0, count: outer.count)
    var (a, b, result) = (0, 0, 0)
    while true {
      body(a, b, result)
      result += run.extent
      var axis = outer.count - 1
      while axis >= 0 {
        indices[axis] += 1
        a += outer[axis].a
        b += outer[axis].b
        if indices[axis] < outer[axis].extent { break }
        a -= outer[axis].a * outer[axis].extent
        b -= outer[axis].b * outer[axis].extent
        indices[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }
}

extension Tensor {
  /// The tensor repeated along axes of extent one, and along new ones in front, up to a shape.
  ///
  /// - Throws: when its shape does not broadcast to that one.
  public func broadcast(to target: Shape, for operation: String = "broadcast_to") throws -> Tensor {
    if shape == target { return self }
    guard let plan = try? BroadcastPlan(shape, target, operation: operation), plan.shape == target
    else { throw WaneError(operation, "shape \(shape) does not broadcast to \(target)") }
    func repeated<Element: BitwiseCopyable>(_: Element.Type) throws -> Tensor {
      try .built(target, dtype, for: operation) { (y: UnsafeMutablePointer<Element>) in
        try reading(Element.self) { x in
          plan.forEachRun { from, _, to in
            if plan.run.a == 1 {
              (y + to).update(from: x + from, count: plan.run.extent)
            } else {
              (y + to).update(repeating: x[from], count: plan.run.extent)
            }
          }
        }
      }
    }
    switch dtype.byteCount {
    case 4: return try repeated(UInt32.self)
    case 2: return try repeated(UInt16.self)
    default: return try repeated(UInt8.self)
    }
  }
}
