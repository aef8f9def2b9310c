import WaneNN
import WaneTensor

extension Namespace {
  /// `wane.datasets` and `wane.data`.
  static let data: [Namespace] = [
    Namespace(
      "datasets", "Data sets that come with the system.",
      functions: [
        Function(
          "fashion_mnist",
          "Fashion-MNIST: 60 000 and 10 000 images of clothes, 28 x 28 grey bytes, ten classes.",
          signature: "fashion_mnist() -> train, test",
          example: "train, test = wane.datasets.fashion_mnist()"
        ) { context in
          let (train, test) = try SystemDatasets.fashionMNIST()
          return context.results(DatasetBox(train), DatasetBox(test))
        }
      ]),
    Namespace(
      "data", "Data sets from files, tensors and functions.",
      functions: Function.dataFromMNIST + Function.dataFromLua + Function.dataFromFiles),
  ]
}

extension Function {
  static let dataFromMNIST: [Function] = [
    Function(
      "idx", "Images and labels from two idx files, plain or gzip.",
      signature: "idx(images, labels) -> Dataset",
      example:
        #"test = wane.data.idx("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")"#
    ) { context in
      let images = try context.string(1)
      return context.results(
        DatasetBox(
          try IDXFile.dataset(images: images, labels: context.string(2), name: images)))
    },
    Function(
      "mnist_family", "The four files of a folder, named as MNIST's are, plain or gzip.",
      signature: "mnist_family(folder) -> train, test",
      example: #"train, test = wane.data.mnist_family "/data/kmnist""#
    ) { context in
      let folder = try context.string(1)
      let (train, test) = try SystemDatasets.mnistFamily(folder, name: folder)
      return context.results(DatasetBox(train), DatasetBox(test))
    },
  ]

  static let dataFromLua: [Function] = [
    Function(
      "tensors",
      "A data set of tensors or nested lists: samples, and classes from 0 (whole numbers, one for a"
        + " sample or for each step of it) or targets."
        + " Several inputs or outputs stand in a list of tensors, or in a table by name.",
      signature: "tensors(inputs, labels, [options]) -> Dataset",
      options: [.datasetName, .classNames],
      example: """
        data = wane.data.tensors({ { 0, 0 }, { 0, 1 }, { 1, 0 }, { 1, 1 } }, { 0, 1, 1, 0 })
        pairs = wane.data.tensors({ left = a, right = b }, { same = y })
        """
    ) { context in
      let options = try context.options(3)
      let (inputs, labels) = (try context.sampleColumns(1), try context.labelColumns(2))
      return context.results(
        DatasetBox(
          try Dataset(
            columns: inputs.tensors, labels: labels.tensors, inputNames: inputs.names,
            labelNames: labels.names, name: options.string("name") ?? "data",
            classNames: options.strings("class_names") ?? [])))
    },
    Function(
      "generator",
      "A data set of what a function returns, sample by sample, until it returns nil. What it returns"
        + " first may be a function that does so in its place. With a buffer: a stream of samples that"
        + " are made while a model trains on them, anew in each epoch.",
      signature: "generator(function, [options]) -> Dataset or Stream",
      options: [
        Option(
          "limit", "integer", default: "none", "the most samples to take; of a stream, in an epoch"),
        .cache,
        Option(
          "buffer", "integer", default: "none",
          "makes a stream, which is shuffled among so many samples, and holds no more"),
        .datasetName, .classNames,
      ],
      example: """
        data = wane.data.generator(coroutine.wrap(function()
          for i = 1, 100 do coroutine.yield({ i / 100 }, i % 2) end
        end))
        stream = wane.data.generator(function(epoch)
          local file = io.open "digits.txt"
          return function()
            local label, pixels = file:read("n", "l")
            if label then return parse(pixels), label end
          end
        end, { buffer = 1000 })
        """
    ) { context in
      let function = try context.function(1)
      let options = try context.options(2)
      let limit =
        options.has("limit") ? try options.integer("limit", atLeast: 1, default: 1) : nil
      let name = try options.string("name") ?? "generator"
      let classNames = try options.strings("class_names") ?? []
      guard options.has("buffer") else {
        return try Generation(
          function, limit: limit ?? Int.max, cache: options.cache(default: .memory), name: name,
          classNames: classNames
        ).proceed(context)
      }
      guard !options.has("cache") else {
        throw options.bad("buffer", "a stream keeps no samples, so it takes no 'cache'")
      }
      let stream = try SampleStream(
        name: name, classNames: classNames, limit: limit,
        buffer: options.integer("buffer", atLeast: 1, default: 1))
      return context.results(StreamBox(stream), holding: [function])
    },
  ]
}

extension Option {
  /// Where samples are kept that a function makes.
  static let cache = Option(
    "cache", oneOf: [SampleCache.memory, .disk].map(\.rawValue), default: "\"memory\"",
    "where the samples are kept: in memory, or in a temporary file in $TMPDIR or /var/tmp")
  static let datasetName = Option("name", "string", default: "what it is made of", "for messages")
  static let classNames = Option(
    "class_names", "list of strings", default: "none", "what the classes are called, class 0 first")
}

extension Options {
  /// Where samples are kept.
  func cache(default usual: SampleCache) throws -> SampleCache {
    try choice("cache").flatMap(SampleCache.init) ?? usual
  }
}

extension CallContext {
  /// A tensor, or nested lists of numbers as f32.
  func numbersOrTensor(_ index: Int) throws -> Tensor {
    isTable(index) ? try tensorOfNumbers(index, nil) : try tensor(index)
  }

  /// Labels: a tensor, or nested lists; integers are classes, unless the output that they are compared
  /// with makes them targets.
  func labels(_ index: Int) throws -> Tensor {
    guard isTable(index) else { return try tensor(index).asLabels() }
    let areClasses = (try? numbers(index))?.areClasses == true
    return try tensorOfNumbers(index, areClasses ? .i32 : nil).converted(
      to: areClasses ? .i32 : .f32)
  }
}

/// A `generator` under way: a Lua function is called until it has no more samples.
private final class Generation {
  private let function: LuaFunction
  /// What the function returned to be called in its place.
  private var iterator: KeptValue?
  private let limit: Int
  private let name: String
  private var collector: SampleCollector

  init(
    _ function: LuaFunction, limit: Int, cache: SampleCache, name: String, classNames: [String]
  ) {
    self.function = function
    self.limit = limit
    self.name = name
    collector = SampleCollector("generator", classNames: classNames, cache: cache)
  }

  func proceed(_ context: CallContext) throws -> CallContext.Outcome {
    guard collector.count < limit else { return try finish(context) }
    try context.checkInterrupt()
    let function = try iterator?.place(context) ?? function
    return context.call(function, 1) { context in
      if self.iterator == nil, self.collector.count == 0, context.isFunction(1) {
        self.iterator = try context.keep(context.function(1))
        return try self.proceed(context)
      }
      if context.isNone(1) { return try self.finish(context) }
      try self.collector.append(context, input: 1, label: 2)
      return try self.proceed(context)
    }
  }

  private func finish(_ context: CallContext) throws -> CallContext.Outcome {
    context.results(DatasetBox(try collector.dataset(name: name)))
  }
}
