import WaneTensor

/// Reductions, sorting and sums along axes in Lua. Without an axis all elements are reduced, and
/// the result is a Lua number.
extension Function {
  static let tensorReduction: [Function] =
    Reduction.allCases.map { reduction in
      reduce(reduction.rawValue, summary(of: reduction)) { tensor, axes, keeps, _ in
        try tensor.reduced(reduction, axes: axes, keepingAxes: keeps)
      }
    } + [
      reduce("any", "Whether any element is not 0.") { tensor, axes, keeps, _ in
        try tensor.any(axes: axes, keepingAxes: keeps)
      },
      reduce("all", "Whether no element is 0.") { tensor, axes, keeps, _ in
        try tensor.all(axes: axes, keepingAxes: keeps)
      },
      reduce("var", "The variance.", [correction]) { tensor, axes, keeps, options in
        try tensor.variance(
          axes: axes, correction: options.integer("correction", default: 0), keepingAxes: keeps)
      },
      reduce("std", "The standard deviation.", [correction]) { tensor, axes, keeps, options in
        try ElementFunction.sqrt.apply(
          tensor.variance(
            axes: axes, correction: options.integer("correction", default: 0), keepingAxes: keeps,
            for: "std"))
      },
      reduce("norm", "The length: the root of the sum of squares, or another norm.", [order]) {
        tensor, axes, keeps, options in
        try tensor.norm(
          order: options.number("order", default: 2), axes: axes, keepingAxes: keeps)
      },
      extreme(
        "argmax", "Where the largest element is, counted from 1; the first of several.", true),
      extreme(
        "argmin", "Where the smallest element is, counted from 1; the first of several.", false),
    ]

  static let tensorOrder: [Function] = [
    Function(
      "cumsum", "Sums of the elements up to each one; of a matrix along its last axis.",
      signature: "cumsum([axis]) -> Tensor"
    ) { context in
      let tensor = try context.tensor(1)
      return context.results(
        try tensor.cumulativeSum(axis: context.axis(2, of: tensor.shape, default: -1)))
    },
    Function(
      "sort", "The elements along an axis in order, and where each came from.",
      signature: "sort([axis], [options]) -> Tensor, Tensor",
      options: [Option("descending", "boolean", default: "false", "the largest first")],
      example: "sorted, order = t:sort(1, { descending = true })"
    ) { context in
      let tensor = try context.tensor(1)
      let optionsFirst = context.isTable(2)
      let axis =
        try optionsFirst
        ? tensor.shape.axis(-1, operation: "sort")
        : context.axis(2, of: tensor.shape, default: -1)
      let options = try context.options(optionsFirst ? 2 : 3)
      let (values, positions) = try tensor.sorted(
        axis: axis, descending: options.boolean("descending", default: false), first: 1)
      return context.results(values, positions)
    },
    Function(
      "argsort", "Where the elements along an axis come from when they are in order.",
      signature: "argsort([axis], [options]) -> Tensor",
      options: [Option("descending", "boolean", default: "false", "the largest first")]
    ) { context in
      let tensor = try context.tensor(1)
      let optionsFirst = context.isTable(2)
      let axis =
        try optionsFirst
        ? tensor.shape.axis(-1, operation: "argsort")
        : context.axis(2, of: tensor.shape, default: -1)
      let options = try context.options(optionsFirst ? 2 : 3)
      return context.results(
        try tensor.sorted(
          axis: axis, descending: options.boolean("descending", default: false), first: 1,
          for: "argsort"
        ).positions)
    },
    Function(
      "top_k", "The k largest elements along an axis, and where they are.",
      signature: "top_k(k, [axis]) -> Tensor, Tensor", example: "values, classes = p:top_k(5)"
    ) { context in
      let tensor = try context.tensor(1)
      let axis = try context.axis(3, of: tensor.shape, default: -1)
      let (values, positions) = try tensor.largest(context.integer(2), axis: axis, first: 1)
      return context.results(values, positions)
    },
  ]

  private static let axisOptions = [
    Option("axis", "integer or list", default: "all axes", "the axes to reduce"),
    Option("keep_axes", "boolean", default: "false", "keeps reduced axes with extent one"),
  ]
  private static let order = Option(
    "order", "1, 2 or math.huge", default: "2",
    "1 for the sum of absolute values, math.huge for the largest of them")
  private static let correction = Option(
    "correction", "integer", default: "0", "divides by n - correction; 1 for a sample")

  private static func reduce(
    _ name: String, _ summary: String, _ options: [Option] = [],
    _ body: @escaping @Sendable (Tensor, [Int]?, Bool, Options) throws -> Tensor
  ) -> Function {
    Function(
      name, summary, signature: "\(name)([axis], [options]) -> Tensor or number",
      options: axisOptions + options
    ) { context in
      let tensor = try context.tensor(1)
      let (axes, options) = try reductionArguments(context, tensor.shape)
      let keeps = try options.boolean("keep_axes", default: false)
      return try context.results(numberIfScalar: body(tensor, axes, keeps, options))
    }
  }

  private static func extreme(_ name: String, _ summary: String, _ isLargest: Bool) -> Function {
    Function(
      name, summary, signature: "\(name)([axis], [options]) -> Tensor or integer",
      options: axisOptions
    ) { context in
      let tensor = try context.tensor(1)
      let (axes, options) = try reductionArguments(context, tensor.shape)
      guard axes == nil || axes?.count == 1 else {
        throw WaneError(name, "one axis expected, got \(axes?.count ?? 0)")
      }
      let keeps = try options.boolean("keep_axes", default: false)
      return try context.results(
        numberIfScalar: tensor.positions(
          ofLargest: isLargest, axis: axes?.first, keepingAxes: keeps, first: 1))
    }
  }

  /// Axes as a number, a list or an option; then the other options.
  private static func reductionArguments(
    _ context: CallContext, _ shape: Shape
  ) throws -> (axes: [Int]?, options: Options) {
    if context.isTable(2), !(try context.table(2)).fields.isEmpty {
      let options = try context.options(2)
      let axes = try options.integers("axis")?.map { try context.axis(position: $0, of: shape) }
      return (axes, options)
    }
    let options = try context.options(3)
    return (try context.axes(2, of: shape), options)
  }

  private static func summary(of reduction: Reduction) -> String {
    switch reduction {
    case .sum: "The sum of the elements."
    case .product: "The product of the elements."
    case .mean: "The mean of the elements."
    case .maximum: "The largest element."
    case .minimum: "The smallest element."
    }
  }
}
