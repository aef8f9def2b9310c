import WaneNN
import WaneTensor

extension Noun {
  static let stream = Noun(
    StreamBox.self, "Stream",
    "Samples that a function makes while a model is trained on them, see wane.data.generator.",
    fields: [
      Field("name", "string", "What it is called in messages.") { (box: StreamBox) in
        box.stream.name
      },
      Field(
        "class_names", "list of strings",
        "What the classes are called, class 0 first; may be empty."
      ) { (box: StreamBox) in box.stream.classNames },
      Field("limit", "integer or nil", "The most samples of an epoch.") { (box: StreamBox) in
        box.stream.limit
      },
      Field("buffer", "integer", "How many samples are held for shuffling.") { (box: StreamBox) in
        box.stream.buffer
      },
    ],
    methods: [
      Function(
        "take", "A data set of the first samples, in memory.", signature: "take(count) -> Dataset",
        example: "validation = stream:take(512)",
        method: { (box: StreamBox, context) in
          let count = try context.integer(2, in: 1...Int.max)
          guard let function = context.held(by: 1) else { return context.results(LuaValue.none) }
          let caller = StreamCaller(box.stream)
          var collector = SampleCollector(
            box.stream.name, classNames: box.stream.classNames, cache: .memory)
          while collector.count < min(count, box.stream.limit ?? count),
            let sample = try caller.next(function, context)
          {
            try collector.append(sample)
          }
          let data = try collector.dataset(name: box.stream.name)
          return context.results(DatasetBox(try data.augmented(box.stream.augmentation)))
        }),
      Function(
        "augment",
        "The stream with samples that change at random while a model is trained on them; mixup mixes"
          + " those of a batch.",
        signature: "augment(options) -> Stream", options: Function.augmentOptions,
        example: #"stream:augment { flip = "horizontal", shift = 0.1 }"#,
        method: { (box: StreamBox, context) in
          let augmentation = try context.options(2).augmentation()
          let stream = try box.stream.augmented(augmentation)
          return context.results(
            StreamBox(stream), holding: context.held(by: 1).map { [$0] } ?? [])
        }),
      Function(
        "batches", "Iterates over the samples of an epoch, a batch at a time.",
        signature: "batches(size, [options]) -> iterator of inputs, labels",
        options: [
          Option("shuffle", "boolean", default: "false", "in a random order, within the buffer"),
          Option(
            "seed", "integer", default: "the next of wane.seed",
            "decides the order and the augmentation"),
        ],
        example:
          "for images, labels in stream:batches(128, { shuffle = true, seed = epoch }) do end",
        method: { (box: StreamBox, context) in
          let size = try context.integer(2, in: 1...Int.max)
          let options = try context.options(3)
          let shuffles = try options.boolean("shuffle", default: false)
          let isRandom = shuffles || box.stream.augmentation != nil
          let seed = try options.randomSeed() ?? (isRandom ? RandomSource.nextSeed() : 0)
          let iterator = StreamIterator(box.stream, size: size, shuffles: shuffles, seed: seed)
          return context.results(iterator, holding: context.held(by: 1).map { [$0] } ?? [])
        }),
    ],
    metamethods: [
      Function(
        "__tostring", "What it is.", signature: "tostring(stream)",
        method: { (box: StreamBox, context) in context.results(box.description) })
    ])

  static let streamBatches = Noun(
    StreamIterator.self, "StreamBatches", "Walks over the batches of a stream.",
    metamethods: [
      Function(
        "__call", "The next batch, or nil after the last.",
        signature: "iterator() -> inputs, labels",
        method: { (iterator: StreamIterator, context) in try iterator.next(context) })
    ])
}
