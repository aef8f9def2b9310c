/// What a weight is worth.
///
/// With w the weight, g the derivative of the loss with respect to it, x what it is multiplied by, and
/// E the mean over samples.
public enum PruningCriterion: String, CaseIterable, Sendable {
  /// `|w|` (Han et al., "Learning both weights and connections", 2015).
  case magnitude
  /// `w^2` over the sum of the squares of all weights of its layer that are not smaller, which compares
  /// layers by what each would have left (Lee et al., "Layer-adaptive sparsity for the magnitude-based
  /// pruning", 2021). Within a layer it is the order of magnitudes.
  case lamp
  /// What the loss changes, to first order, when it is taken away: `|w g|`, added up over batches
  /// (Molchanov et al., "Importance estimation for neural network pruning", 2019).
  case taylor
  /// What the loss changes to second order: `w^2 E[g^2] / 2`, the Hessian's diagonal estimated by that
  /// of the Fisher information (LeCun et al., "Optimal brain damage", 1990; Theis et al., "Faster gaze
  /// prediction with dense networks and Fisher pruning", 2018).
  case fisher
  /// The share of the layer's output that is lost: `w^2 E[x^2]` over the layer's `E[y^2]` (Dong et al.,
  /// "Learning to prune deep neural networks via layer-wise optimal brain surgeon", 2017, without
  /// correlations between inputs).
  case error
  /// `|w|` times the root of `E[x^2]` (Sun et al., "A simple and effective pruning approach for large
  /// language models", 2023).
  case activation
  /// Whether training moves it away from zero: `-w g`, added up over the steps of a run (Sanh et al.,
  /// "Movement pruning", 2020).
  case movement
  /// The scale of the batch normalization that follows, for columns (Liu et al., "Learning efficient
  /// convolutional networks through network slimming", 2017); for single weights the magnitude times
  /// that scale.
  case normScale = "bn_scale"
  /// Any number, decided by the seed: what other criteria have to beat.
  case random

  /// What the worth of several weights together is.
  var aggregation: Aggregation {
    switch self {
    case .taylor, .fisher, .error, .movement: .sum
    case .magnitude, .activation, .normScale: .mean
    case .lamp: .norm
    case .random: .first
    }
  }

  /// How the worth of a unit follows from that of its weights.
  enum Aggregation: Sendable {
    /// Changes add up.
    case sum
    /// Sizes are compared between units of any number of weights.
    case mean
    /// The root of the sum of squares.
    case norm
    /// Any of them will do.
    case first
  }

  /// How it is found from gradients, when it is.
  var gradientStatistic: GradientStatistics.Kind? {
    switch self {
    case .taylor: .firstOrder
    case .fisher: .secondOrder
    case .movement: .movement
    case .magnitude, .lamp, .error, .activation, .normScale, .random: nil
    }
  }

  /// Whether it starts from the sizes of the weights alone.
  var isOfMagnitudes: Bool { self == .magnitude || self == .lamp }

  /// Whether samples are looked at.
  var needsData: Bool {
    switch self {
    case .magnitude, .lamp, .normScale, .random: false
    case .taylor, .fisher, .error, .activation, .movement: true
    }
  }
}
