import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// The layers that change the extents of a sample, besides `nn.max_pool2d` and `nn.avg_pool2d`.
  static let resizings: [Function] = [
    pool1D("max_pool1d", "maximum"), pool1D("avg_pool1d", "average"),
    globalPool(.maximum, rank: 2), globalPool(.average, rank: 2), globalPool(.maximum, rank: 1),
    globalPool(.average, rank: 1), upSample2D, upSample1D, reshape,
  ]

  private static func pool1D(_ name: String, _ what: String) -> Function {
    Function(
      name, "The \(what) over windows of each channel of a sequence.",
      signature: "\(name) { pool_size, ... } -> Layer",
      options: [
        Option("pool_size", "integer", default: "2", at: 1, "length of the window"),
        Option("strides", "integer", default: "pool_size", "steps between windows"), .padding,
        .layerName,
      ],
      example: "wane.nn.\(name) { 2 }"
    ) { context in
      let options = try context.options(1)
      let window = try options.rowWindow("pool_size", default: 2)
      let name = try options.string("name")
      return context.results(
        LayerBox(
          what == "maximum"
            ? MaxPool1DLayer(window, name: name) : AveragePool1DLayer(window, name: name)))
    }
  }

  private static func globalPool(_ pooling: GlobalPoolingLayer.Pooling, rank: Int) -> Function {
    let name = GlobalPoolingLayer(pooling, rank: rank).kind
    let what = pooling == .maximum ? "maximum" : "average"
    return Function(
      name, "The \(what) of each channel of \(rank == 2 ? "an image" : "a sequence").",
      signature: "\(name) { ... } -> Layer",
      options: [
        Option("keep_dims", "boolean", default: "false", "keeps the axes, with an extent of 1"),
        .layerName,
      ],
      example: "wane.nn.\(name) {}"
    ) { context in
      let options = try context.options(1)
      return context.results(
        LayerBox(
          GlobalPoolingLayer(
            pooling, rank: rank, keepsAxes: try options.boolean("keep_dims", default: false),
            name: try options.string("name"))))
    }
  }

  private static let upSample2D = Function(
    "up_sample2d", "Images enlarged by whole factors.",
    signature: "up_sample2d { size, ... } -> Layer",
    options: [
      Option(
        "size", "integer or pair", default: "2", at: 1, "by how much height and width grow"),
      Option(
        "interpolation", oneOf: Interpolation.allCases.map(\.rawValue), default: "nearest",
        "what is put between the pixels"), .layerName,
    ],
    example: #"wane.nn.up_sample2d { 2, interpolation = "bilinear" }"#
  ) { context in
    let options = try context.options(1)
    let interpolation = try options.choice("interpolation").flatMap(Interpolation.init(rawValue:))
    return context.results(
      LayerBox(
        try UpSampleLayer(
          options.pair("size") ?? [2, 2], interpolation ?? .nearest, name: options.string("name"))))
  }

  private static let upSample1D = Function(
    "up_sample1d", "Sequences with every element repeated.",
    signature: "up_sample1d { size } -> Layer",
    options: [
      Option("size", "integer", default: "2", at: 1, "how often each element stands"), .layerName,
    ],
    example: "wane.nn.up_sample1d { 2 }"
  ) { context in
    let options = try context.options(1)
    return context.results(
      LayerBox(
        try UpSampleLayer(
          repeating: options.integer("size", atLeast: 1, default: 2), name: options.string("name")))
    )
  }

  private static let reshape = Function(
    "reshape",
    "The elements of a sample under other extents, one of which may be -1: what is left.",
    signature: "reshape { extents... } -> Layer", options: [.layerName],
    example: "wane.nn.reshape { 7, -1 }"
  ) { context in
    let table = try context.table(1)
    let options = try Options(
      LuaTable(fields: table.fields), of: "reshape", context.function.options)
    let extents = try table.elements.map { element in
      guard case .integer(let extent) = element, extent > 0 || extent == -1 else {
        throw context.argumentError(
          1, "positive whole numbers or -1 expected, got \(element.shortDescription)")
      }
      return extent
    }
    return context.results(LayerBox(try ReshapeLayer(extents, name: options.string("name"))))
  }
}
