import Foundation
import Testing
import WaneGraph
import WaneNN
import WaneTensor

/// The values that Keras computes (see `Tests/Reference/README.md`).
struct FixtureFile: Decodable {
  let family: String
  let cases: [FixtureCase]

  /// Reads a family; a file that is missing or has no cases is an error, not a skipped test.
  static func cases(_ family: String) -> [FixtureCase] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let url = folder.appending(path: "Reference/fixtures/\(family).json")
    do {
      let file = try JSONDecoder().decode(FixtureFile.self, from: Data(contentsOf: url))
      if !file.cases.isEmpty { return file.cases }
      return [FixtureCase(failure: "\(url.path): no cases")]
    } catch {
      return [FixtureCase(failure: "\(url.path): \(error)")]
    }
  }
}

/// One case of any family; what a family does not have is nil.
struct FixtureCase: Decodable, Sendable, CustomTestStringConvertible {
  /// One layer of a network.
  struct Node: Decodable, Sendable {
    let name: String
    let layer: String
    let options: FixtureOptions
    let inputs: [String]
  }

  let name: String
  var failure: String?
  var layer: String?
  var options: FixtureOptions?
  var training: Bool?
  /// For each input, whether it goes through a masking layer.
  var masked: [Bool]?
  var inputs: [FixtureTensor]?
  var parameters: [String: FixtureTensor]?
  var output: FixtureTensor?
  var output_gradient: FixtureTensor?
  var input_gradients: [FixtureTensor]?
  var parameter_gradients: [String: FixtureTensor]?
  var state_after: [String: FixtureTensor]?
  // Losses and metrics.
  var loss: String?
  var metric: String?
  var prediction: FixtureTensor?
  var target: FixtureTensor?
  var labels: FixtureTensor?
  var value: Double?
  var value_only: Bool?
  var prediction_gradient: FixtureTensor?
  var logits: FixtureTensor?
  var logits_gradient: FixtureTensor?
  // Optimizers.
  var optimizer: String?
  var initial: FixtureTensor?
  var trajectory: [FixtureTensor]?
  // Networks.
  var nodes: [Node]?
  var output_node: String?
  var optimizer_options: FixtureOptions?
  var input: FixtureTensor?
  var initial_parameters: [String: FixtureTensor]?
  var output_training: FixtureTensor?
  var losses: [Double]?
  var final_parameters: [String: FixtureTensor]?
  var final_output: FixtureTensor?
  var gradients: FixtureGradients?
  // Networks with several inputs and outputs, by name.
  var columns: [String: FixtureTensor]?
  var targets: [String: FixtureTensor]?
  var loss_weights: [String: Double]?
  var sample_weight: FixtureTensor?
  var reports: [[String: Double]]?
  // Networks whose numbers come from a formula.
  var batch: Int?
  var classes: Int?
  var input_name: String?
  var learning_rate: Double?
  var output_check: [Double]?
  var gradient_checks: [String: [Double]]?

  init(failure: String) {
    name = "missing"
    self.failure = failure
  }

  var testDescription: String { name }
}

/// A list of gradients (optimizers) or gradients by parameter (networks).
enum FixtureGradients: Decodable, Sendable {
  case list([FixtureTensor])
  case named([String: FixtureTensor])

  init(from decoder: any Decoder) throws {
    if let list = try? [FixtureTensor](from: decoder) {
      self = .list(list)
    } else {
      self = .named(try [String: FixtureTensor](from: decoder))
    }
  }
}

/// A tensor of a fixture.
struct FixtureTensor: Decodable, Sendable {
  let shape: [Int]
  let data: [Double]

  func tensor() throws -> Tensor { try Tensor(data.map { Float($0) }, Shape(shape)) }
  /// Whole numbers.
  func classes() throws -> Tensor { try Tensor(data.map { Int32($0) }, Shape(shape)) }
}

/// The options of a layer, loss or optimizer, by their Lua names.
struct FixtureOptions: Decodable, Sendable {
  var filters: Int?
  var kernel_size: [Int]?
  var pool_size: [Int]?
  var strides: [Int]?
  var dilation: [Int]?
  var groups: Int?
  var padding: FixturePadding?
  var activation: String?
  var use_bias: Bool?
  var units: Int?
  var momentum: Double?
  var epsilon: Double?
  var rate: Double?
  var shape: [Int]?
  var target: String?
  var from_logits: Bool?
  var temperature: Double?
  var scaled: Bool?
  var alpha: Double?
  var learning_rate: Double?
  var nesterov: Bool?
  var beta1: Double?
  var beta2: Double?
  var amsgrad: Bool?
  var weight_decay: Double?
  var decay_vectors: Bool?
  var rho: Double?
  var centered: Bool?
  var initial_accumulator_value: Double?
  var clipvalue: Double?
  var clipnorm: Double?
  var global_clipnorm: Double?
  var use_ema: Bool?
  var ema_momentum: Double?
  var ema_overwrite_frequency: Int?
  var input_dim: Int?
  var output_dim: Int?
  var layer: String?
  var return_sequences: Bool?
  var go_backwards: Bool?
  var unit_forget_bias: Bool?
  var return_state: Bool?
  var recurrent_activation: String?
  var reset_after: Bool?
  var zero_output_for_mask: Bool?
  var merge_mode: String?
  var num_heads: Int?
  var key_dim: Int?
  var value_dim: Int?
  var dropout: Double?
  var use_causal_mask: Bool?
  var dtype: String?
  var depth_multiplier: Int?
  var size: [Int]?
  var interpolation: String?
  var keep_dims: Bool?
  var negative_slope: Double?
  var shared_axes: [Int]?
  var approximate: Bool?
  var scale: Bool?
  var center: Bool?
  var stddev: Double?
  var axis: FixtureAxes?
  var order: [Int]?
  var cropping: [[Int]]?

  /// The activation, which every layer that has one names.
  func activationName() throws -> ActivationName {
    let name = try #require(activation)
    return try #require(ActivationName(rawValue: name))
  }

  /// The layer of that kind.
  func layer(_ kind: String, name: String) throws -> any Layer {
    func window(_ size: [Int]?) throws -> Window2D { try self.window(kind, size) }
    switch kind {
    case "input":
      return try InputLayer(#require(shape), dtype: dtype.flatMap(DType.init) ?? .f32, name: name)
    case "embedding":
      return try EmbeddingLayer(
        inputs: #require(input_dim), outputs: #require(output_dim), name: name)
    case "bidirectional":
      return try BidirectionalLayer(
        recurrentLayer(#require(layer), name: "half"),
        mergeMode: #require(merge_mode.flatMap(MergeMode.init)), name: name)
    case "multi_head_attention":
      return try MultiHeadAttentionLayer(
        heads: #require(num_heads), keySize: #require(key_dim), valueSize: value_dim,
        outputs: output_dim, isCausal: #require(use_causal_mask as Bool?),
        dropout: Float(#require(dropout)), usesBias: #require(use_bias as Bool?), name: name)
    case "simple_rnn", "lstm", "gru": return try recurrentLayer(kind, name: name)
    case "conv2d":
      return try Conv2DLayer(
        filters: #require(filters), window: window(kernel_size), groups: #require(groups),
        activation: activationName(),
        usesBias: #require(use_bias as Bool?), name: name)
    case "dense":
      return try DenseLayer(
        units: #require(units), activation: activationName(),
        usesBias: #require(use_bias as Bool?), name: name)
    case "max_pool2d": return try MaxPool2DLayer(window(pool_size), name: name)
    case "avg_pool2d": return try AveragePool2DLayer(window(pool_size), name: name)
    case "activation":
      return try ActivationLayer(activationName(), name: name)
    case "batch_norm":
      return try BatchNormLayer(
        momentum: Float(#require(momentum)), epsilon: Float(#require(epsilon)), name: name)
    case "dropout": return try DropoutLayer(rate: Float(#require(rate)), name: name)
    case "flatten": return FlattenLayer(name: name)
    case "add": return AddLayer(name: name)
    default: return try feedForwardLayer(kind, name: name)
    }
  }

  private func recurrentLayer(_ kind: String, name: String) throws -> any RecurrentLayer {
    var options = RecurrentOptions(
      units: try #require(units), returnsSequences: try #require(return_sequences as Bool?),
      goesBackwards: try #require(go_backwards as Bool?), usesBias: try #require(use_bias as Bool?))
    options.returnsState = try #require(return_state as Bool?)
    options.zeroesMasked = try #require(zero_output_for_mask as Bool?)
    let activation = try #require(activation.flatMap(RecurrentActivation.init))
    guard kind != "simple_rnn" else {
      return try SimpleRNNLayer(options, activation: activation, name: name)
    }
    let gates = try #require(recurrent_activation.flatMap(RecurrentActivation.init))
    if kind == "gru" {
      return try GRULayer(
        options, activation: activation, gateActivation: gates,
        resetsAfter: #require(reset_after as Bool?), name: name)
    }
    return try LSTMLayer(
      options, activation: activation, gateActivation: gates,
      usesUnitForgetBias: #require(unit_forget_bias as Bool?), name: name)
  }

  /// A window of two axes, or of the second alone for sequences.
  func window(_ kind: String, _ size: [Int]?) throws -> Window2D {
    func pair(_ extents: [Int]?) throws -> [Int] {
      let extents = try #require(extents)
      return extents.count == 1 ? [1] + extents : extents
    }
    return try Window2D(
      kind, size: pair(size), strides: pair(strides), dilation: pair(dilation ?? [1, 1]),
      padding: #require(padding?.name.flatMap(Padding.init)))
  }
}

/// One axis or several.
struct FixtureAxes: Decodable, Sendable {
  let all: [Int]

  init(from decoder: any Decoder) throws {
    if let one = try? Int(from: decoder) { all = [one] } else { all = try [Int](from: decoder) }
  }

  /// The axes of a sample, from 0, or from -1 backwards; Lua counts the batch as 1.
  var ofSample: [Int] { all.map { $0 < 0 ? $0 : $0 - 2 } }
}

/// A way of padding by its name, or the widths of borders.
enum FixturePadding: Decodable, Sendable {
  case named(String)
  case widths([[Int]])

  init(from decoder: any Decoder) throws {
    if let name = try? String(from: decoder) {
      self = .named(name)
    } else {
      self = .widths(try [[Int]](from: decoder))
    }
  }

  var name: String? { if case .named(let name) = self { name } else { nil } }
  var widths: [[Int]]? { if case .widths(let widths) = self { widths } else { nil } }
}

/// Expects a tensor to agree with Keras within `tolerance`, relative to magnitudes above 1.
func expectClose(
  _ actual: Tensor?, _ expected: FixtureTensor?, within tolerance: Double = 1e-5, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let actual = try #require(actual, "\(what)", sourceLocation: sourceLocation)
  let expected = try #require(expected, "\(what)", sourceLocation: sourceLocation)
  #expect(actual.shape.dimensions == expected.shape, "\(what)", sourceLocation: sourceLocation)
  for (index, (a, b)) in zip(actual.array(Float.self), expected.data).enumerated() {
    let distance = abs(Double(a) - b) / max(1, abs(b))
    if !(distance <= tolerance) {
      Issue.record(
        "\(what): element \(index) is \(a) instead of \(b)", sourceLocation: sourceLocation)
      return
    }
  }
}
