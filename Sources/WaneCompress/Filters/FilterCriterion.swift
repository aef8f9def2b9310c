/// How much a filter or unit matters.
public enum FilterCriterion: String, CaseIterable, Sendable {
  /// The sum of the magnitudes of its weights (Li et al., "Pruning filters for efficient ConvNets",
  /// 2017).
  case l1
  /// The Euclidean length of its weights.
  case l2
  /// The sum of its distances to the other filters of the layer: one near the middle of all can be
  /// replaced by them (He et al., "Filter pruning via geometric median", 2019).
  case geometricMedian = "geometric_median"
  /// The magnitude of its factor in the batch normalization behind it (Liu et al., "Learning efficient
  /// convolutional networks through network slimming", 2017).
  case batchNormScale = "bn_scale"
  /// What the loss changes, to first order, when it goes: the square of the sum of `w dL/dw` over its
  /// weights, averaged over batches (Molchanov et al., "Importance estimation for neural network
  /// pruning", 2019).
  case taylor
  /// The mean magnitude of what it hands to the next layer.
  case activation
  /// How often that is not zero, one less the average percentage of zeros (Hu et al., "Network
  /// trimming", 2016).
  case activity = "apoz"
  /// What the next layers' results lose on data when it goes (Luo et al., "ThiNet", 2017); the weights
  /// that are left are then fitted to what the layers gave before (He et al., "Channel pruning for
  /// accelerating very deep neural networks", 2017).
  case reconstruction
  /// Nothing: chance decides.
  case random

  /// The measure of weights, where that is what decides.
  var measure: KernelMeasure? {
    switch self {
    case .l1: .l1
    case .l2: .l2
    case .geometricMedian: .geometricMedian
    default: nil
    }
  }

  /// Whether samples are needed.
  var needsData: Bool {
    switch self {
    case .taylor, .activation, .activity, .reconstruction: true
    default: false
    }
  }

  /// Whether scores of different layers mean the same, so that they compete as they are.
  var isComparable: Bool { self == .taylor || self == .batchNormScale }
}

/// Among which filters the least important are looked for.
public enum FilterScope: String, CaseIterable, Sendable {
  /// Within each layer: all lose the same share.
  case layer
  /// Among those of all layers, whose scores are measured against their layer's mean.
  case global
}
