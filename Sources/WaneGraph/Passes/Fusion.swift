import WaneTensor

extension Graph {
  /// Applies rectifiers inside the layers before them, where nobody else reads the unrectified value.
  public func fusingReLU() throws -> Graph {
    let users = users()
    let isOutput = Set(outputs.map(\.node))
    return try rewritten { index, node, inputs, graph in
      guard let activation = node.operation as? Activation, activation.kind == .relu,
        let source = node.inputs.first, users[source.node] == [index],
        !isOutput.contains(source.node)
      else { return nil }
      let producer = graph.nodes[inputs[0].node]
      // The fused node replaces its unfused twin, which nothing reads any more.
      if let conv = producer.operation as? Conv2D, !conv.isReLUFused {
        let fused = Conv2D(conv.window, groups: conv.groups, isReLUFused: true)
        return try graph.add(fused, producer.inputs, layer: producer.layer)
      }
      if let dense = producer.operation as? Dense, !dense.isReLUFused {
        return try graph.add(Dense(isReLUFused: true), producer.inputs, layer: producer.layer)
      }
      return nil
    }.pruned()
  }

  /// Moves rectifiers and roundings behind the max pooling that follows them, where they see fewer
  /// values.
  ///
  /// Both are monotone, so they commute with a maximum; and a gradient that would be stopped at the
  /// rectifier is stopped there still.
  public func sinkingBelowMaxPool() throws -> Graph {
    var graph = self
    while let next = try graph.sinkingOnce() { graph = next }
    return graph
  }

  private func sinkingOnce() throws -> Graph? {
    let users = users()
    let isOutput = Set(outputs.map(\.node))
    var changed = false
    let result = try rewritten { index, node, inputs, graph in
      guard let pool = node.operation as? MaxPool2D, let source = node.inputs.first,
        users[source.node] == [index], !isOutput.contains(source.node), !changed
      else { return nil }
      let monotone = nodes[source.node]
      guard
        (monotone.operation as? Activation)?.kind == .relu || monotone.operation is Quantize
          || monotone.operation is RoundToGrid || monotone.operation is LearnedRange
      else { return nil }
      changed = true
      let unrectified = graph.nodes[inputs[0].node].inputs
      let pooled = try graph.add(pool, [unrectified[0]], layer: node.layer)
      let value = try graph.add(
        one: monotone.operation, [pooled[0]] + unrectified[1...], layer: monotone.layer)
      return [value, pooled[1]]
    }
    return changed ? try result.pruned() : nil
  }

  /// Multiplies batch normalizations into the convolutions and dense layers before them.
  ///
  ///     w' = w * gamma / sqrt(variance + epsilon)
  ///     b' = (b - mean) * gamma / sqrt(variance + epsilon) + beta
  ///
  /// A reshape that leaves the channels where they are, as after a convolution of sequences, may lie
  /// between them. Only weights that no other layer shares can take the factors up, and of those on an
  /// integer grid the ones with a scale a channel (`Parameter.multiplied`); the rest keep their
  /// normalization.
  public func foldingBatchNorm() throws -> Graph {
    let users = users()
    let isOutput = Set(outputs.map(\.node))
    // A shared layer reads its parameters once for each application.
    let readers = Dictionary(
      nodes.compactMap { ($0.operation as? ParameterRead)?.name }.map { ($0, 1) },
      uniquingKeysWith: +)
    func isOnlyHere(_ value: Value, _ user: Int) -> Bool {
      users[value.node] == [user] && parameter(value).map { readers[$0.name] == 1 } == true
    }
    return try rewritten { index, node, inputs, graph in
      guard let norm = node.operation as? BatchNorm, let given = node.inputs.first,
        users[given.node] == [index], !isOutput.contains(given.node)
      else { return nil }
      let (source, mask) = unmasked(given)
      guard mask == nil || (users[source.node] == [given.node] && !isOutput.contains(source.node)),
        let product = channelwiseSource(of: source, users, isOutput)
      else { return nil }
      let isReshaped = product != source
      let producer = nodes[product.node]
      let isReLUFused =
        (producer.operation as? Conv2D)?.isReLUFused ?? (producer.operation as? Dense)?.isReLUFused
      guard isReLUFused == false,
        let weights = parameter(producer.inputs[1]),
        producer.inputs[1...].allSatisfy({ isOnlyHere($0, product.node) })
      else { return nil }
      let statistics = try node.inputs[1...].map { try parameter($0)?.decoded().array(Float.self) }
      guard statistics.count == 4, let gamma = statistics[0], let beta = statistics[1],
        let mean = statistics[2], let variance = statistics[3]
      else { return nil }
      let factors = zip(gamma, variance).map { $0 / ($1 + norm.epsilon).squareRoot() }
      guard let folded = try weights.multiplied(by: factors) else { return nil }
      let oldBias =
        producer.inputs.count > 2
        ? try parameter(producer.inputs[2])?.decoded().array(Float.self)
        : nil
      let bias = factors.indices.map {
        ((oldBias?[$0] ?? 0) - mean[$0]) * factors[$0] + beta[$0]
      }
      let folding = graph.unmasked(inputs[0]).value
      let moved = isReshaped ? graph.nodes[folding.node].inputs[0] : folding
      let replaced = graph.nodes[moved.node]
      try graph.set(folded)
      let biasValue: Value
      if producer.inputs.count > 2, let old = parameter(producer.inputs[2]) {
        try graph.set(old.replacing(.dense(Tensor(bias)), isMasked: false))
        biasValue = replaced.inputs[2]
      } else {
        biasValue = try graph.add(
          parameter: Parameter(freshName("\(producer.layer)/bias", in: graph), Tensor(bias)),
          layer: producer.layer)
      }
      let result = try graph.add(
        producer.operation, Array(replaced.inputs[..<2]) + [biasValue], layer: producer.layer)
      let reshape = nodes[source.node]
      return isReshaped ? try graph.add(reshape.operation, result, layer: reshape.layer) : result
    }.pruned()
  }

  /// The value before a reshape that keeps channels apart; nil when others read it, too.
  ///
  /// A value that is not reshaped is its own source.
  private func channelwiseSource(of value: Value, _ users: [[Int]], _ isOutput: Set<Int>) -> Value?
  {
    let producer = producer(of: value)
    guard producer.operation is Reshape, let source = producer.inputs.first else { return value }
    let isAlone = users[source.node] == [value.node] && !isOutput.contains(source.node)
    return isAlone && type(of: source).channels == type(of: value).channels ? source : nil
  }

  /// The parameter a value reads, if it reads one.
  public func parameter(_ value: Value) -> Parameter? {
    (producer(of: value).operation as? ParameterRead).flatMap { parameters[$0.name] }
  }

  /// The form that is fastest to run when parameters stay as they are.
  public func inferenceForm() throws -> Graph {
    try withoutMasks().pruned().withoutDropout().foldingBatchNorm().fusingReLU().integerForm()
  }

  /// The same graph without what does something in training only: dropout and noise.
  public func withoutDropout() throws -> Graph {
    try rewritten { _, node, inputs, graph in
      if let attention = node.operation as? Attention, attention.rate > 0 {
        return try graph.add(attention.withoutDropout(), inputs, layer: node.layer)
      }
      if let recurrent = node.operation as? any RecurrentOperation,
        recurrent.recurrence.form.recurrentDropout > 0
      {
        return try graph.add(recurrent.withoutDropout(), inputs, layer: node.layer)
      }
      return node.operation is any TrainingOnly ? inputs : nil
    }
  }
}
