import CKernels
import WaneTensor

/// Sums of the elements up to each one along the last axis, or from each one on.
public struct CumulativeSum: Operation {
  public static let name = "cumsum"
  /// Whether sums are from each element to the last.
  public let isReversed: Bool

  /// Creates sums from the first element to each, or from each to the last.
  public init(reversed: Bool = false) { isReversed = reversed }

  public init(_ attributes: Attributes) throws { isReversed = try attributes.bool("reversed") }

  public var attributes: [String: Attribute] { ["reversed": .bool(isReversed)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try requireRows(Self.name, inputs[0])
    return inputs
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    return [try context.add(CumulativeSum(reversed: !isReversed), [dy])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let y = context.output().floats
    let (rows, columns) = rows(context.output().count, context.inputTypes[0])
    return { [isReversed] _ in wane_cumulative_sum_f32(x, y, isReversed ? 1 : 0, rows, columns) }
  }
}

/// The elements along the last axis in order, and where each came from: `x -> values, positions`.
///
/// Equal elements keep their order; NaN come last.
public struct Sort: Operation {
  public static let name = "sort"
  /// Whether the largest comes first.
  public let isDescending: Bool
  /// The number of the first position.
  public let first: Int

  /// Creates a sort.
  public init(descending: Bool = false, first: Int = 0) {
    isDescending = descending
    self.first = first
  }

  public init(_ attributes: Attributes) throws {
    isDescending = try attributes.bool("descending")
    first = try attributes.int("first", in: 0...1)
  }

  public var attributes: [String: Attribute] {
    ["descending": .bool(isDescending), "first": .int(first)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try requireRows(Self.name, inputs[0])
    var positions = inputs[0]
    positions.dtype = .i32
    return [inputs[0], positions]
  }

  /// The elements go back to where they came from.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil] }
    let columns = context.graph.type(of: dy).channels
    let back = PutAlong(columns: columns, first: first)
    return [try context.add(back, [dy, context.outputs[1]])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let (rows, columns) = rows(x.count, context.inputTypes[0])
    let values = context.isUsed(0) ? context.output(0).floats : nil
    let places = context.isUsed(1) ? context.output(1).ints : nil
    // Room to sort in, and for positions that nobody wants.
    context.reserveScratch(4 * (columns + (places == nil ? x.count : 0)))
    return { [isDescending, first = Int32(first), x = x.floats] run in
      let scratch = run.scratch.assumingMemoryBound(to: Int32.self)
      wane_sort_f32(
        x, values, places ?? scratch + columns, scratch, isDescending ? 1 : 0, first, rows, columns)
    }
  }
}

/// Elements of each row at positions of its own: `x [..., C], positions [..., K] -> [..., K]`.
public struct TakeAlong: Operation {
  public static let name = "take_along"
  /// The number of the first position.
  public let first: Int

  /// Takes elements at positions that count from `first`.
  public init(first: Int = 0) { self.first = first }

  public init(_ attributes: Attributes) throws { first = try attributes.int("first", in: 0...1) }

  public var attributes: [String: Attribute] { ["first": .int(first)] }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    return [try requireRowsAlike(Self.name, inputs)]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil] }
    let columns = context.graph.type(of: context.inputs[0]).channels
    return [
      try context.add(PutAlong(columns: columns, first: first), [dy, context.inputs[1]]), nil,
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let positions = try context.input(1).ints
    let y = context.output()
    let columns = context.inputTypes[0].channels
    let (rows, count) = rows(y.count, context.inputTypes[1])
    return { [first = Int32(first), x = x.floats, y = y.floats] _ in
      wane_take_along_f32(x, positions, first, y, rows, columns, count)
    }
  }
}

/// Adds elements to the places they were taken from: `dy [..., K], positions [..., K] -> [..., C]`.
public struct PutAlong: Operation {
  public static let name = "put_along"
  let columns: Int
  let first: Int

  init(columns: Int, first: Int) {
    self.columns = columns
    self.first = first
  }

  public init(_ attributes: Attributes) throws {
    columns = try attributes.int("columns")
    first = try attributes.int("first", in: 0...1)
  }

  public var attributes: [String: Attribute] { ["columns": .int(columns), "first": .int(first)] }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    var type = try requireRowsAlike(Self.name, inputs)
    guard type == inputs[0] else {
      throw WaneError(Self.name, "\(inputs[0]) does not fit positions \(inputs[1])")
    }
    type.dimensions[type.dimensions.count - 1] = columns
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(TakeAlong(first: first), [g, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0)
    let positions = try context.input(1).ints
    let dx = context.output().floats
    let (rows, columns) = rows(context.output().count, context.node.outputs[0])
    let count = context.inputTypes[0].channels
    return { [first = Int32(first), dy = dy.floats] _ in
      wane_put_along_f32(dy, positions, first, dx, rows, columns, count)
    }
  }
}

/// Where the largest element along the last axis is, or the smallest, as i32: the first of several.
///
/// A NaN counts as the extreme.
public struct ExtremePosition: Operation {
  public static let name = "extreme_position"
  /// Whether the smallest is looked for.
  public let isSmallest: Bool
  /// The number of the first position.
  public let first: Int

  /// Looks for the largest element, or the smallest.
  public init(smallest: Bool, first: Int = 0) {
    isSmallest = smallest
    self.first = first
  }

  public init(_ attributes: Attributes) throws {
    isSmallest = try attributes.bool("smallest")
    first = try attributes.int("first", in: 0...1)
  }

  public var attributes: [String: Attribute] {
    ["smallest": .bool(isSmallest), "first": .int(first)]
  }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try requireRows(Self.name, inputs[0])
    guard inputs[0].channels > 0 else {
      throw WaneError(Self.name, "there are no elements to compare in \(inputs[0])")
    }
    var type = inputs[0]
    type.dtype = .i32
    type.dimensions.removeLast()
    return [type]
  }

  /// A position does not move with the elements.
  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [nil] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output().ints
    let (rows, columns) = rows(x.count, context.inputTypes[0])
    return { [isSmallest, first = Int32(first), x = x.floats] _ in
      wane_extreme_position_f32(x, y, isSmallest ? 1 : 0, first, rows, columns)
    }
  }
}

private func requireRows(_ operation: String, _ type: ValueType) throws {
  guard type.dtype == .f32, !type.dimensions.isEmpty, type.channels <= Int(Int32.max) else {
    throw WaneError(operation, "takes f32 values with at least one axis, got \(type)")
  }
}

/// The type of what is taken from rows.
private func requireRowsAlike(_ operation: String, _ inputs: [ValueType]) throws -> ValueType {
  let (x, positions) = (inputs[0], inputs[1])
  try requireRows(operation, x)
  guard positions.dtype == .i32, positions.isBatched == x.isBatched,
    positions.dimensions.dropLast() == x.dimensions.dropLast(), !positions.dimensions.isEmpty
  else {
    throw WaneError(operation, "positions \(positions) do not fit \(x)")
  }
  var type = positions
  type.dtype = .f32
  return type
}

private func rows(_ count: Int, _ type: ValueType) -> (rows: Int, columns: Int) {
  let columns = type.channels
  return (columns == 0 ? 0 : count / columns, columns)
}
