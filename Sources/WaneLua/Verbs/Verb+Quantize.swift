import WaneCompress

extension Verb {
  static let quantize = Verb(
    name: "quantize", summary: "Makes a model compute with integers, its weights in 1 to 8 bits.",
    ownOptions: [
      Option(
        "bits", "integer in 1..8, 'binary', 'ternary', 'auto', or table of layer = bits",
        default: "'auto'",
        "bits of a weight; 'binary' is 1, 'ternary' is 2, 'auto' is as few for each layer as "
          + "answers allow; with no samples to look at, as its weights allow"),
      Option(
        "activation_bits", "integer in 1..8 or 16", default: "8",
        "bits of an activation; images of bytes stay bytes"
      ).belonging(to: "mode", ["static", "dynamic"]),
      Option(
        "mode", oneOf: ["static", "dynamic", "weight_only"], default: "static",
        "static: integers, on grids that samples decide; dynamic: integers, on a grid that each "
          + "sample has for itself; weight_only: floats, with weights that are stored on their grid"
      ),
      Option(
        "symmetric", "boolean", default: "true",
        "whether grids of weights are balanced about zero; others have zero points"),
      Option(
        "per", oneOf: ["tensor", "channel", "group"], default: "channel",
        "the weights that share a scale: of a layer, of a filter, of a group of its inputs"),
      Option(
        "group_size", "integer", default: "32", "inputs that share a scale; implies per = 'group'"
      ).belonging(to: "per", ["group"], isImplied: true),
      Option(
        "calibration", "Dataset or Stream", default: "the first 512 samples of data",
        "samples that show the range of activations"),
      Option.observer.belonging(to: "mode", ["static"]),
      Option("percentile", "number in (50, 100]", default: "99.99", "what lies within the range")
        .belonging(to: "mode", ["static"]),
    ] + Option.refinement + Option.gridTraining + Option.selection,
    example: "int8, report = wane.quantize(model, { bits = 8, calibration = train:take(512) })"
  ) { options in
    if options.choosesBits { try options.mixedPrecision() } else { try options.quantization() }
  } knob: { _ in
    .bits
  } directPass: { options in
    guard options.choosesBits else {
      throw options.bad("bits", "bits is searched for when there is a target")
    }
    return try options.mixedPrecision(
      Goal(target: options.target(), maxDrop: options.maxDrop()))
  }
}

extension Options {
  /// Quantization to the bits that are asked for.
  func quantization() throws -> Quantization {
    var pass = try rounding()
    pass.refinement = try refinement()
    pass.grids = try gridTraining()
    pass.normalization = try normalization()
    return pass
  }

  private func rounding() throws -> Quantization {
    let observer = try self.observer()
    let weights = try WeightFormat(
      sharing: sharing(), isSymmetric: boolean("symmetric", default: true))
    let activations = try self.activations()
    guard case .table(let table) = value("bits") else {
      return try Quantization(
        bits: weightBits(), weights: weights, activations: activations, observer: observer,
        selection: selection())
    }
    let bits = try table.fields.sorted { $0.key < $1.key }.map { layers, value in
      guard let bits = Options.weightBits(value) else {
        throw bad("bits", "bits of '\(layers)' must be a whole number")
      }
      return (layers: layers, bits: bits)
    }
    return try Quantization(
      bits: bits, weights: weights, activations: activations, observer: observer,
      selection: selection())
  }
}

extension Options {
  /// Whether no bits are given, so that they are to be found for each layer.
  fileprivate var choosesBits: Bool {
    switch value("bits") {
    case nil, .string("auto"): true
    default: false
    }
  }

  /// The number of bits that a value stands for.
  fileprivate static func weightBits(_ value: LuaValue) -> Int? {
    switch value {
    case .integer(let bits): bits
    case .string("binary"): 1
    case .string("ternary"): 2
    default: nil
    }
  }

  /// The bits of weights of all layers.
  fileprivate func weightBits() throws -> Int {
    if case .string(let word) = value("bits") {
      guard let bits = Options.weightBits(.string(word)) else {
        throw bad("bits", "integer, 'binary' or 'ternary' expected, got '\(word)'")
      }
      return bits
    }
    return try integer("bits", default: 8)
  }

  fileprivate func sharing() throws -> WeightFormat.Sharing {
    switch try choice("per") ?? (has("group_size") ? "group" : "channel") {
    case "group": return .group(try integer("group_size", default: 32))
    case "tensor": return .tensor
    default: return .channel
    }
  }

  fileprivate func activations() throws -> ActivationFormat {
    let bits = try integer("activation_bits", default: 8)
    switch try choice("mode") {
    case "weight_only": return .floats
    case "dynamic": return .own(bits: bits)
    default: return .fixed(bits: bits)
    }
  }
}
