import WaneGraph
import WaneTensor

/// What the grids of weights look like.
public struct WeightFormat: Sendable, Equatable {
  /// Which weights share a scale.
  public enum Sharing: Sendable, Equatable {
    /// All of a layer.
    case tensor
    /// Those of a filter or unit.
    case channel
    /// Those of a filter or unit that read as many neighbouring inputs.
    case group(Int)

    /// The word of the option.
    public var name: String {
      switch self {
      case .tensor: "tensor"
      case .channel: "channel"
      case .group: "group"
      }
    }
  }

  /// Which weights share a scale.
  public let sharing: Sharing
  /// Whether grids are balanced about zero; others have a zero point beside each scale.
  public let isSymmetric: Bool

  /// What is used when nothing is said.
  public static let usual = WeightFormat(unchecked: .channel, isSymmetric: true)

  /// Creates a format.
  ///
  /// - Throws: when the size of groups is not positive.
  public init(sharing: Sharing = .channel, isSymmetric: Bool = true) throws {
    if case .group(let size) = sharing, size < 1 {
      throw WaneError(Quantization.verb, "group_size must be at least 1, got \(size)")
    }
    self.init(unchecked: sharing, isSymmetric: isSymmetric)
  }

  private init(unchecked sharing: Sharing, isSymmetric: Bool) {
    self.sharing = sharing
    self.isSymmetric = isSymmetric
  }
}

/// How activations are treated.
public enum ActivationFormat: Sendable, Equatable {
  /// Rounded to grids that samples decide, with so many bits, so that layers run on integers.
  case fixed(bits: Int)
  /// Rounded to a grid of so many bits that each sample has for itself, over the range of its values;
  /// no samples are needed beforehand.
  case own(bits: Int)
  /// Left as they are: weights are stored on their grid, and become floats when the model runs.
  case floats

  /// What is used when nothing is said.
  public static let usual = ActivationFormat.fixed(bits: 8)

  /// The word of the option `mode`.
  public var mode: String {
    switch self {
    case .fixed: "static"
    case .own: "dynamic"
    case .floats: "weight_only"
    }
  }

  /// Bits of an activation; nil when they are floats.
  public var bits: Int? {
    switch self {
    case .fixed(let bits), .own(let bits): bits
    case .floats: nil
    }
  }

  func check() throws {
    guard let bits, !(1...8).contains(bits), bits != 16 else { return }
    throw WaneError(Quantization.verb, "activation_bits must be in 1..8 or 16, got \(bits)")
  }
}
