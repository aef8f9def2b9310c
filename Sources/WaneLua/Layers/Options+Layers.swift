import WaneGraph
import WaneNN
import WaneTensor

extension Options {
  /// A number for both axes, or one for each.
  func pair(_ name: String) throws -> [Int]? {
    guard let values = try integers(name) else { return nil }
    guard values.count == 1 || values.count == 2, values.allSatisfy({ $0 > 0 }) else {
      throw bad(name, "one or two positive whole numbers expected")
    }
    return values.count == 1 ? [values[0], values[0]] : values
  }

  /// A window over the one row that a sequence is.
  func rowWindow(_ size: String, default usual: Int? = nil, strides: Int? = nil) throws -> Window2D
  {
    func length(_ name: String) throws -> Int? {
      guard let value = try integer(name) else { return nil }
      guard value > 0 else { throw bad(name, "must be at least 1, got \(value)") }
      return value
    }
    let length = (
      size: try required(size, length(size) ?? usual), strides: try length("strides"),
      dilation: try length("dilation")
    )
    return try Window2D(
      functionName, size: [1, length.size], strides: [1, length.strides ?? strides ?? length.size],
      dilation: [1, length.dilation ?? 1], padding: padding())
  }

  /// Axes of a sample: from 0, of numbers that count the batch as 1, or from -1 backwards.
  func sampleAxes(_ name: String) throws -> [Int]? {
    try integers(name).map { axes in
      guard axes.allSatisfy({ (2...1024).contains($0) || (-1024 ... -1).contains($0) }) else {
        throw bad(name, "axes of a sample, from 2 or -1, expected, got \(axes)")
      }
      return axes.map { $0 < 0 ? $0 : $0 - 2 }
    }
  }

  /// An activation by its name.
  func activation(_ name: String) throws -> ActivationName? {
    try choice(name).flatMap(ActivationName.init(rawValue:))
  }

  /// How images are padded; not at all by default.
  func padding() throws -> Padding {
    try choice("padding").flatMap(Padding.init(rawValue:)) ?? .valid
  }

  /// A window of a given option for its size.
  func window(_ size: String, default usual: [Int]? = nil, strides: [Int]? = nil) throws -> Window2D
  {
    let size = try required(size, pair(size) ?? usual)
    return try Window2D(
      functionName, size: size, strides: pair("strides") ?? strides ?? size,
      dilation: pair("dilation") ?? [1, 1], padding: padding())
  }
}

extension Option {
  static let layerName = Option(
    "name", "string", default: "the kind", "what the layer is called in the model")

  static func activation(_ text: String = "applied to the result") -> Option {
    Option("activation", oneOf: ActivationName.allCases.map(\.rawValue), default: "linear", text)
  }

  static let padding = Option(
    "padding", oneOf: ["valid", "same"], default: "valid",
    "valid: windows lie inside; same: zeros around, so that with stride 1 the size stays")

  static func strides(default usual: String) -> Option {
    Option("strides", "integer or pair", default: usual, "steps between windows")
  }
}
