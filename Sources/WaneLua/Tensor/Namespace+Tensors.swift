import WaneTensor

extension Namespace {
  /// The functions of `wane` that make and join tensors.
  static let tensors = [
    Namespace(
      "", "Making and joining tensors.",
      functions: Function.tensorCreation + Function.randomTensors
        + Function.tensorJoining.map {
          $0.orSymbolic(Function.symbolicComparison).orSymbolicList(Function.symbolicJoining)
        } + Function.tensorProducts.map { $0.orSymbolic(Function.symbolicProducts) })
  ]
}

extension Function {
  static let tensorCreation: [Function] = [
    Function(
      "tensor", "A tensor of a number, nested lists, or another tensor's elements.",
      signature: "tensor(values, [options]) -> Tensor", options: [.dtype],
      example: """
        t = wane.tensor { { 1, 2 }, { 3, 4 } }
        pixels = wane.tensor({ 0, 128, 255 }, "u8")
        """
    ) { context in
      let options = try context.creationOptions(2, context.fields(ofList: 1))
      let dtype = try options.has("dtype") ? options.dtype(default: .f32) : nil
      if let box = context.objectIfAny(1, as: TensorBox.self) {
        return context.results(try box.tensor.converted(to: dtype ?? box.tensor.dtype))
      }
      if context.isNumber(1) || context.isTable(1) {
        return context.results(try context.tensorOfNumbers(1, dtype))
      }
      guard let truth = context.scalarIfNumber(1) else {
        throw context.expected("number, nested lists or Tensor", 1)
      }
      return context.results(
        try Tensor(repeating: truth, .scalar, dtype ?? .bool, for: "tensor"))
    },
    filled("zeros", .integer(0)),
    filled("ones", .integer(1)),
    Function(
      "full", "A tensor of one number.", signature: "full(shape, value, [options]) -> Tensor",
      options: [.dtype], example: #"wane.full({ 2, 3 }, 7, "i32")"#
    ) { context in
      let (shape, value) = (try context.shape(1), try context.scalar(2))
      let dtype = try context.creationOptions(3).dtype(default: .f32)
      return context.results(try Tensor(repeating: value, shape, dtype))
    },
    Function(
      "arange", "first, first + step, ... up to last, which is left out, as in NumPy.",
      signature: "arange([first], last, [step], [options]) -> Tensor", options: [.dtype],
      example: "wane.arange(4)   wane.arange(1, 2, 0.25)"
    ) { context in
      let numbers = (1...max(1, context.count)).prefix { $0 <= 3 && context.isNumber($0) }.count
      let dtype = try context.creationOptions(max(numbers, 1) + 1).dtype(default: .f32)
      guard numbers > 1 else {
        return context.results(
          try Tensor(from: .integer(0), upTo: context.scalar(1), by: .integer(1), dtype))
      }
      return context.results(
        try Tensor(
          from: context.scalar(1), upTo: context.scalar(2),
          by: numbers > 2 ? context.scalar(3) : .integer(1), dtype))
    },
    Function(
      "linspace", "Numbers at equal distances, first and last included.",
      signature: "linspace(first, last, count) -> Tensor"
    ) { context in
      context.results(
        try Tensor(
          from: context.number(1), through: context.number(2),
          count: context.integer(3, in: 0...(1 << 40))))
    },
    Function(
      "eye", "The identity matrix.", signature: "eye(size, [options]) -> Tensor", options: [.dtype]
    ) { context in
      let dtype = try context.creationOptions(2).dtype(default: .f32)
      return context.results(
        try Tensor(identity: context.integer(1, in: 0...(1 << 20)), dtype))
    },
  ]

  static let randomTensors: [Function] = [
    Function(
      "seed", "Starts the random numbers of tensors over.", signature: "seed(number)"
    ) { context in
      RandomSource.reseed(UInt64(bitPattern: Int64(try context.integer(1))))
      return context.results()
    },
    Function(
      "rand", "Uniform random numbers.", signature: "rand(shape, [options]) -> Tensor",
      options: [
        Option("low", "number", default: "0", "the smallest"),
        Option("high", "number", default: "1", "what all are below"),
        .randomSeed,
      ],
      example: "wane.rand { 2, 3 }   wane.rand({ 2, 3 }, { low = -1, seed = 1 })"
    ) { context in
      let (shape, options) = try context.shapeAndOptions()
      return context.results(
        try Tensor(
          uniform: shape, low: options.number("low", default: 0),
          high: options.number("high", default: 1), seed: options.randomSeed()))
    },
    Function(
      "randn", "Normally distributed random numbers.",
      signature: "randn(shape, [options]) -> Tensor",
      options: [
        Option("mean", "number", default: "0", "their mean"),
        Option("std", "number", default: "1", "their standard deviation"),
        .randomSeed,
      ]
    ) { context in
      let (shape, options) = try context.shapeAndOptions()
      return context.results(
        try Tensor(
          normal: shape, mean: options.number("mean", default: 0),
          deviation: options.number("std", default: 1), seed: options.randomSeed()))
    },
    Function(
      "truncated_normal",
      "Normally distributed random numbers within two standard deviations; others are drawn again.",
      signature: "truncated_normal(shape, [options]) -> Tensor",
      options: [
        Option("mean", "number", default: "0", "their mean"),
        Option("std", "number", default: "1", "the standard deviation before the cut"),
        .randomSeed,
      ]
    ) { context in
      let (shape, options) = try context.shapeAndOptions()
      return context.results(
        try Tensor(
          truncatedNormal: shape, mean: options.number("mean", default: 0),
          deviation: options.number("std", default: 1), seed: options.randomSeed()))
    },
    Function(
      "bernoulli", "Ones with a probability, zeros else.",
      signature: "bernoulli(shape, [options]) -> Tensor",
      options: [Option("p", "number", default: "0.5", "the probability of a one"), .randomSeed],
      example: "mask = wane.bernoulli({ 2, 3 }, { p = 0.9 })"
    ) { context in
      let (shape, options) = try context.shapeAndOptions()
      return context.results(
        try Tensor(
          bernoulli: shape, probability: options.number("p", default: 0.5),
          seed: options.randomSeed()))
    },
    Function(
      "randint", "Whole random numbers from low to high, both included.",
      signature: "randint(shape, low, high, [options]) -> Tensor", options: [.randomSeed],
      example: "dice = wane.randint({ 10 }, 1, 6)"
    ) { context in
      let (shape, low, high) = (
        try context.shape(1), try context.integer(2), try context.integer(3)
      )
      guard low <= high else {
        throw context.argumentError(3, "must be at least \(low), got \(high)")
      }
      let seed = try context.creationOptions(4).randomSeed()
      return context.results(try Tensor(whole: shape, in: low...high, seed: seed))
    },
    Function(
      "permutation", "The numbers 1 to count in random order.",
      signature: "permutation(count, [options]) -> Tensor", options: [.randomSeed],
      example: "shuffled = rows:gather(wane.permutation(#rows))"
    ) { context in
      let seed = try context.creationOptions(2).randomSeed()
      return context.results(
        try Tensor(permutation: context.integer(1), first: 1, seed: seed))
    },
  ]

  static let tensorJoining: [Function] = [
    Function(
      "concat", "Tensors one after the other along an axis.",
      signature: "concat(tensors, [axis]) -> Tensor", options: [joiningAxis],
      example: "wane.concat { a, b }   wane.concat({ a, b }, 2)"
    ) { context in
      let (parts, axis) = try joiningArguments(context)
      guard let first = parts.first else { return context.results(try Tensor.concatenated([])) }
      return context.results(
        try Tensor.concatenated(parts, axis: context.axis(position: axis, of: first.shape)))
    },
    Function(
      "stack", "Tensors of one shape along a new axis.",
      signature: "stack(tensors, [axis]) -> Tensor", options: [joiningAxis]
    ) { context in
      let (parts, axis) = try joiningArguments(context)
      let axes = try Shape([Int](repeating: 1, count: (parts.first?.shape.rank ?? 0) + 1))
      return context.results(
        try Tensor.stacked(parts, axis: context.axis(position: axis, of: axes)))
    },
    Function(
      "where", "Elements of a where the condition is not 0, of b elsewhere.",
      signature: "where(condition, a, b) -> Tensor", example: "wane.where(t:gt(0), t, 0)"
    ) { context in
      context.results(
        try context.truths(1, of: "where").selecting(context.operand(2), else: context.operand(3)))
    },
    pairwise("maximum", "The larger of two elements; numbers and tensors broadcast.", .maximum),
    pairwise("minimum", "The smaller of two elements; numbers and tensors broadcast.", .minimum),
  ]

  private static let joiningAxis = Option("axis", "integer", default: "1", "the axis to grow")

  private static func filled(_ name: String, _ value: Scalar) -> Function {
    Function(
      name, "A tensor of \(name).", signature: "\(name)(shape, [options]) -> Tensor",
      options: [.dtype], example: "wane.\(name) { 2, 3 }   wane.\(name)({ 2, 3 }, \"i32\")"
    ) { context in
      let (shape, options) = try context.shapeAndOptions()
      return context.results(
        try Tensor(repeating: value, shape, options.dtype(default: .f32), for: name))
    }
  }

  private static func pairwise(
    _ name: String, _ summary: String, _ operation: Arithmetic
  ) -> Function {
    Function(name, summary, signature: "\(name)(a, b) -> Tensor") { context in
      context.results(try operation.apply(context.operand(1), context.operand(2)))
    }
  }

  /// A list of tensors or numbers, and an axis in Lua's count.
  private static func joiningArguments(
    _ context: CallContext
  ) throws -> (parts: [Tensor], axis: Int) {
    let table = try context.table(1)
    let parts = try table.elements.map { element in
      switch element {
      case .object(let box as TensorBox): return box.tensor
      case .integer(let value): return try Tensor(scalar: Float(value))
      case .number(let value): return try Tensor(scalar: Float(value))
      default:
        throw context.argumentError(
          1, "list of Tensors expected, got \(element.shortDescription) in it")
      }
    }
    let fields: [String: LuaValue] =
      context.isNumber(2) ? ["axis": .integer(try context.integer(2))] : [:]
    let options = try context.creationOptions(
      context.isNumber(2) ? 3 : 2, table.fields.merging(fields) { $1 })
    return (parts, try options.integer("axis", default: 1))
  }
}
