import CKernels
import WaneTensor

/// Every so many positions of each axis of a sample, or of a value without a batch.
public struct Slice: Operation {
  public static let name = "slice"
  /// The first position along each axis, from 0.
  public let starts: [Int]
  /// How many positions are taken along each axis.
  public let extents: [Int]
  /// The distance between positions, at least 1.
  public let steps: [Int]

  /// Takes a part; steps are 1 unless others are given.
  public init(starts: [Int], extents: [Int], steps: [Int]? = nil) {
    self.starts = starts
    self.extents = extents
    self.steps = steps ?? [Int](repeating: 1, count: starts.count)
  }

  public init(_ attributes: Attributes) throws {
    starts = try attributes.ints("starts")
    extents = try attributes.ints("extents", count: starts.count)
    steps = try attributes.ints("steps", count: starts.count)
  }

  public var attributes: [String: Attribute] {
    ["starts": .ints(starts), "extents": .ints(extents), "steps": .ints(steps)]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    var type = inputs[0]
    guard starts.count == type.dimensions.count, extents.count == starts.count,
      steps.count == starts.count
    else { throw WaneError(Self.name, "\(starts.count) ranges do not fit \(type)") }
    for (axis, extent) in type.dimensions.enumerated() {
      let (start, step, count) = (starts[axis], steps[axis], extents[axis])
      let (span, overflow) = (max(count, 1) - 1).multipliedReportingOverflow(by: step)
      guard start >= 0, step >= 1, count >= 0, !overflow,
        count == 0 || (start < extent && span < extent - start)
      else {
        throw WaneError(
          Self.name, "\(count) positions from \(start) by \(step) leave axis \(axis) of \(type)")
      }
    }
    type.dimensions = extents
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let dimensions = context.graph.type(of: context.inputs[0]).dimensions
    let after = dimensions.indices.map { axis in
      extents[axis] == 0
        ? dimensions[axis] - starts[axis]
        : dimensions[axis] - starts[axis] - (extents[axis] - 1) * steps[axis] - 1
    }
    return [
      try context.add(Pad(before: starts, after: after, between: steps.map { $0 - 1 }), [dy])
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let isBatched = context.inputTypes[0].isBatched
    let xSteps = x.shape.steps
    let all = (isBatched ? [1] : []) + steps
    let offset = starts.enumerated().reduce(0) {
      $0 + $1.element * xSteps[$1.offset + (isBatched ? 1 : 0)]
    }
    let loop = StridedLoop(
      extents: y.shape.dimensions, steps: [zip(xSteps, all).map { $0 * $1 }, y.shape.steps])
    let byteCount = context.inputTypes[0].dtype.byteCount
    return { _ in loop.copy(x.pointer + offset * byteCount, y.pointer, byteCount: byteCount) }
  }
}

/// Elements before, after and between those of every axis of a sample, or of a value without a
/// batch.
public struct Pad: Operation {
  public static let name = "pad"
  /// Elements before the first one along each axis.
  public let before: [Int]
  /// Elements after the last one.
  public let after: [Int]
  /// Elements between neighbours.
  public let between: [Int]
  /// The value of the new elements.
  public let value: Float

  /// Creates a padding; there is nothing between neighbours unless said otherwise.
  public init(before: [Int], after: [Int], between: [Int]? = nil, value: Float = 0) {
    self.before = before
    self.after = after
    self.between = between ?? [Int](repeating: 0, count: before.count)
    self.value = value
  }

  public init(_ attributes: Attributes) throws {
    before = try attributes.ints("before")
    after = try attributes.ints("after", count: before.count)
    between = try attributes.ints("between", count: before.count)
    value = try attributes.float("value")
  }

  public var attributes: [String: Attribute] {
    [
      "before": .ints(before), "after": .ints(after), "between": .ints(between),
      "value": .float(value),
    ]
  }

  public func isLinear(in operand: Int) -> Bool { value == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .f32)
    var type = inputs[0]
    guard before.count == type.dimensions.count, after.count == before.count,
      between.count == before.count, (before + after + between).allSatisfy({ $0 >= 0 })
    else { throw WaneError(Self.name, "\(before.count) paddings do not fit \(type)") }
    type.dimensions = try type.dimensions.enumerated().map { axis, extent in
      let (gaps, overflow) = max(extent - 1, 0).multipliedReportingOverflow(by: between[axis])
      let total = gaps.addingClamped(extent).addingClamped(before[axis]).addingClamped(after[axis])
      guard !overflow, total < .max else {
        throw WaneError(Self.name, "axis \(axis) of \(type) becomes too long")
      }
      return total
    }
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let dimensions = context.graph.type(of: context.inputs[0]).dimensions
    return [
      try context.add(
        Slice(starts: before, extents: dimensions, steps: between.map { $0 + 1 }), [dy])
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    let isBatched = context.inputTypes[0].isBatched
    let ySteps = y.shape.steps
    let strides = (isBatched ? [1] : []) + between.map { $0 + 1 }
    let offset = before.enumerated().reduce(0) {
      $0 + $1.element * ySteps[$1.offset + (isBatched ? 1 : 0)]
    }
    let loop = StridedLoop(
      extents: x.shape.dimensions, steps: [x.shape.steps, zip(ySteps, strides).map { $0 * $1 }])
    return { [value] _ in
      wane_fill_f32(value, y.floats, y.count)
      loop.copy(x.pointer, y.pointer + offset * 4, byteCount: 4)
    }
  }
}
