import WaneTensor

/// How an image is padded at its borders.
public enum Padding: String, CaseIterable, Sendable {
  /// Not at all: windows lie inside the image.
  case valid
  /// With zeros, so that with a stride of one the size stays; the odd one goes below and right.
  case same
  /// With zeros before the first element alone, so that a result sees no later element: the size is
  /// that of `same`. For sequences.
  case causal
}

/// A rectangular window sliding over an image, as convolution and pooling use it.
public struct Window2D: Hashable, Sendable {
  /// Height and width of the window.
  public var size: [Int]
  /// Steps down and to the right.
  public var strides: [Int]
  /// The distance between neighbouring elements of the window.
  public var dilation: [Int]
  /// The padding.
  public var padding: Padding

  /// Creates a window.
  ///
  /// - Throws: when an extent, stride or dilation is not in 1..65535.
  public init(
    _ operation: String, size: [Int], strides: [Int], dilation: [Int] = [1, 1],
    padding: Padding = .valid
  ) throws {
    for (what, pair) in [("size", size), ("strides", strides), ("dilation", dilation)] {
      guard pair.count == 2, pair.allSatisfy((1...65535).contains) else {
        throw WaneError(operation, "\(what) must be two numbers of at least 1, got \(pair)")
      }
    }
    guard dilation == [1, 1] || strides == [1, 1] else {
      throw WaneError(
        operation, "strides \(strides) and dilation \(dilation) cannot both be greater than 1")
    }
    self.size = size
    self.strides = strides
    self.dilation = dilation
    self.padding = padding
  }

  init(_ attributes: Attributes) throws {
    let text = try attributes.string("padding")
    guard let padding = Padding(rawValue: text) else {
      throw WaneError(attributes.operation, "there is no padding '\(text)'")
    }
    try self.init(
      attributes.operation, size: attributes.ints("size", count: 2),
      strides: attributes.ints("strides", count: 2),
      dilation: attributes.ints("dilation", count: 2), padding: padding)
  }

  var attributes: [String: Attribute] {
    [
      "size": .ints(size), "strides": .ints(strides), "dilation": .ints(dilation),
      "padding": .string(padding.rawValue),
    ]
  }

  /// Where the windows lie over one axis.
  public struct Extent: Sendable {
    /// How many there are.
    public let output: Int
    /// Zeros before the first element.
    public let before: Int
    /// Zeros after the last.
    public let after: Int
  }

  /// Where the windows lie over an axis (0 down, 1 to the right) of so many elements.
  public func extent(_ input: Int, axis: Int) -> Extent {
    let reach = (size[axis] - 1) * dilation[axis] + 1
    let stride = strides[axis]
    switch padding {
    case .valid:
      return Extent(output: input < reach ? 0 : (input - reach) / stride + 1, before: 0, after: 0)
    case .causal:
      return Extent(output: (input + stride - 1) / stride, before: reach - 1, after: 0)
    case .same:
      let output = (input + stride - 1) / stride
      let total = max(0, (output - 1) * stride + reach - input)
      return Extent(output: output, before: total / 2, after: total - total / 2)
    }
  }

  /// Height and width of the result for an image `[H, W, C]`.
  ///
  /// - Throws: when the image is not of three axes or smaller than the window.
  func output(_ operation: String, _ image: [Int]) throws -> [Int] {
    guard image.count == 3 else {
      throw WaneError(
        operation, "takes images [height, width, channels], got \(Shape.text(image))")
    }
    let output = [extent(image[0], axis: 0).output, extent(image[1], axis: 1).output]
    guard output.allSatisfy({ $0 > 0 }) else {
      throw WaneError(
        operation, "image \(Shape.text(image)) is smaller than the window \(Shape.text(size))")
    }
    return output
  }
}
