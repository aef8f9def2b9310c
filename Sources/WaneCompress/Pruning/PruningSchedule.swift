import WaneGraph

/// When weights are taken away.
public enum PruningSchedule: Sendable {
  /// All at once, before fine-tuning.
  case constant
  /// Little by little while training, many early and few late (Zhu and Gupta, "To prune, or not to
  /// prune", 2017).
  case cubic
  /// In rounds of pruning and training, each taking the same share of what is left (Han et al., 2015);
  /// with rewinding, what is left returns to early values before it is trained (Frankle and Carbin,
  /// "The lottery ticket hypothesis", 2019; Frankle et al., "Linear mode connectivity and the lottery
  /// ticket hypothesis", 2020).
  case iterative(rounds: Int, rewind: Rewind)
  /// At once, and then some weights are exchanged for others every few steps: the smallest go, and those
  /// come whose gradients are largest (Evci et al., "Rigging the lottery", 2020).
  ///
  /// - fraction: the share of the weights that is exchanged at first; it falls to nothing.
  /// - interval: steps between exchanges; chosen by the length of the run when nil.
  case rigl(fraction: Double, interval: Int?)

  /// What weights return to before each round.
  public enum Rewind: Sendable {
    /// Nothing: training goes on.
    case none
    /// To what they were after some epochs of a first training of the model, together with what the
    /// optimizer remembered and its step size; 0 for the start.
    case epochs(Double)
    /// To those of a model of the same form.
    case model(Graph)

    /// The name for reports.
    var description: String {
      switch self {
      case .none: "none"
      case .epochs(let epochs): epochs == 0 ? "start" : "\(epochs) epochs"
      case .model: "initial"
      }
    }
  }

  /// The name for scripts.
  public var name: String {
    switch self {
    case .constant: "constant"
    case .cubic: "cubic"
    case .iterative: "iterative"
    case .rigl: "rigl"
    }
  }

  /// The options as they stand in a report, besides the name.
  var reported: [(name: String, value: ReportValue)] {
    switch self {
    case .constant, .cubic: []
    case .iterative(let rounds, let rewind):
      [("rounds", .number(Double(rounds))), ("rewind", .text(rewind.description))]
    case .rigl(let fraction, let interval):
      [("fraction", .number(fraction))]
        + (interval.map { [("interval", .number(Double($0)))] } ?? [])
    }
  }
}
