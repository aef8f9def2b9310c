import CKernels
import WaneTensor

/// Slices of an axis in the order of indices, whose axes take that axis's place: `x, indices -> y`.
///
/// Indices are i32 and count from `first`; negative ones count from the end when `first` is not
/// below 0. Indices of a batch take rows of a value without one, such as a table of embeddings.
public struct Gather: Operation {
  public static let name = "gather"
  /// The axis of a sample, or of a value without a batch, from 0.
  public let axis: Int
  /// The index of the first slice.
  public let first: Int

  /// Takes slices of an axis.
  public init(axis: Int, first: Int = 0) {
    self.axis = axis
    self.first = first
  }

  public init(_ attributes: Attributes) throws {
    axis = try attributes.int("axis", in: 0...1023)
    first = try attributes.int("first", in: 0...1)
  }

  public var attributes: [String: Attribute] { ["axis": .int(axis), "first": .int(first)] }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let (x, indices) = (inputs[0], inputs[1])
    try require(x, .f32)
    try require(indices, .i32)
    guard x.dimensions.indices.contains(axis) else {
      throw WaneError(Self.name, "there is no axis \(axis) in \(x)")
    }
    guard !indices.isBatched || (!x.isBatched && axis == 0) else {
      throw WaneError(
        Self.name,
        "indices of a batch take the rows of a value without one, got \(x) and axis "
          + "\(axis); multiply by one_hot(indices) instead")
    }
    return [
      ValueType(
        dtype: .f32, isBatched: x.isBatched || indices.isBatched,
        dimensions: Array(x.dimensions[..<axis]) + indices.dimensions
          + x.dimensions[(axis + 1)...])
    ]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let dy = context.outputGradients[0] else { return [nil, nil] }
    let dimensions = context.graph.type(of: context.inputs[0]).dimensions
    let scatter = ScatterAdd(axis: axis, first: first, dimensions: dimensions)
    return [try context.add(scatter, [dy, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let indices = try context.input(1)
    let y = context.output().floats
    let walk = SliceWalk(
      x.shape, axis: axis + (context.inputTypes[0].isBatched ? 1 : 0), first: first,
      indices: indices)
    return { [x = x.floats] run in
      walk.forEach(run) { slice, part in
        (y + part).update(from: x + slice, count: walk.inner)
      }
    }
  }
}

/// Adds slices to where they were gathered from: `dy, indices -> dx`.
///
/// Slices of a batch are added up over the samples at hand.
public struct ScatterAdd: Operation {
  public static let name = "scatter_add"
  /// The axis that the slices are along, from 0.
  public let axis: Int
  /// The index of the first slice.
  public let first: Int
  /// The extents of the result.
  public let dimensions: [Int]

  init(axis: Int, first: Int, dimensions: [Int]) {
    self.axis = axis
    self.first = first
    self.dimensions = dimensions
  }

  public init(_ attributes: Attributes) throws {
    axis = try attributes.int("axis", in: 0...1023)
    first = try attributes.int("first", in: 0...1)
    dimensions = try attributes.ints("dimensions")
  }

  public var attributes: [String: Attribute] {
    ["axis": .int(axis), "first": .int(first), "dimensions": .ints(dimensions)]
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    let isBatched = inputs[0].isBatched && !inputs[1].isBatched
    let type = ValueType(dtype: .f32, isBatched: isBatched, dimensions: dimensions)
    guard let gathered = try? Gather(axis: axis, first: first).infer([type, inputs[1]]),
      gathered == [inputs[0]]
    else {
      throw WaneError(Self.name, "\(inputs[0]) and \(inputs[1]) do not fit \(type)")
    }
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(Gather(axis: axis, first: first), [g, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dy = try context.input(0).floats
    let indices = try context.input(1)
    let dx = context.output()
    let isBatched = dx.shape.rank > dimensions.count
    let walk = SliceWalk(
      dx.shape, axis: axis + (isBatched ? 1 : 0), first: first, indices: indices)
    return { run in
      wane_fill_f32(0, dx.floats, dx.count)
      walk.forEach(run) { slice, part in
        wane_add_f32(dx.floats + slice, dy + part, dx.floats + slice, walk.inner)
      }
    }
  }
}

/// The slices of an axis that indices name, one after the other.
private struct SliceWalk {
  let inner: Int
  private let outer: Int
  private let extent: Int
  private let first: Int
  private let indices: UnsafeMutablePointer<Int32>
  private let count: Int

  init(_ shape: Shape, axis: Int, first: Int, indices: Buffer) {
    outer = shape.dimensions[..<axis].reduce(1, *)
    extent = shape[axis]
    inner = shape.dimensions[(axis + 1)...].reduce(1, *)
    self.first = first
    self.indices = indices.ints
    count = indices.count
  }

  /// Calls `body` with the position of each slice and that of its copy, in elements.
  ///
  /// An index that leaves the axis is a failure of the run; its slice is passed over.
  @inline(__always)
  func forEach(_ run: borrowing RunState, _ body: (_ slice: Int, _ part: Int) -> Void) {
    for o in 0..<outer {
      for i in 0..<count {
        let index = Int(indices[i])
        let position = index < 0 ? index + extent : index - first
        guard position >= 0, position < extent else {
          run.failure.pointee = RunFailure.indexOutOfRange.rawValue
          continue
        }
        body((o * extent + position) * inner, (o * count + i) * inner)
      }
    }
  }
}

/// A new last axis with a 1 at the place of each class and 0 elsewhere: i32 to f32.
public struct OneHot: Operation {
  public static let name = "one_hot"
  /// The number of classes.
  public let classes: Int
  /// The number of the first class.
  public let first: Int

  /// Creates rows for classes from `first` on.
  public init(classes: Int, first: Int = 0) {
    self.classes = classes
    self.first = first
  }

  public init(_ attributes: Attributes) throws {
    classes = try attributes.int("classes")
    first = try attributes.int("first")
  }

  public var attributes: [String: Attribute] { ["classes": .int(classes), "first": .int(first)] }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    try require(inputs[0], .i32)
    var type = inputs[0]
    type.dtype = .f32
    type.dimensions.append(classes)
    return [type]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] { [nil] }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0)
    let y = context.output()
    return { [classes, first] run in
      wane_fill_f32(0, y.floats, y.count)
      for index in 0..<x.count {
        let position = Int(x.ints[index]) - first
        if position >= 0, position < classes {
          y.floats[index * classes + position] = 1
        } else {
          run.failure.pointee = RunFailure.labelOutOfRange.rawValue
        }
      }
    }
  }
}
