import WaneGraph

/// How a kernel is split into smaller ones in a row.
public enum Decomposition: String, CaseIterable, Sendable {
  /// Two: the window with fewer filters, then single places.
  case svd
  /// Two: a window one wide, then one as high as a single place (Jaderberg, Vedaldi and Zisserman,
  /// "Speeding up convolutional neural networks with low rank expansions", 2014).
  case spatial = "spatial_svd"
  /// Three: single places that reduce the channels, the window, single places that expand them (Kim et
  /// al., "Compression of deep convolutional neural networks for fast and low power mobile
  /// applications", 2016).
  case tucker
  /// For each layer the one that pays most.
  case auto

  /// What happens to a layer, in a few words.
  var action: String {
    switch self {
    case .svd, .auto: "split in two"
    case .spatial: "split into columns and rows"
    case .tucker: "split in three"
    }
  }
}

/// One way to split a kernel, and what it takes.
struct SplitWay {
  let form: Decomposition
  /// The rank; of inputs and outputs where there are two.
  let ranks: [Int]
  let weights: Int
  /// Multiply-accumulate operations for one sample.
  let work: Int
  /// The share of the sum of squares that is kept.
  let energy: Double

  /// Whether it takes less of both than a kernel does.
  func pays(for geometry: KernelGeometry) -> Bool {
    weights < geometry.weights && work < geometry.work
  }
}

/// One of the kernels that take the place of another.
struct SplitKernel {
  /// Where it reaches.
  enum Part {
    case point, window, column, row
  }

  /// Its layer's name behind the path of the layer that was split.
  let name: String
  let part: Part
  /// Of a convolution; a dense layer takes the last two.
  let shape: [Int]
  let values: [Float]

  /// The window of its convolution.
  func window(of whole: Window2D) throws -> Window2D {
    func only(_ axes: Set<Int>) throws -> Window2D {
      func pick(_ values: [Int]) -> [Int] { (0..<2).map { axes.contains($0) ? values[$0] : 1 } }
      return try Window2D(
        Conv2D.name, size: pick(whole.size), strides: pick(whole.strides),
        dilation: pick(whole.dilation), padding: axes.isEmpty ? .valid : whole.padding)
    }
    switch part {
    case .window: return whole
    case .point: return try only([])
    case .column: return try only([0])
    case .row: return try only([1])
    }
  }
}

/// A kernel that can be split at any rank.
protocol KernelDecomposition {
  /// The ways to split it, whether they pay or not.
  var ways: [SplitWay] { get }
  /// The kernels that take its place, and the share of the sum of squares they keep, at least that of
  /// the way.
  func kernels(_ way: SplitWay, poll: () throws -> Void) throws -> (
    kernels: [SplitKernel], energy: Double
  )
  /// The kernel that a way amounts to, in the shape of the original.
  func approximation(_ way: SplitWay) throws -> [Float]
}
