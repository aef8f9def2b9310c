import WaneGraph
import WaneTensor

@testable import WaneFormats

/// Seeded numbers (SplitMix64, Steele et al., 2014), the same in every run.
struct Numbers: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }

  /// Roughly a normal distribution: the sum of four uniform ones.
  mutating func normal() -> Float {
    (0..<4).reduce(0) { sum, _ in sum + Float.random(in: -1...1, using: &self) }
  }
}

/// Graphs to write.
enum Fixtures {
  /// One node of every operation that may stand in a file, nothing at its standard.
  static func everyOperation() throws -> Graph {
    var graph = Graph()
    let image = try graph.add(
      one: Input(index: 0, type: .batched([6, 5, 2], .u8)), [], layer: "pixels")
    var x = try graph.add(one: Rescale(scale: 0.25, offset: -0.5), [image], layer: "pixels")
    let kernel = try graph.add(
      parameter: Parameter("first/kernel", tensor([2, 3, 2, 4])), layer: "first")
    x = try graph.add(
      one: Conv2D(
        Window2D("test", size: [2, 3], strides: [1, 1], dilation: [2, 1], padding: .same)),
      [x, kernel], layer: "first")
    x = try graph.add(one: Activation(.tanh), [x], layer: "first")
    let statistics = try ["gamma", "beta", "moving_mean", "moving_variance"].map { name in
      try graph.add(
        parameter: Parameter("norm/\(name)", tensor([4]), isTrainable: name.count < 6),
        layer: "norm")
    }
    x = try graph.add(
      one: BatchNorm(epsilon: 1e-5, momentum: 0.5), [x] + statistics, layer: "norm")
    x = try graph.add(one: Quantize(ActivationGrid(scale: 0.03, zero: 128)), [x], layer: "norm")
    let pooled = try graph.add(
      one: MaxPool2D(Window2D("test", size: [3, 3], strides: [2, 2], padding: .same)), [x],
      layer: "block/pool")
    let averaged = try graph.add(
      one: AveragePool2D(Window2D("test", size: [3, 3], strides: [2, 2], padding: .same)), [x],
      layer: "block/mean")
    x = try graph.add(one: Add(), [pooled, averaged], layer: "block/sum")
    x = try graph.add(one: Dropout(rate: 0.25, stream: 7), [x], layer: "dropout_3")
    x = try addFeedForward(&graph, x)
    x = try graph.add(one: Reshape([3 * 3 * 4]), [x], layer: "flatten")
    let square = try graph.add(
      parameter: Parameter("shared", tensor([36, 36])), layer: "dense")
    x = try graph.add(one: Dense(), [x, square], layer: "dense")
    let again = try graph.read("shared", layer: "dense_1")
    x = try graph.add(one: Dense(), [x, again], layer: "dense_1")
    let probabilities = try graph.add(one: Softmax(), [x], layer: "")
    graph.outputs = [probabilities, x]
    try appendExpressions(to: &graph, x)
    try appendSequences(to: &graph)
    return graph
  }

  /// Layers of sequences of words.
  private static func appendSequences(
    to graph: inout Graph
  ) throws {
    func parameters(_ layer: String, _ shapes: [[Int]]) throws -> [Value] {
      try shapes.enumerated().map { index, shape in
        try graph.add(parameter: Parameter("\(layer)/\(index)", tensor(shape)), layer: layer)
      }
    }
    let words = try graph.add(
      one: Input(index: 1, type: .batched([3], .i32)), [], layer: "words")
    var x = try graph.add(
      one: Embedding(), [words] + parameters("embedding", [[7, 4]]), layer: "embedding")
    x = try graph.add(
      LSTM(units: 2, returnsSequences: true),
      [x] + parameters("lstm", [[4, 8], [2, 8], [8]]), layer: "lstm")[0]
    x = try graph.add(
      GRU(units: 4, returnsSequences: true, direction: .backward),
      [x] + parameters("gru", [[2, 12], [4, 12], [2, 12]]), layer: "gru")[0]
    x = try graph.add(
      Attention(heads: 2, isCausal: true, rate: 0.25, stream: 3), [x, x, x], layer: "attention")[0]
    x = try graph.add(
      SimpleRNN(units: 3, activation: .relu, direction: .backwardAligned),
      [x] + parameters("simple_rnn", [[4, 3], [3, 3]]), layer: "simple_rnn")[0]
    graph.outputs.append(x)
  }

  /// General expressions of rows of 36.
  private static func appendExpressions(to graph: inout Graph, _ x: Value) throws {
    func add(_ operation: any Operation, _ inputs: [Value]) throws -> Value {
      try graph.add(one: operation, inputs, layer: "lambda")
    }
    let half = try add(Constant(0.5), [])
    let isLarge = try add(Compare(.greaterOrEqual), [x, half])
    var y = try add(Where(), [isLarge, x, half])
    y = try add(Binary(.power), [y, add(BroadcastTo([36]), [half])])
    y = try add(Clip(low: -2), [add(Unary(.erf), [y])])
    y = try add(LogSoftmax(), [add(Reshape([4, 9]), [y])])
    y = try add(Concat(axis: 1), [y, add(Cast(.f32), [add(Reshape([4, 9]), [isLarge])])])
    y = try add(Transpose([1, 0]), [y])
    y = try add(Slice(starts: [1, 0], extents: [8, 4], steps: [2, 1]), [y])
    y = try add(Pad(before: [0, 1], after: [2, 0], value: 1), [y])
    let product = try add(MatMul(transposingRight: true), [y, y])
    let classes = try add(Cast(.i32), [add(Reduce(.maximum, axes: [0]), [product])])
    let rows = try add(Gather(axis: 0), [graph.read("shared", layer: "lambda"), classes])
    graph.outputs += [
      rows, try add(OneHot(classes: 3, first: 1), [classes]), try add(RowProduct(), [x, x]),
    ]
  }

  /// Noise, rectifiers, normalizations and resizing of an image 3x3x4, whose extents stay.
  private static func addFeedForward(_ graph: inout Graph, _ image: Value) throws -> Value {
    var x = try graph.add(
      one: SpatialDropout(rate: 0.25, stream: 8), [image], layer: "spatial_dropout2d")
    x = try graph.add(one: GaussianNoise(deviation: 0.25, stream: 9), [x], layer: "noise")
    x = try graph.add(
      one: PReLU(),
      [x, graph.add(parameter: Parameter("prelu/alpha", tensor([1, 3, 4])), layer: "prelu")],
      layer: "prelu")
    let gamma = try graph.add(
      parameter: Parameter("group_norm/gamma", tensor([4])), layer: "group_norm")
    x = try graph.add(
      one: SampleNorm(.group(2), epsilon: 0.5, isScaled: true, isShifted: false), [x, gamma],
      layer: "group_norm")
    let statistics = try ["mean", "variance"].map { name in
      try graph.add(
        parameter: Parameter("learned/\(name)", tensor([4]), isTrainable: false),
        layer: "learned")
    }
    x = try graph.add(one: Standardize(), [x] + statistics, layer: "learned")
    x = try graph.add(one: UpSample2D([2, 1], .bilinear), [x], layer: "up_sample2d")
    let kernel = try graph.add(
      parameter: Parameter("up/kernel", tensor([1, 2, 4, 4])), layer: "up")
    x = try graph.add(
      one: Conv2DTranspose(Window2D("test", size: [1, 2], strides: [1, 1], padding: .same)),
      [x, kernel], layer: "up")
    return try graph.add(
      one: AveragePool2D(Window2D("test", size: [2, 1], strides: [2, 1])), [x], layer: "down")
  }

  /// Parameters in every encoding, read by nothing.
  static func everyEncoding() throws -> Graph {
    var graph = Graph()
    var numbers = Numbers(state: 5)
    func add(_ parameter: Parameter) throws {
      _ = try graph.add(parameter: parameter, layer: "weights")
    }
    let strange: [Float] = [
      .nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0xFFC1_2345), .infinity, -.infinity,
      0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude,
    ]
    try add(Parameter("weights/strange", Tensor(strange)))
    try add(Parameter("weights/scalar", Tensor(scalar: -0.0), isTrainable: false))
    try add(
      Parameter(
        "elsewhere/masked",
        Tensor(
          (0..<600).map { _ in Int.random(in: 0..<10, using: &numbers) == 0 ? numbers.normal() : 0
          },
          Shape([3, 5, 8, 5])), isMasked: true))
    try add(Parameter("weights/zeros", Tensor(zeros: Shape([2500]))))
    try add(
      Parameter(
        "weights/short",
        Tensor((0..<50).map { _ in Float(Int.random(in: -99...99, using: &numbers)) })))
    for bits in 2...8 {
      for (axis, channels) in [(nil, 1), (0, 8), (1, 40)] as [(Int?, Int)] {
        let grid = try WeightGrid(
          bits: bits,
          scales: (0..<channels).map { _ in Float.random(in: 0.01...1, using: &numbers) },
          axis: axis)
        let codes = (0..<320).map { _ -> UInt8 in
          let code = Int(numbers.normal() * Float(grid.highest) / 3)
          return UInt8(max(-grid.highest, min(grid.highest, code)) + grid.highest)
        }
        try add(
          Parameter(
            "weights/int\(bits)_\(channels)",
            .integer(codes: PackedCodes(codes, bits: bits == 3 ? 7 : bits), grid: grid),
            shape: Shape([8, 40]), isTrainable: bits % 2 == 0, isMasked: bits % 3 == 0))
      }
    }
    for (bits, axis, groupSize, isAffine) in [
      (1, nil, nil, false), (1, 1, 3, false), (2, 1, 3, true), (4, 1, 8, false), (5, 0, nil, true),
      (8, nil, nil, true), (8, 1, 100, true),
    ] as [(Int, Int?, Int?, Bool)] {
      let channels = axis.map { [8, 40][$0] } ?? 1
      let count = channels * (groupSize.map { (8 + $0 - 1) / $0 } ?? 1)
      let grid = try WeightGrid(
        bits: bits, scales: (0..<count).map { _ in Float.random(in: 0.01...1, using: &numbers) },
        zeros: isAffine
          ? (0..<count).map { _ in Int.random(in: 0..<(1 << bits), using: &numbers) } : nil,
        axis: axis, groupSize: groupSize)
      let codes = (0..<320).map { _ in
        UInt8.random(in: 0...UInt8(grid.codeCount - 1), using: &numbers)
      }
      try add(
        Parameter(
          "weights/grid\(bits)_\(count)",
          .integer(codes: PackedCodes(codes, bits: bits), grid: grid), shape: Shape([8, 40])))
    }
    for count in [1, 2, 3, 16, 200, 256] {
      for isOnGrid in [false, true] {
        let grid = isOnGrid ? try WeightGrid(bits: 8, scales: [0.125], axis: nil) : nil
        let centroids = (0..<count).map { entry -> Float in
          isOnGrid ? 0.125 * Float((entry * 31) % 255 - 127) : entry == 1 ? 0 : numbers.normal()
        }
        let indices = (0..<330).map { _ -> UInt8 in
          Bool.random(using: &numbers) ? 0 : UInt8(Int.random(in: 0..<count, using: &numbers))
        }
        let bits = PackedCodes.bits(forSymbols: count)
        try add(
          Parameter(
            "weights/book\(count)_\(isOnGrid)",
            .codebook(
              indices: PackedCodes(indices, bits: bits), centroids: CentroidTable(centroids),
              grid: grid),
            shape: Shape([3, 11, 10])))
      }
    }
    for (axis, size) in [(0, 1), (1, 16), (2, 3), (2, 256), (1, 200)] {
      for scaleAxis in [-2, -1, axis] {
        // Tables of many negative values and of few, in any order.
        let tables = [3, 11, 10][axis]
        let scales = (0..<(scaleAxis < 0 ? 1 : tables)).map { 0.125 + 0.25 * Float($0) }
        let grid =
          scaleAxis == -2
          ? nil : try WeightGrid(bits: 8, scales: scales, axis: scaleAxis < 0 ? nil : axis)
        let values = (0..<tables * size).map { entry -> Float in
          guard grid != nil else {
            return entry % size == 0 ? 0 : numbers.normal() + Float(entry / size - 2)
          }
          let multiple = Float((entry * 31 + entry / size * 40) % 255 - 127)
          return scales[scales.count == 1 ? 0 : entry / size] * multiple
        }
        let indices = (0..<330).map { _ in UInt8(Int.random(in: 0..<size, using: &numbers)) }
        try add(
          Parameter(
            "weights/books\(size)_\(axis)_\(scaleAxis)",
            .codebook(
              indices: PackedCodes(indices, bits: PackedCodes.bits(forSymbols: size)),
              centroids: CentroidTable(values, size: size, axis: axis), grid: grid),
            shape: Shape([3, 11, 10]), isMasked: scaleAxis == -2 && size != 256))
      }
    }
    return graph
  }

  /// A few small parameters, one of each form that a file knows.
  static func everyForm() throws -> Graph {
    var graph = Graph()
    var numbers = Numbers(state: 6)
    let grid = try WeightGrid(bits: 8, scales: [0.5], axis: nil)
    let table = (0..<4).map { 0.5 * Float($0 - 1) }
    let sparse = (0..<120).map { _ in UInt8(Int.random(in: 0..<12, using: &numbers) == 0 ? 3 : 1) }
    let dense = (0..<12).map { _ in UInt8.random(in: 0...3, using: &numbers) }
    func add(_ name: String, _ payload: Parameter.Payload, _ count: Int) throws {
      _ = try graph.add(
        parameter: Parameter(
          "layer/\(name)", payload, shape: Shape([2, count / 2]), isMasked: name == "zeros"),
        layer: "layer")
    }
    try add("noise", .dense(tensor([2, 5])), 10)
    try add("zeros", .dense(Tensor(zeros: Shape([2, 20]))), 40)
    for (name, codes) in [("sparse", sparse), ("dense", dense)] {
      // Twelve codes that use all of their eight bits leave nothing to gain by coding them.
      let codes8 =
        name == "dense" ? codes.map { _ in UInt8.random(in: 0...254, using: &numbers) } : codes
      try add(name, .integer(codes: PackedCodes(codes8, bits: 8), grid: grid), codes8.count)
      let columns = codes.count / 2
      let affine = try WeightGrid(
        bits: 2, scales: [Float](repeating: 0.5, count: 2 * columns),
        zeros: [Int](repeating: 1, count: 2 * columns), axis: 1, groupSize: 1)
      try add(
        "\(name)_groups", .integer(codes: PackedCodes(codes, bits: 2), grid: affine), codes.count)
      try add(
        "\(name)_book",
        .codebook(
          indices: PackedCodes(codes, bits: 2), centroids: CentroidTable(table), grid: grid),
        codes.count)
      for axis in [0, 1] {
        let channels = [2, codes.count / 2][axis]
        let scales = try WeightGrid(
          bits: 8, scales: (0..<channels).map { 0.5 + Float($0) }, axis: axis)
        let values = (0..<4 * channels).map { entry -> Float in
          let scale = 0.5 + Float(entry / 4)
          return scale * Float(entry % 4 - 1)
        }
        try add(
          "\(name)_books_\(axis)",
          .codebook(
            indices: PackedCodes(codes, bits: 2),
            centroids: CentroidTable(values, size: 4, axis: axis), grid: axis == 0 ? scales : nil),
          codes.count)
      }
    }
    return graph
  }

  /// The experiment's network: two convolutions and two dense layers on 28 x 28 images, pruned to
  /// about a tenth, sixteen shared values on an integer grid, with 8-bit activations.
  static func pruned() throws -> Graph {
    var graph = Graph()
    var numbers = Numbers(state: 9)
    let grid = try WeightGrid(bits: 8, scales: [0.01], axis: nil)
    func weights(_ layer: String, _ dimensions: [Int]) throws -> [Value] {
      let codes = (0..<dimensions.reduce(1, *)).map { _ -> UInt8 in
        Int.random(in: 0..<10, using: &numbers) > 0
          ? 7 : UInt8(max(0, min(15, 7 + Int((numbers.normal() * 3).rounded(.awayFromZero)))))
      }
      return [
        try graph.add(
          parameter: Parameter(
            "\(layer)/kernel",
            .codebook(
              indices: PackedCodes(codes, bits: 4),
              centroids: CentroidTable((0..<16).map { 0.01 * Float(8 * ($0 - 7)) }), grid: grid),
            shape: Shape(dimensions), isMasked: true), layer: layer),
        try graph.add(
          parameter: Parameter("\(layer)/bias", tensor([dimensions.last ?? 1])), layer: layer),
      ]
    }
    func quantized(_ value: Value, _ layer: String) throws -> Value {
      try graph.add(
        one: Quantize(ActivationGrid(scale: .random(in: 0.01...0.1, using: &numbers), zero: 0)),
        [value], layer: layer)
    }
    var x = try graph.add(one: Input(index: 0, type: .batched([28, 28, 1])), [], layer: "input")
    x = try quantized(x, "input")
    for (layer, pool, dimensions) in [
      ("conv2d", "max_pool2d", [3, 3, 1, 32]), ("conv2d_1", "max_pool2d_1", [3, 3, 32, 64]),
    ] {
      let operands = [x] + (try weights(layer, dimensions))
      x = try graph.add(
        one: Conv2D(Window2D("test", size: [3, 3], strides: [1, 1])), operands, layer: layer)
      x = try graph.add(one: Activation(.relu), [x], layer: layer)
      x = try quantized(x, layer)
      x = try graph.add(
        one: MaxPool2D(Window2D("test", size: [2, 2], strides: [2, 2])), [x], layer: pool)
    }
    x = try graph.add(one: Reshape([1600]), [x], layer: "flatten")
    for (layer, dimensions) in [("dense", [1600, 64]), ("dense_1", [64, 10])] {
      x = try graph.add(one: Dense(), [x] + weights(layer, dimensions), layer: layer)
      if layer == "dense" { x = try graph.add(one: Activation(.relu), [x], layer: layer) }
      x = try quantized(x, layer)
    }
    graph.outputs = [try graph.add(one: Softmax(), [x], layer: "dense_1")]
    return graph
  }

  /// Floats that are not zero.
  static func tensor(_ dimensions: [Int]) throws -> Tensor {
    var numbers = Numbers(state: UInt64(dimensions.count))
    let shape = try Shape(dimensions)
    return try Tensor((0..<shape.count).map { _ in numbers.normal() + 5 }, shape)
  }
}

/// Everything a graph consists of, as text, floats by their bits.
func listing(_ graph: Graph) throws -> String {
  func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
  var lines = graph.nodes.map { node in
    let attributes = node.operation.attributes.sorted { $0.key < $1.key }
    return "\(type(of: node.operation).name) \(attributes) \(node.inputs) \(node.layer)"
  }
  for parameter in graph.parameters {
    lines.append(
      "\(parameter.name) \(parameter.shape) \(parameter.isTrainable) \(parameter.isMasked)")
    switch parameter.payload {
    case .dense(let tensor): lines.append("\(bits(tensor.array()))")
    case .integer(let codes, let grid):
      lines.append("\(codes.bits) \(try codes.unpacked())")
      lines.append("\(grid.bits) \(bits(grid.scales)) \(String(describing: grid.axis))")
      lines.append("\(grid.zeros ?? []) \(grid.groupSize ?? 0)")
    case .codebook(let indices, let centroids, let grid):
      lines.append("\(indices.bits) \(try indices.unpacked()) \(bits(centroids.values))")
      lines.append("\(centroids.size) \(centroids.axis ?? -1) \(grid?.axis ?? -1)")
      lines.append("\(String(describing: grid?.bits)) \(bits(grid?.scales ?? []))")
    }
  }
  lines.append("\(graph.outputs)")
  return lines.joined(separator: "\n")
}

/// Reads bytes as a file.
func decode(_ bytes: [UInt8]) throws -> WaneFile {
  try bytes.withUnsafeBytes { try WaneFile(decoding: $0) }
}
