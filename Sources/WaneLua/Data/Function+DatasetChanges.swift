import WaneGraph
import WaneNN
import WaneTensor

/// Data sets whose samples change: once, or at random in each epoch.
extension Function {
  static let datasetChanges: [Function] = [
    Function(
      "map", "What a function makes of each sample and its label, or of batches of them.",
      signature: "map(function, [options]) -> Dataset",
      options: [
        Option(
          "batch_size", "integer", default: "none",
          "calls with tensors of so many samples and labels instead of one sample"), .cache,
      ],
      example: """
        inverted = train:map(function(image, label) return 255 - image:to "f32", label end)
        scaled = train:map(function(x, y) return x * 2, y end, { batch_size = 256 })
        """,
      method: { (box: DatasetBox, context) in
        let function = try context.function(2)
        let options = try context.options(3)
        let size = try options.integer("batch_size")
        if let size, size < 1 { throw options.bad("batch_size", "must be at least 1, got \(size)") }
        return try Mapping(
          box.dataset, function, batchSize: size, cache: options.cache(default: .memory)
        ).proceed(context)
      }),
    Function(
      "augment",
      "The data set with samples that change at random while a model is trained on them: each epoch"
        + " sees others. Evaluation sees them as they are.",
      signature: "augment(options) -> Dataset", options: augmentOptions,
      example: #"train:augment { flip = "horizontal", shift = 0.1, rotate = 10, mixup = 0.2 }"#,
      method: { (box: DatasetBox, context) in
        let augmentation = try context.options(2).augmentation()
        return context.results(DatasetBox(try box.dataset.augmented(augmentation)))
      }),
    Function(
      "weigh", "The data set with samples that count differently in a loss.",
      signature: "weigh(weights) -> Dataset",
      example: "train:weigh(wane.where(train.labels:eq(3), 5, 1))",
      method: { (box: DatasetBox, context) in
        let weights = try context.object(2, as: TensorBox.self).tensor
        return context.results(DatasetBox(try box.dataset.weighted(weights)))
      }),
  ]

  static let augmentOptions = [
    Option(
      "flip", oneOf: Augmentation.Flip.allCases.map(\.rawValue), default: "none",
      "mirrors every other image, left and right or top and bottom"),
    Option(
      "shift", "number or {height, width}", default: "0",
      "moves by whole pixels, at most this fraction of the extents"),
    Option("rotate", "number in [0, 180]", default: "0", "turns by at most so many degrees"),
    Option(
      "zoom", "number or {low, high}", default: "0",
      "magnifies: 0.2 stands for {0.8, 1.2}, from 80 to 120 per cent"),
    Option(
      "cutout", "number in [0, 1]", default: "0",
      "sets a square to zero whose side is this fraction of the smaller extent"),
    Option(
      "mixup", "number", default: "0",
      "mixes with another sample and its label, by shares of Beta(mixup, mixup)"),
    Option(
      "noise", "number", default: "0",
      "adds normal noise of this deviation, in units in which bytes are 0 to 1"),
    Option(
      "fill", oneOf: Augmentation.Fill.allCases.map(\.rawValue), default: "\"reflect\"",
      "what stands where an image was moved away"),
    Option("seed", "integer", default: "0", "decides the draws, with the seed of the training"),
  ]
}

extension Options {
  /// What the options of `augment` say.
  func augmentation() throws -> Augmentation {
    var result = Augmentation()
    result.flip = try choice("flip").flatMap(Augmentation.Flip.init)
    if let shift = try numbers("shift") {
      guard let first = shift.first, let last = shift.last, shift.count <= 2 else {
        throw bad("shift", "one number or {height, width} expected, got \(shift.count)")
      }
      result.shift = (first, last)
    }
    result.rotate = try number("rotate", default: 0)
    if let zoom = try numbers("zoom") {
      if zoom.count == 1, zoom[0] >= 0, zoom[0] < 1 {
        result.zoom = 1 - zoom[0]...1 + zoom[0]
      } else if zoom.count == 2, zoom[0] <= zoom[1] {
        result.zoom = zoom[0]...zoom[1]
      } else {
        throw bad("zoom", "a number in [0, 1) or {low, high} expected")
      }
    }
    result.cutout = try number("cutout", default: 0)
    result.mixup = try number("mixup", default: 0)
    result.noise = try number("noise", default: 0)
    if let fill = try choice("fill").flatMap(Augmentation.Fill.init) { result.fill = fill }
    result.seed = try randomSeed() ?? 0
    return result
  }
}

/// A `map` under way: a Lua function is called for each sample or batch.
private final class Mapping {
  private let data: Dataset
  private let function: LuaFunction
  private let batchSize: Int?
  private var collector: SampleCollector
  private let reader: PieceReader
  private var position = 0

  init(_ data: Dataset, _ function: LuaFunction, batchSize: Int?, cache: SampleCache) {
    self.data = data
    self.function = function
    self.batchSize = batchSize
    collector = SampleCollector("map", classNames: data.classNames, cache: cache)
    reader = PieceReader(
      data.columns, size: batchSize ?? 1, depth: max(2, WorkerPool.processorCount))
  }

  func proceed(_ context: CallContext) throws -> CallContext.Outcome {
    guard position < data.count else {
      return context.results(DatasetBox(try mapped()))
    }
    try context.checkInterrupt()
    let size = batchSize ?? 1
    let rows = position..<min(position.addingClamped(size), data.count)
    let inputs = try reader.piece(position / size)
    let targets = try data.allLabels.map { try $0.rows(rows) }
    position = rows.upperBound
    guard batchSize != nil else {
      let inputs = try inputs.map { try $0.squeezed(axis: 0) }
      let labels = try targets.map { try $0.squeezed(axis: 0) }
      // An only class or number is handed over as one.
      let label =
        targets[0].shape.rank == 1 && labels.count == 1 && data.labelNames.isEmpty
        ? LuaValue(try targets[0].element(0), of: targets[0].dtype)
        : Columns.luaValue(labels, names: data.labelNames)
      return context.call(function, Columns.luaValue(inputs, names: data.inputNames), label) {
        [data] context in
        try self.collector.append(
          context, input: 1, label: 2,
          otherwise: Columns(tensors: labels, names: data.labelNames))
        return try self.proceed(context)
      }
    }
    return context.call(
      function, Columns.luaValue(inputs, names: data.inputNames),
      Columns.luaValue(targets, names: data.labelNames)
    ) { [data] context in
      try self.collector.append(
        batch: context, inputs: 1, labels: 2,
        otherwise: Columns(tensors: targets, names: data.labelNames))
      return try self.proceed(context)
    }
  }

  /// What was collected, weighed and augmented as the samples that it was made of.
  private func mapped() throws -> Dataset {
    let result = try collector.dataset(name: data.name)
    guard data.weights == nil || result.count == data.count else {
      throw WaneError(
        "map", "\(result.count) samples were made of \(data.count) that have weights")
    }
    return try result.weighted(data.weights).augmented(data.augmentation)
  }
}
