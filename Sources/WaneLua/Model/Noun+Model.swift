import WaneFormats
import WaneGraph
import WaneNN
import WaneTensor

extension Noun {
  static let model = Noun(
    ModelBox.self, "Model", "A network: a graph of operations and its parameters.",
    fields: [
      Field("parameters", "integer", "How many numbers its parameters have.") {
        (box: ModelBox) in box.graph.parameters.reduce(0) { $0 + $1.shape.count }
      },
      Field("nonzero", "integer", "How many of them are not zero.") {
        (box: ModelBox) in try box.graph.parameters.reduce(0) { try $0 + $1.nonzeroCount() }
      },
      Field("macs", "integer", "Multiply-accumulate operations for one sample.") {
        (box: ModelBox) in box.graph.work
      },
      Field("bytes", "integer", "Bytes its parameters take in memory.") {
        (box: ModelBox) in box.graph.parameters.reduce(0) { $0 + $1.byteCount }
      },
      Field("file_bytes", "integer", "Bytes of the file that save writes, header included.") {
        (box: ModelBox) in try WaneFile.size(of: box.graph)
      },
      Field("memory_bytes", "integer", "Bytes needed to run one sample, weights included.") {
        (box: ModelBox) in try InferenceSession.memoryBytes(box.graph)
      },
      Field("layers", "list of strings", "The names of its layers, in order.") {
        (box: ModelBox) in try Summary(box.graph).rows.map(\.layer)
      },
    ],
    methods: [
      .fit, .evaluate, .predict, .profile,
      Function(
        "summary", "A table of the layers with shapes, parameters and MACs.",
        signature: "summary() -> text", example: "print(model:summary())",
        method: { (box: ModelBox, context) in context.results(try box.summaryText()) }),
      Function(
        "copy", "The same model; training one leaves the other as it is.",
        signature: "copy() -> Model", example: "before = model:copy()",
        method: { (box: ModelBox, context) in context.results(ModelBox(box.graph)) }),
      Function(
        "parameter", "The values of a parameter, decoded to floats.",
        signature: "parameter(name) -> Tensor",
        example: #"kernel = model:parameter "dense/kernel""#,
        method: { (box: ModelBox, context) in
          let name = try context.string(2)
          guard let parameter = box.graph.parameters[name] else {
            let names = box.graph.parameters.map(\.name)
            throw context.argumentError(
              2, "no parameter '\(name)' \(NearestName.hint(for: name, in: names))")
          }
          return context.results(TensorBox(try parameter.decoded()))
        }),
      Function(
        "parameter_names", "The names of all parameters, in order.",
        signature: "parameter_names() -> list of strings",
        method: { (box: ModelBox, context) in
          context.results(box.graph.parameters.map(\.name))
        }),
      Function(
        "save", "Writes the model to a .wane file, whole or not at all.",
        signature: "save(path) -> bytes", example: #"model:save "cnn.wane""#,
        method: { (box: ModelBox, context) in
          let path = try context.string(2)
          try WaneFile(box.graph).write(to: path)
          return context.results(try WaneFile.size(of: box.graph))
        }),
    ],
    metamethods: [
      Function(
        "__tostring", "A table of the layers.", signature: "tostring(model)",
        method: { (box: ModelBox, context) in context.results(try box.summaryText()) }),
      Function(
        "__call",
        "Runs the model, as predict does; with symbolic values, makes it a layer of another model; with "
          + "symbolic tensors, makes it a part of the function they belong to, its parameters constant.",
        signature: "model(inputs) -> outputs, or model(x) -> symbolic value", options: [.precision],
        example: "y = backbone(wane.nn.input { 28, 28, 1 })",
        method: { (box: ModelBox, context) in
          if context.symbolicTensor != nil {
            let call = try SymbolicCall(context)
            let inputs = try (2...context.count).map(call.value)
            let outputs = try call.trace.apply(box, inputs)
            return context.results(
              all: outputs.map { .object(SymbolicTensorBox(call.trace, $0)) })
          }
          guard context.hasSymbols(2) else { return try box.predict(context) }
          let layer = ModelLayer(box.graph)
          return context.results(
            all: try SymbolicValue(layer, context.symbols(2), identity: box.identity).boxes)
        }),
    ],
    names: { box, function in
      function == "parameter"
        ? box.graph.parameters.map(\.name) : (try? Summary(box.graph).rows.map(\.layer)) ?? []
    })
}

extension Function {
  fileprivate static let evaluate = Function(
    "evaluate", "How well the model does on a data set, or on an epoch of a stream.",
    signature: "evaluate(data, [options]) -> { loss = ..., accuracy = ... }",
    options: [.loss, .lossWeights, .metrics, .sampleWeight, .precision],
    example: #"print(model:evaluate(test, { metrics = { "top_3", "confusion_matrix" } }))"#,
    method: { (box: ModelBox, context) in
      let options = try context.options(3)
      if let stream = try context.stream(2) {
        return try box.evaluate(stream, options, context)
      }
      let data = try options.weighted(context.object(2, as: DatasetBox.self).dataset)
      let objective = try options.objective(context)
      guard !objective.hasCustomLoss else {
        let losses = try CustomLossEvaluation(box.graph, on: data, objective)
          .losses(of: box.graph, poll: context.poll)
        var fields: [String: LuaValue] = ["loss": .number(losses.total)]
        for (name, value) in losses.parts { fields[name] = .number(value) }
        return context.results(LuaValue.table(LuaTable(fields: fields)))
      }
      let evaluation = try Evaluation(
        box.graph, on: data, objective, precision: options.precision(), pool: Threads.pool(),
        poll: context.poll)
      return context.results(evaluation.luaValue)
    })

  fileprivate static let predict = Function(
    "predict",
    "Runs the model on samples: a tensor, one an input in order or in a table by name, a data set, or "
      + "an epoch of a stream.",
    signature: "predict(inputs, ..., [options]) -> outputs...",
    options: [.precision],
    example: "probabilities = model:predict(test:take(10))",
    method: { (box: ModelBox, context) in
      guard let stream = try context.stream(2) else { return try box.predict(context) }
      return try box.predict(stream, context.options(3), context)
    })

  /// `wane.load`.
  static let load = Function(
    "load", "Reads a model from a .wane file.", signature: "load(path) -> Model",
    example: #"model = wane.load "cnn.wane""#
  ) { context in
    context.results(ModelBox(try WaneFile.read(try context.string(1)).graph))
  }
}

extension ModelBox {
  fileprivate func predict(_ context: CallContext) throws -> CallContext.Outcome {
    let (inputs, options) = try context.samplesAndOptions(for: graph)
    let session = try session(for: inputs.map(\.dtype), precision: options.precision())
    let outputs = try session.run(inputs, poll: context.poll)
    return context.results(all: outputs.map { .object(TensorBox($0)) })
  }
}

extension CallContext {
  /// What a method of a model was called with: a data set's samples or a tensor for each input, and
  /// the options after them.
  func samplesAndOptions(for model: Graph) throws -> (inputs: [Tensor], options: Options) {
    var last = count
    while last > 2, isNone(last) { last -= 1 }
    let hasOptions = last > 2 && isTable(last)
    let options = try options(hasOptions ? last : last + 1)
    if let box = objectIfAny(2, as: DatasetBox.self) {
      return (try box.dataset.inputs(for: model, "predict"), options)
    }
    if let columns = try columns(2, { tensor, _ in tensor }) {
      let inputs = try Dataset.ordered(columns.tensors, columns.names, for: model, "predict")
      return (inputs, options)
    }
    let inputs = try (2...max(2, hasOptions ? last - 1 : last)).map { index in
      guard let box = objectIfAny(index, as: TensorBox.self) else {
        throw expected("Tensor or Dataset", index)
      }
      return box.tensor
    }
    return (inputs, options)
  }
}
