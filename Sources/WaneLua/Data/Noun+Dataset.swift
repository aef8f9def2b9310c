import WaneNN
import WaneTensor

extension Noun {
  static let dataset = Noun(
    DatasetBox.self, "Dataset", "Samples and their labels.",
    fields: [
      Field(
        "inputs", "Tensor or table of them",
        "The samples, the first axis counting them; of several inputs, in a list or by name. What is"
          + " read when needed is read as a whole."
      ) { (box: DatasetBox) in
        try Columns.luaValue(box.dataset.allInputs, names: box.dataset.inputNames)
      },
      Field(
        "labels", "Tensor or table of them",
        "Classes, counted from 0, or targets; of several outputs, in a list or by name."
      ) { (box: DatasetBox) in
        Columns.luaValue(box.dataset.allLabels, names: box.dataset.labelNames)
      },
      Field("classes", "integer or nil", "One more than the highest class.") {
        (box: DatasetBox) in box.dataset.classCount
      },
      Field(
        "class_names", "list of strings",
        "What the classes are called, class 0 first; may be empty."
      ) { (box: DatasetBox) in box.dataset.classNames },
      Field("name", "string", "What it is called in messages.") {
        (box: DatasetBox) in box.dataset.name
      },
    ],
    methods: Function.datasetParts + Function.datasetChanges,
    metamethods: [
      Function(
        "__len", "The number of samples.", signature: "#dataset",
        method: { (box: DatasetBox, context) in context.results(box.dataset.count) }),
      Function(
        "__tostring", "What it is.", signature: "tostring(dataset)",
        method: { (box: DatasetBox, context) in context.results(box.description) }),
    ])
}

/// Parts of a data set, and its samples in another order.
extension Function {
  static let datasetParts: [Function] = [
    Function(
      "take", "The first samples.", signature: "take(count) -> Dataset",
      example: "calibration = train:take(512)",
      method: { (box: DatasetBox, context) in
        let count = try context.integer(2, in: 0...Int.max)
        return context.results(
          DatasetBox(try box.dataset.slice(0..<min(count, box.dataset.count))))
      }),
    Function(
      "skip", "All but the first samples.", signature: "skip(count) -> Dataset",
      example: "rest = train:skip(5000)",
      method: { (box: DatasetBox, context) in
        let count = min(try context.integer(2, in: 0...Int.max), box.dataset.count)
        return context.results(DatasetBox(try box.dataset.slice(count..<box.dataset.count)))
      }),
    Function(
      "split",
      "Data sets of the first samples, the next, ...; of all in a random order with a seed.",
      signature: "split(fraction or count or list of them) -> Dataset, Dataset, ...",
      options: [
        Option("seed", "integer", default: "none", "takes the samples in the order it decides")
      ],
      example: """
        train, validation = train:split(0.9)
        train, validation, test = data:split { 0.8, 0.1, 0.1, seed = 1 }
        """,
      method: { (box: DatasetBox, context) in
        let (ends, seed) = try splitArguments(context, total: box.dataset.count)
        let data = try seed.map { try box.dataset.shuffled(seed: $0) } ?? box.dataset
        var start = 0
        let parts = try ends.map { end in
          defer { start = end }
          return LuaValue.object(DatasetBox(try data.slice(start..<end)))
        }
        return context.results(all: parts)
      }),
    Function(
      "shuffle", "The samples in an order that the seed decides.",
      signature: "shuffle([seed or options]) -> Dataset",
      options: [Option("seed", "integer", default: "0", "decides the order")],
      example: "train:shuffle { seed = 1 }:take(1000)",
      method: { (box: DatasetBox, context) in
        let seed =
          context.isNumber(2)
          ? try context.integer(2) : try context.options(2).integer("seed", default: 0)
        return context.results(
          DatasetBox(try box.dataset.shuffled(seed: UInt64(bitPattern: Int64(seed)))))
      }),
    Function(
      "concat", "The samples of this data set and of others, one after the other.",
      signature: "concat(datasets...) -> Dataset", example: "all = train:concat(extra)",
      method: { (box: DatasetBox, context) in
        var parts = [box.dataset]
        for index in 2..<max(context.count + 1, 2) {
          parts.append(try context.object(index, as: DatasetBox.self).dataset)
        }
        return context.results(DatasetBox(try Dataset.concatenated(parts)))
      }),
    Function(
      "batches", "Iterates over the samples, a batch at a time, augmented where the data set is.",
      signature: "batches(size, [options]) -> iterator of inputs, labels",
      options: [
        Option("shuffle", "boolean", default: "false", "in a random order"),
        Option(
          "seed", "integer", default: "the next of wane.seed",
          "decides the order and the augmentation"),
        Option(
          "drop_last", "boolean", default: "false", "leaves out a last batch that is smaller"),
      ],
      example: "for images, labels in train:batches(128, { shuffle = true, seed = epoch }) do end",
      method: { (box: DatasetBox, context) in
        let size = try context.integer(2, in: 1...Int.max)
        let options = try context.options(3)
        let shuffles = try options.boolean("shuffle", default: false)
        let isRandom = shuffles || box.dataset.augmentation != nil
        let seed = try options.randomSeed() ?? (isRandom ? RandomSource.nextSeed() : 0)
        return context.results(
          BatchIterator(
            try Batches(
              box.dataset, size: size, shuffles: shuffles, seed: seed,
              dropsLast: options.boolean("drop_last", default: false)), of: box.dataset))
      }),
  ]

  /// Where the parts of a split end, and the seed of their order.
  private static func splitArguments(
    _ context: CallContext, total: Int
  ) throws -> (ends: [Int], seed: UInt64?) {
    guard context.isTable(2) else {
      let number = try context.number(2)
      let count = number < 1 ? (number * Double(total)).rounded() : number
      guard count >= 0, count <= Double(total), count == count.rounded() else {
        throw context.argumentError(
          2, "a fraction below 1 or a whole number up to \(total) expected, got \(number)")
      }
      return ([Int(count), total], nil)
    }
    let table = try context.table(2)
    let options = try Options(
      LuaTable(fields: table.fields), of: "split", context.function.options)
    let numbers = try table.elements.map { element -> Double in
      switch element {
      case .integer(let value) where value >= 0: return Double(value)
      case .number(let value) where value >= 0: return value
      default:
        throw context.argumentError(
          2, "fractions or counts expected, got \(element.shortDescription)")
      }
    }
    let sum = numbers.reduce(0, +)
    // What should add up to 1 may miss it by rounding.
    let areFractions = sum <= 1 + 1e-9
    guard !numbers.isEmpty,
      areFractions || (numbers.allSatisfy { $0 == $0.rounded() } && sum <= Double(total))
    else {
      throw context.argumentError(
        2,
        "fractions of together 1 or counts of together \(total) expected, got "
          + "\(LuaNumber.format(sum))")
    }
    var reached = 0.0
    let ends = numbers.map { number in
      reached += number
      return min(total, Int((areFractions ? reached * Double(total) : reached).rounded()))
    }
    return (ends, try options.randomSeed())
  }
}
