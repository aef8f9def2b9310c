import WaneGraph
import WaneTensor

/// Elements in other places, and tensors made of parts of others, in Lua.
extension Function {
  static let tensorRearranging: [Function] = [
    Function(
      "flip", "The elements along some axes, or all, in the opposite order.",
      signature: "flip([axes]) -> Tensor", example: "mirrored = images:flip(3)"
    ) { context in
      let tensor = try context.tensor(1)
      return context.results(try tensor.flipped(axes: context.axes(2, of: tensor.shape)))
    },
    Function(
      "roll", "The elements moved along an axis; what leaves at one end comes in at the other.",
      signature: "roll(distance, [axis]) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      return context.results(
        try tensor.rolled(
          context.integer(2), axis: context.axis(3, of: tensor.shape, default: -1)))
    },
    Function(
      "tile", "The tensor beside itself, so many times along each axis.",
      signature: "tile(counts...) -> Tensor", example: "row:tile(3, 1)"
    ) { context in
      context.results(try context.tensor(1).tiled(context.integers(from: 2)))
    },
    Function(
      "repeat_elements", "Each slice of an axis several times in a row.",
      signature: "repeat_elements(count, [axis]) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      return context.results(
        try tensor.repeatingElements(
          context.integer(2), axis: context.axis(3, of: tensor.shape, default: -1)))
    },
    Function(
      "pad",
      "With elements before and after: a number, or a number or {before, after} for each axis.",
      signature: "pad(widths, [value]) -> Tensor",
      example: "t:pad(1)   images:pad({ 0, 2, { 2, 1 } }, 255)"
    ) { context in
      let tensor = try context.tensor(1)
      let value = context.isNone(3) ? Scalar.integer(0) : try context.scalar(3)
      return context.results(
        try tensor.padded(try context.widths(2, axes: tensor.shape.rank), value: value))
    },
    Function(
      "split", "Parts of an axis: so many of one size, or of the sizes of a list.",
      signature: "split(count or sizes, [axis]) -> Tensor, Tensor, ...",
      example: "left, right = t:split(2, -1)   a, b = t:split({ 3, 1 }, 1)"
    ) { context in
      let tensor = try context.tensor(1)
      let axis = try context.axis(3, of: tensor.shape, default: 1)
      var sizes = try context.integers(from: 2, isList: context.isTable(2))
      if !context.isTable(2) {
        let count = try context.integer(2)
        guard count > 0, count <= 1 << 16, tensor.shape[axis] % count == 0 else {
          throw WaneError(
            "split", "the \(tensor.shape[axis]) of axis \(axis + 1) are not \(count) equal parts")
        }
        sizes = [Int](repeating: tensor.shape[axis] / count, count: count)
      }
      let parts = try tensor.split(sizes: sizes, axis: axis)
      return context.results(all: parts.map { .object(TensorBox($0)) })
    },
    Function(
      "outer", "The products of each element with each of another vector.",
      signature: "outer(other) -> Tensor"
    ) { context in
      let a = try context.tensor(1)
      let b = try context.tensorOperand(2)
      return context.results(
        try a.reshaped(Shape([a.count, 1])).arithmetic(
          .multiply, .tensor(b.reshaped(Shape([1, b.count])))))
    },
    Function(
      "dot", "The sum of products of two vectors; of matrices, their product.",
      signature: "dot(other) -> number or Tensor"
    ) { context in
      try context.results(
        numberIfScalar: context.tensor(1).matrixProduct(context.tensorOperand(2)))
    },
    Function(
      "unique", "The different elements in ascending order, and how often each is there.",
      signature: "unique() -> Tensor, Tensor", example: "classes, counts = labels:unique()"
    ) { context in
      let (values, counts) = try context.tensor(1).uniqueElements()
      return context.results(values, counts)
    },
    Function(
      "nonzero", "Where elements are not 0: a row of positions for each.",
      signature: "nonzero() -> Tensor of i32"
    ) { context in context.results(try context.tensor(1).positionsOfNonzero(first: 1)) },
  ]

  /// Functions of `wane` beside the methods.
  static let tensorProducts: [Function] = [
    Function(
      "einsum", "Einstein's sum: a letter for each axis; letters that the result lacks are summed.",
      signature: "einsum(equation, tensors...) -> Tensor or number",
      example: #"wane.einsum("bij,bjk->bik", a, b)   wane.einsum("ii->", m)"#
    ) { context in
      let equation = try context.string(1)
      let operands = try (2..<max(context.count + 1, 2)).map { try context.tensorOperand($0) }
      return try context.results(numberIfScalar: Tensor.einsum(equation, operands))
    }
  ]
}

extension CallContext {
  /// A tensor, or nested lists of numbers.
  fileprivate func tensorOperand(_ index: Int) throws -> Tensor {
    guard case .tensor(let tensor) = try operand(index) else { throw expected("Tensor", index) }
    return tensor
  }

  /// The whole numbers of a list; none for another argument.
  fileprivate func integers(from index: Int, isList: Bool) throws -> [Int] {
    isList ? try integers(from: index) : []
  }

  /// Widths before and after each axis.
  func widths(_ index: Int, axes: Int) throws -> [(before: Int, after: Int)] {
    guard isTable(index) else {
      let width = try integer(index)
      return [(before: Int, after: Int)](repeating: (width, width), count: axes)
    }
    return try table(index).elements.map { element in
      switch element {
      case .integer(let width): return (width, width)
      case .table(let pair):
        let ends = try Self.integers(pair.elements) { argumentError(index, $0) }
        guard ends.count == 2 else { fallthrough }
        return (ends[0], ends[1])
      default: throw argumentError(index, "a number or {before, after} for each axis expected")
      }
    }
  }
}
