import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

/// The four networks of MLPerf Tiny against Keras: inference, the loss of two steps, and the gradient of
/// every parameter.
///
/// Weights and images come from a formula (`Tests/Reference/reference/mlperf_tiny.py`), and the
/// fixture has of each tensor its length and its product with further such numbers.
@Suite struct KerasNetworkTests {
  @Test(arguments: FixtureFile.cases("mlperf_tiny"), [1, 2])
  func agree(_ item: FixtureCase, _ workers: Int) throws {
    if let failure = item.failure { throw WaneError("fixture", failure) }
    var symbols: [String: SymbolicValue] = [:]
    for node in try #require(item.nodes) {
      symbols[node.name] = try SymbolicValue(
        node.options.layer(node.layer, name: node.name),
        node.inputs.map { try #require(symbols[$0]) }, identity: LayerIdentity())
    }
    let input = try #require(symbols["input"])
    var model = try ModelBuilder.functional(
      inputs: [input], outputs: [#require(item.output_node.flatMap { symbols[$0] })])
    for parameter in model.parameters {
      let value = try Self.initial(parameter.name, parameter.shape)
      try model.set(parameter.replacing(.dense(value)))
    }

    let batch = try #require(item.batch)
    let classes = try #require(item.classes)
    let extents = model.type(of: model.inputs[0]).dimensions
    let images = try Tensor(
      Self.formula(#require(item.input_name), batch * extents.reduce(1, *)),
      Shape([batch] + extents))
    let labels =
      classes > 0
      ? try Tensor((0..<batch).map { Int32($0 * 7 % classes) }) : images
    let pool = try WorkerPool(count: workers)
    let output = try InferenceSession(model, pool: pool).run([images])[0]
    try Self.expect(output, item.output_check, within: 1e-4, "output")

    let options = TrainingOptions(
      loss: classes > 0 ? .crossEntropy : .meanSquaredError,
      optimizer: .sgd(learningRate: Float(try #require(item.learning_rate))),
      batchSize: batch, shuffles: false)
    let run = try TrainingRun(
      model, data: Dataset(inputs: images, labels: labels), options: options, epochs: 2, pool: pool)
    for (index, expected) in try #require(item.losses).enumerated() {
      let loss = try run.runStep().loss
      #expect(
        abs(loss - expected) <= 1e-3 * max(1, expected),
        "step \(index + 1): \(loss), not \(expected)"
      )
      guard index == 0 else { continue }
      for (name, check) in try #require(item.gradient_checks) {
        try Self.expect(run.gradient(name), check, within: 2e-3, name)
      }
    }
  }

  /// Length and product agree, relative to the length.
  private static func expect(
    _ tensor: Tensor?, _ check: [Double]?, within tolerance: Double, _ name: String
  ) throws {
    let tensor = try #require(tensor, "\(name)")
    let check = try #require(check, "\(name)")
    let values = tensor.array(Float.self).map(Double.init)
    let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    let product = zip(values, formula("\(name)#check", values.count)).reduce(0) {
      $0 + $1.0 * Double($1.1)
    }
    let bound = tolerance * check[0] + 1e-7
    #expect(
      abs(length - check[0]) <= bound && abs(product - check[1]) <= bound,
      "\(name): \(length), \(product) instead of \(check)")
  }

  /// The formula of the reference script.
  private static func formula(_ name: String, _ count: Int, _ low: Double = -1, _ high: Double = 1)
    -> [Float]
  {
    let seed = name.utf8.reduce(UInt32(0x811c_9dc5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    return (0..<count).map { index in
      var h = UInt32(truncatingIfNeeded: index) &* 0x9e37_79b9 &+ seed
      h ^= h >> 16
      h = h &* 0x85eb_ca6b
      h ^= h >> 13
      h = h &* 0xc2b2_ae35
      h ^= h >> 16
      return Float(low + Double(h) / 4_294_967_296 * (high - low))
    }
  }

  private static func initial(_ name: String, _ shape: Shape) throws -> Tensor {
    let leaf = name.split(separator: "/").last ?? ""
    switch leaf {
    case "gamma", "moving_variance":
      return try Tensor(formula(name, shape.count, 0.5, 1.5), shape)
    case "kernel":
      let bound = (6 / Double(shape.dimensions.dropLast().reduce(1, *))).squareRoot()
      return try Tensor(formula(name, shape.count, -bound, bound), shape)
    default: return try Tensor(formula(name, shape.count, -0.1, 0.1), shape)
    }
  }
}
