/// What a weight is worth.
public enum PruningCriterion: String, CaseIterable, Sendable {
  /// Its magnitude (Han et al., "Learning both weights and connections", 2015).
  case magnitude
  /// What the loss changes, to first order, when it is taken away: `|w dL/dw|`, added up over batches
  /// (Molchanov et al., "Importance estimation for neural network pruning", 2019).
  case taylor
}

/// Among which weights the least worthy are looked for.
public enum PruningScope: String, CaseIterable, Sendable {
  /// Among those of all selected layers: layers that need their weights keep more of them.
  case global
  /// Within each layer: all become equally sparse.
  case layer
}

/// When weights are taken away.
public enum PruningSchedule: String, CaseIterable, Sendable {
  /// All at once, before fine-tuning.
  case constant
  /// Little by little while training, many early and few late (Zhu and Gupta, "To prune, or not to
  /// prune", 2017).
  case cubic
}
