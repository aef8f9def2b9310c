/// Operands walked together, each with its own steps along every axis.
///
/// Axes that continue each other in all operands are joined. What remains is a loop over outer axes
/// around runs along the innermost one, so that a run is one call of a kernel. Running allocates
/// nothing.
struct StridedLoop {
  /// Elements of a run.
  let run: Int
  /// The step of each operand within a run.
  let steps: [Int]
  private let outer: [Int]
  /// The steps along the outer axes: those of all operands for the first axis, and so on.
  private let outerSteps: [Int]
  private let isEmpty: Bool

  /// Plans a walk over an index space of given extents, outermost first.
  ///
  /// `steps` has, for each operand, how far it moves along each axis, in elements.
  init(extents: [Int], steps operands: [[Int]]) {
    var axes: [(extent: Int, steps: [Int])] = []
    // From the innermost axis out; `axes` grows outwards.
    for axis in extents.indices.reversed() where extents[axis] != 1 {
      let steps = operands.map { $0[axis] }
      if let last = axes.last, zip(steps, last.steps).allSatisfy({ $0 == $1 * last.extent }) {
        axes[axes.count - 1].extent *= extents[axis]
      } else {
        axes.append((extents[axis], steps))
      }
    }
    isEmpty = extents.contains(0)
    run = axes.first?.extent ?? 1
    steps = axes.first?.steps ?? operands.map { _ in 1 }
    outer = axes.dropFirst().reversed().map(\.extent)
    outerSteps = axes.dropFirst().reversed().flatMap(\.steps)
  }

  /// Calls `body` for each run with the position of its first element in each operand.
  @inline(__always)
  func forEachRun(_ body: (UnsafeMutableBufferPointer<Int>) -> Void) {
    if isEmpty { return }
    let (operands, axes) = (steps.count, outer.count)
    withUnsafeTemporaryAllocation(of: Int.self, capacity: operands + axes) { memory in
      memory.initialize(repeating: 0)
      let positions = UnsafeMutableBufferPointer(rebasing: memory[..<operands])
      let indices = UnsafeMutableBufferPointer(rebasing: memory[operands...])
      while true {
        body(positions)
        var axis = axes - 1
        while axis >= 0 {
          indices[axis] += 1
          for operand in 0..<operands {
            positions[operand] += outerSteps[axis * operands + operand]
          }
          if indices[axis] < outer[axis] { break }
          for operand in 0..<operands {
            positions[operand] -= outerSteps[axis * operands + operand] * outer[axis]
          }
          indices[axis] = 0
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }

  /// Copies the elements of operand 0, from `source`, to their places in operand 1.
  func copy(_ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, byteCount: Int) {
    if byteCount == 4 {
      copy(source, target, UInt32.self)
    } else {
      copy(source, target, UInt8.self)
    }
  }

  @inline(__always)
  private func copy<Element: BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _: Element.Type
  ) {
    let x = source.assumingMemoryBound(to: Element.self)
    let y = target.assumingMemoryBound(to: Element.self)
    let (from, to) = (steps[0], steps[1])
    forEachRun { start in
      let (x, y) = (x + start[0], y + start[1])
      if from == 1, to == 1 {
        y.update(from: x, count: run)
      } else if from == 0, to == 1 {
        y.update(repeating: x.pointee, count: run)
      } else {
        for index in 0..<run { y[index &* to] = x[index &* from] }
      }
    }
  }
}
