import WaneFormats
import WaneNN
import WaneTensor

/// Tensors and data sets from files, and tensors to files.
extension Function {
  static let dataFromFiles: [Function] = [
    Function(
      "npy",
      "The array of a NumPy file; or a data set of two files, whose samples are read when they are"
        + " needed.",
      signature: "npy(path, [options]) -> Tensor, or Dataset",
      options: [
        Option("labels", "path", default: "none", "the file of the labels, for a data set"),
        .classNames.belonging(toAnyOf: ["labels"]),
      ],
      example: """
        weights = wane.data.npy "weights.npy"
        train = wane.data.npy("x_train.npy", { labels = "y_train.npy" })
        """
    ) { context in
      let path = try context.string(1)
      let options = try context.options(2)
      guard let labels = try options.string("labels") else {
        return context.results(try NPYFile.read(path))
      }
      return context.results(
        DatasetBox(
          try Dataset(
            columns: [NPYRows.samples(path)], labels: [NPYFile.read(labels).asLabels()],
            name: path, classNames: options.strings("class_names") ?? [])))
    },
    Function(
      "npz", "The arrays of a NumPy file by name; or a data set of two of them.",
      signature: "npz(path, [options]) -> table of Tensors, or Dataset",
      options: [
        Option("inputs", "string", default: "none", "the name of the samples, for a data set"),
        Option("labels", "string", default: "none", "the name of their labels"), .classNames,
      ],
      example: """
        arrays = wane.data.npz "mnist.npz"
        train = wane.data.npz("mnist.npz", { inputs = "x_train", labels = "y_train" })
        """
    ) { context in
      let path = try context.string(1)
      let options = try context.options(2)
      guard options.has("inputs") || options.has("labels") else {
        let arrays = try NPZFile.read(path).mapValues { LuaValue.object(TensorBox($0)) }
        return context.results(LuaValue.table(LuaTable(fields: arrays)))
      }
      let inputs = try options.required("inputs", options.string("inputs"))
      let labels = try options.required("labels", options.string("labels"))
      let arrays = try NPZFile.read(path, names: [inputs, labels])
      guard let samples = arrays[inputs], let targets = arrays[labels] else {
        throw WaneError("npz", "'\(inputs)' and '\(labels)' must differ")
      }
      return context.results(
        DatasetBox(
          try Dataset(
            inputs: samples.asSamples(), labels: targets.asLabels(), name: path,
            classNames: options.strings("class_names") ?? [])))
    },
    Function(
      "csv",
      "The numbers of a table of comma-separated values and the names of its columns; a data set when"
        + " a column holds labels.",
      signature: "csv(path, [options]) -> Tensor, list of names; or Dataset",
      options: [
        Option(
          "label", "string or integer", default: "none",
          "the column of labels, by name or number: words or whole numbers are classes"),
        Option(
          "header", "boolean", default: "whether the first line holds no number",
          "the first line holds names"),
        Option("separator", "string", default: "\",\"", "the character between values"),
      ],
      example: #"iris = wane.data.csv("iris.csv", { label = "species" })"#
    ) { context in
      let path = try context.string(1)
      let options = try context.options(2)
      let separator = try options.string("separator") ?? ","
      guard let mark = separator.first, separator.count == 1 else {
        throw options.bad("separator", "one character expected, got '\(separator)'")
      }
      let table = try CSVFile(
        path, separator: mark, hasHeader: options.boolean("header"), poll: context.poll)
      switch options.value("label") {
      case nil: return context.results(try table.tensor(poll: context.poll), table.columns)
      case .string(let name):
        return context.results(
          DatasetBox(
            try table.dataset(label: table.column(name), name: path, poll: context.poll)))
      default:
        let number = try options.required("label", options.integer("label"))
        return context.results(
          DatasetBox(
            try table.dataset(
              label: table.column(number: number), name: path, poll: context.poll)))
      }
    },
    Function(
      "images",
      "A folder with a folder of PNG and JPEG images for each class, as bytes [N, H, W, C]. They are"
        + " decoded batch by batch, in the background, when they are needed.",
      signature: "images(folder, [options]) -> Dataset",
      options: [
        Option(
          "size", "{height, width}", default: "that of the first image", "all are scaled to it"),
        Option("channels", "1 or 3", default: "3", "grey, or red, green and blue"),
        Option(
          "cache", oneOf: SampleCache.allCases.map(\.rawValue), default: "\"none\"",
          "decodes all at once and keeps them in memory, or in a temporary file"), .progress,
      ],
      example: #"faces = wane.data.images("faces", { size = { 64, 64 }, channels = 1 })"#
    ) { context in
      let folder = try ImageFolder(try context.string(1))
      let options = try context.options(2)
      return context.results(
        DatasetBox(
          try folder.dataset(
            size: options.imageSize(), channels: options.integer("channels", default: 3),
            cache: options.cache(default: .none), pool: Threads.pool(),
            progress: context.progress(options), poll: context.poll)))
    },
    Function(
      "image", "A PNG or JPEG image as bytes [H, W, C].",
      signature: "image(path, [options]) -> Tensor",
      options: [
        Option("size", "{height, width}", default: "its own", "scales it"),
        Option("channels", "1 or 3", default: "3", "grey, or red, green and blue"),
      ],
      example: #"wane.data.image("face.jpg", { size = { 64, 64 } })"#
    ) { context in
      let options = try context.options(2)
      return context.results(
        try ImageFile.read(
          context.string(1), channels: options.integer("channels", default: 3),
          size: options.imageSize()))
    },
    Function(
      "save_npz", "Writes tensors to one NumPy file, by name.",
      signature: "save_npz(path, tensors, [options])",
      options: [Option("compress", "boolean", default: "false", "deflates them")],
      example: #"wane.data.save_npz("data.npz", { x = images, y = labels })"#
    ) { context in
      let path = try context.string(1)
      let options = try context.options(3)
      let table = try context.table(2)
      guard table.elements.isEmpty else {
        throw context.argumentError(2, "tensors by name expected, got one without a name")
      }
      let arrays = try table.fields.mapValues { value -> Tensor in
        guard case .object(let box as TensorBox) = value else {
          throw context.argumentError(2, "Tensors expected, got \(value.shortDescription) in it")
        }
        return box.tensor
      }
      try NPZFile.write(arrays, to: path, compresses: options.boolean("compress", default: false))
      return context.results()
    },
  ]

  static let tensorFiles: [Function] = [
    Function(
      "save_npy", "Writes the tensor to a NumPy file.", signature: "save_npy(path)",
      example: #"t:save_npy "t.npy""#
    ) { context in
      try NPYFile.write(context.tensor(1), to: context.string(2))
      return context.results()
    },
    Function(
      "save_csv", "Writes a vector or matrix as comma-separated values, a line a row.",
      signature: "save_csv(path, [options])",
      options: [
        Option("header", "list of strings", default: "none", "names of the columns, first line")
      ],
      example: #"t:save_csv("t.csv", { header = { "x", "y" } })"#
    ) { context in
      let columns = try context.options(3).strings("header") ?? []
      try CSVFile.write(context.tensor(1), to: context.string(2), columns: columns)
      return context.results()
    },
  ]
}

extension Options {
  /// The extents that the option `size` names: `{height, width}`, or one number for both.
  fileprivate func imageSize() throws -> (height: Int, width: Int)? {
    guard let size = try integers("size") else { return nil }
    guard let height = size.first, let width = size.last, size.count <= 2 else {
      throw bad("size", "{height, width} expected, got \(size.count) numbers")
    }
    return (height, width)
  }
}

extension Tensor {
  /// As samples of a data set: bytes and whole numbers stay what they are, other types become f32.
  func asSamples() throws -> Tensor {
    InputLayer.dtypes.contains(dtype) ? self : try converted(to: .f32)
  }

  /// As labels of a data set: whole numbers stay what they are, as they may be classes.
  func asLabels() throws -> Tensor {
    guard !dtype.isFloatingPoint else { return try converted(to: .f32) }
    let isColumn = shape.rank == 2 && shape[1] == 1
    return try (isColumn ? reshaped(Shape([shape[0]])) : self).converted(to: .i32)
  }
}
