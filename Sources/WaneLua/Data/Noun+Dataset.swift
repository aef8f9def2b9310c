import WaneNN
import WaneTensor

extension Noun {
  static let dataset = Noun(
    DatasetBox.self, "Dataset", "Samples and their labels.",
    fields: [
      Field("inputs", "Tensor", "The samples, the first axis counting them.") {
        (box: DatasetBox) in TensorBox(box.dataset.inputs)
      },
      Field("labels", "Tensor", "Classes, counted from 0, or targets.") {
        (box: DatasetBox) in TensorBox(box.dataset.labels)
      },
      Field("classes", "integer or nil", "One more than the highest class.") {
        (box: DatasetBox) in box.dataset.classCount
      },
      Field("name", "string", "What it is called in messages.") {
        (box: DatasetBox) in box.dataset.name
      },
    ],
    methods: [
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
        "split", "Two data sets: the first samples, and the rest.",
        signature: "split(fraction or count) -> Dataset, Dataset",
        example: "train, validation = train:split(0.9)",
        method: { (box: DatasetBox, context) in
          let number = try context.number(2)
          let total = box.dataset.count
          let count = number < 1 ? (number * Double(total)).rounded() : number
          guard count >= 0, count <= Double(total), count == count.rounded() else {
            throw context.argumentError(
              2, "a fraction below 1 or a whole number up to \(total) expected, got \(number)")
          }
          let first = Int(count)
          return context.results(
            DatasetBox(try box.dataset.slice(0..<first)),
            DatasetBox(try box.dataset.slice(first..<total)))
        }),
      Function(
        "shuffle", "The samples in an order that the seed decides.",
        signature: "shuffle([options]) -> Dataset",
        options: [Option("seed", "integer", default: "0", "decides the order")],
        example: "train:shuffle { seed = 1 }:take(1000)",
        method: { (box: DatasetBox, context) in
          let seed = try context.options(2).integer("seed", default: 0)
          return context.results(
            DatasetBox(try box.dataset.shuffled(seed: UInt64(bitPattern: Int64(seed)))))
        }),
      Function(
        "batches", "Iterates over the samples, a batch at a time.",
        signature: "batches(size, [options]) -> iterator of inputs, labels",
        options: [
          Option("shuffle", "boolean", default: "false", "in a random order"),
          Option("seed", "integer", default: "0", "decides the order"),
          Option(
            "drop_last", "boolean", default: "false", "leaves out a last batch that is smaller"),
        ],
        example: "for images, labels in train:batches(128, { shuffle = true }) do end",
        method: { (box: DatasetBox, context) in
          let size = try context.integer(2, in: 1...Int.max)
          let options = try context.options(3)
          let seed = UInt64(bitPattern: Int64(try options.integer("seed", default: 0)))
          let data =
            try options.boolean("shuffle", default: false)
            ? box.dataset.shuffled(seed: seed) : box.dataset
          return context.results(
            BatchIterator(data, size: size, drops: try options.boolean("drop_last", default: false))
          )
        }),
    ],
    metamethods: [
      Function(
        "__len", "The number of samples.", signature: "#dataset",
        method: { (box: DatasetBox, context) in context.results(box.dataset.count) }),
      Function(
        "__tostring", "What it is.", signature: "tostring(dataset)",
        method: { (box: DatasetBox, context) in context.results(box.description) }),
    ])

  static let batches = Noun(
    BatchIterator.self, "Batches", "Walks over the batches of a data set.",
    metamethods: [
      Function(
        "__call", "The next batch, or nil after the last.",
        signature: "iterator() -> inputs, labels",
        method: { (iterator: BatchIterator, context) in
          guard let batch = try iterator.next() else { return context.results(LuaValue.none) }
          return context.results(TensorBox(batch.inputs), TensorBox(batch.labels))
        })
    ])
}

/// A walk over the batches of a data set.
final class BatchIterator: LuaObject {
  private let data: Dataset
  private let size: Int
  private let drops: Bool
  private var position = 0

  init(_ data: Dataset, size: Int, drops: Bool) {
    self.data = data
    self.size = size
    self.drops = drops
  }

  func next() throws -> Dataset? {
    let left = data.count - position
    guard left > 0, left >= size || !drops else { return nil }
    let batch = try data.slice(position..<position + min(size, left))
    position += batch.count
    return batch
  }
}

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
      "data", "Data sets from files and tensors.",
      functions: [
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
        Function(
          "tensors", "A data set of tensors: samples, and classes from 0 (i32) or targets (f32).",
          signature: "tensors(inputs, labels) -> Dataset",
          example:
            "data = wane.data.tensors(wane.zeros { 4, 2 }, wane.tensor({ 0, 1, 1, 0 }, \"i32\"))"
        ) { context in
          let inputs = try context.object(1, as: TensorBox.self).tensor
          let labels = try context.object(2, as: TensorBox.self).tensor
          return context.results(
            DatasetBox(try Dataset(inputs: inputs, labels: labels, name: "data")))
        },
      ]),
  ]
}
