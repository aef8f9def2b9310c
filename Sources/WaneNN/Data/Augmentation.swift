import CKernels
import WaneTensor

/// Random changes of samples while they are fed to training, never while a model is evaluated.
///
/// What happens to a sample is decided by the seed, the epoch and the sample's position in its data
/// set, so it does not depend on the number of threads, and a run that is resumed goes on the same.
public struct Augmentation: Equatable, Sendable {
  /// Which way images may be mirrored, each with probability one half.
  public enum Flip: String, CaseIterable, Sendable {
    /// Left and right.
    case horizontal
    /// Top and bottom.
    case vertical
    /// Both, independently.
    case both
  }

  /// What stands where an image was moved away.
  public enum Fill: String, CaseIterable, Sendable {
    /// Zeros.
    case constant
    /// The nearest pixel of the image.
    case nearest
    /// The image mirrored at its edge, as in Keras.
    case reflect
  }

  /// Which way images may be mirrored; nil for none.
  public var flip: Flip?
  /// How far images move at most, as fractions of height and width; whole pixels.
  public var shift: (height: Double, width: Double) = (0, 0)
  /// How far images turn at most, in degrees, either way.
  public var rotate = 0.0
  /// How much images are magnified.
  public var zoom = 1.0...1.0
  /// The side of a square that is set to zero, as a fraction of the smaller extent (DeVries and
  /// Taylor, 2017).
  public var cutout = 0.0
  /// The alpha of mixup's Beta distribution (Zhang, Cisse, Dauphin and Lopez-Paz, 2018); 0 for none.
  public var mixup = 0.0
  /// The standard deviation of added normal noise, in units in which bytes are 0...1.
  public var noise = 0.0
  /// What stands where an image was moved away.
  public var fill = Fill.reflect
  /// Decides the draws, together with the seed of the run.
  public var seed: UInt64 = 0

  /// Creates an augmentation that changes nothing yet.
  public init() {}

  /// Whether two augmentations are the same.
  public static func == (a: Augmentation, b: Augmentation) -> Bool {
    a.flip == b.flip && a.shift == b.shift && a.rotate == b.rotate && a.zoom == b.zoom
      && a.cutout == b.cutout && a.mixup == b.mixup && a.noise == b.noise && a.fill == b.fill
      && a.seed == b.seed
  }

  /// Whether pixels change their place or are cut out, which only images have.
  var warps: Bool {
    flip != nil || shift.height != 0 || shift.width != 0 || rotate != 0 || zoom != 1...1
      || cutout != 0
  }

  /// The augmentation itself, when every number makes sense.
  ///
  /// - Throws: when a number is out of range.
  public func validated() throws -> Augmentation {
    func check(_ name: String, _ value: Double, _ range: ClosedRange<Double>) throws {
      guard range.contains(value) else {
        throw WaneError(
          "augment",
          "\(name) must be in [\(Scalar.real(range.lowerBound)), \(Scalar.real(range.upperBound))], "
            + "got \(Scalar.real(value))")
      }
    }
    try check("shift", shift.height, 0...1)
    try check("shift", shift.width, 0...1)
    try check("rotate", rotate, 0...180)
    try check("zoom", zoom.lowerBound, 0.01...100)
    try check("zoom", zoom.upperBound, 0.01...100)
    try check("cutout", cutout, 0...1)
    try check("mixup", mixup, 0...100)
    try check("noise", noise, 0...100)
    return self
  }

  /// What a run and this augmentation decide all draws by.
  func key(_ draw: FeedDraw) -> UInt64 {
    // Two seeds, one key: Philox scatters any bijection of them.
    draw.seed &+ seed &* 0x9E37_79B9_7F4A_7C15
  }

  /// What a sample is mixed with: another of `count`, and the share of the sample itself.
  func mix(_ position: Int32, of count: Int, _ draw: FeedDraw) -> (partner: Int32, weight: Float) {
    var (options, partner, weight) = (options, Int32(0), Float(1))
    wane_augment_draw_mix(
      &options, key(draw), draw.epoch, UInt64(position), Int32(clamping: count), &partner, &weight)
    return (partner, weight)
  }

  /// The numbers for the kernels.
  var options: wane_augmentation {
    wane_augmentation(
      flip_horizontal: flip == .horizontal || flip == .both ? 1 : 0,
      flip_vertical: flip == .vertical || flip == .both ? 1 : 0,
      shift_height: Float(shift.height), shift_width: Float(shift.width), rotate: Float(rotate),
      zoom_low: Float(zoom.lowerBound), zoom_high: Float(zoom.upperBound), cutout: Float(cutout),
      noise: Float(noise), mixup: Float(mixup),
      fill: {
        switch fill {
        case .constant: Int32(WANE_FILL_ZERO)
        case .nearest: Int32(WANE_FILL_NEAREST)
        case .reflect: Int32(WANE_FILL_REFLECT)
        }
      }())
  }
}
