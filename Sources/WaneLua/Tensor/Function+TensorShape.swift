import WaneGraph
import WaneTensor

/// Tensors under other shapes, and joined, in Lua.
extension Function {
  static let tensorShape: [Function] = [
    Function(
      "reshape", "The same elements under another shape; one extent may be -1.",
      signature: "reshape(extents...) -> Tensor", example: "t:reshape(4)   t:reshape { 2, -1 }"
    ) { context in
      let extents = context.count < 2 ? [] : try context.integers(from: 2)
      return context.results(try context.tensor(1).reshaped(inferring: extents))
    },
    Function("flatten", "The elements as a vector.", signature: "flatten() -> Tensor") { context in
      context.results(try context.tensor(1).reshaped(inferring: [-1]))
    },
    Function(
      "squeeze", "Without axes of extent one, or without one of them.",
      signature: "squeeze([axis]) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      let axis = context.isNone(2) ? nil : try context.axis(2, of: tensor.shape)
      return context.results(try tensor.squeezed(axis: axis))
    },
    Function(
      "unsqueeze", "With a new axis of extent one at a place; -1 is the last.",
      signature: "unsqueeze(axis) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      let (place, last) = (try context.integer(2), tensor.shape.rank + 1)
      guard place != 0, abs(place.clamped(to: -last - 1...last + 1)) <= last else {
        throw WaneError(
          "unsqueeze",
          "axis must be in 1..\(last) or -\(last)..-1 for shape \(tensor.shape), "
            + "got \(place)")
      }
      return context.results(try tensor.unsqueezed(axis: place > 0 ? place - 1 : place))
    },
    Function(
      "transpose", "Two axes exchanged; the last two unless others are named.",
      signature: "transpose([axis1, axis2]) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      if context.isNone(2), context.isNone(3), tensor.shape.rank < 2 {
        return context.results(tensor)
      }
      let a = try context.axis(2, of: tensor.shape, default: -2)
      let b = try context.axis(3, of: tensor.shape, default: -1)
      return context.results(try tensor.swappingAxes(a, b))
    },
    Function(
      "permute", "The axes in another order.", signature: "permute(axes...) -> Tensor",
      example: "images:permute(1, 4, 2, 3)"
    ) { context in
      let tensor = try context.tensor(1)
      let order = try context.integers(from: 2)
      guard !order.contains(0) else {
        throw WaneError("permute", "axes count from 1, got 0")
      }
      return context.results(try tensor.permuted(order.map { $0 > 0 ? $0 - 1 : $0 }))
    },
    Function(
      "broadcast_to", "Repeated along axes of extent one, up to a shape.",
      signature: "broadcast_to(extents...) -> Tensor"
    ) { context in
      let shape = try Shape(try context.integers(from: 2)).bounded(for: "broadcast_to")
      return context.results(try context.tensor(1).broadcast(to: shape))
    },
    Function(
      "gather", "Slices of an axis in the order of indices, whose axes take its place.",
      signature: "gather(indices, [axis]) -> Tensor", example: "t:gather { 3, 1, -1 }"
    ) { context in
      let tensor = try context.tensor(1)
      let indices =
        context.isTable(2) ? try context.tensorOfNumbers(2, .i32) : try context.tensor(2)
      let axis = try context.axis(3, of: tensor.shape, default: 1)
      return context.results(try tensor.gathered(indices, axis: axis, first: 1))
    },
    Function(
      "one_hot",
      "A new last axis with a 1 at the place of the class. Classes count from 0, as in a"
        + " data set.",
      signature: "one_hot(classes, [options]) -> Tensor",
      options: [
        Option("first", "integer", default: "0", "the number of the first class"),
        Option("dtype", "string", default: "\"f32\"", "the type of the result"),
      ],
      example: "labels:one_hot(10)"
    ) { context in
      let options = try context.options(3)
      let dtype = try DType.named(options.string("dtype") ?? "f32", operation: "one_hot")
      return context.results(
        try context.tensor(1).oneHot(
          classes: context.integer(2, in: 0...(1 << 24)),
          first: options.integer("first", default: 0), dtype))
    },
    Function(
      "matmul", "The matrix product; axes before the last two are batches.",
      signature: "matmul(other) -> Tensor or number", example: "x:matmul(weights)"
    ) { context in
      guard case .tensor(let other) = try context.operand(2) else {
        throw context.expected("Tensor", 2)
      }
      return try context.results(numberIfScalar: context.tensor(1).matrixProduct(other))
    },
  ]
}

extension Comparable {
  fileprivate func clamped(to range: ClosedRange<Self>) -> Self {
    min(max(self, range.lowerBound), range.upperBound)
  }
}
