import WaneCompress
import WaneFormats
import WaneGraph
import WaneTensor

extension RangeObserverKind {
  /// The observers by name, with their options.
  static let forms: [NamedForm<RangeObserverKind>] = [
    NamedForm("percentile", [percentage]) { options in
      .percentile(try options.number("percentile", default: 99.99))
    },
    NamedForm("min_max") { _ in .minMax },
    NamedForm(
      "moving_average",
      [
        Option(
          "momentum", "number in [0, 1)", default: "0.9", "the weight of the batches before")
      ]
    ) { options in .movingAverage(momentum: try options.number("momentum", default: 0.9)) },
    NamedForm("kl") { _ in .kl },
    NamedForm("mse") { _ in .mse },
  ]

  private static let percentage = Option(
    "percentile", "number in (50, 100]", default: "99.99", "what lies within the range")
}

extension Option {
  static let observer = Option(
    "observer", "name or { name, options }", default: "percentile",
    "how ranges of activations are told: " + NamedForm.summary(of: RangeObserverKind.forms))

  /// What quantization does besides rounding to the nearest.
  static let refinement: [Option] = [
    Option(
      "equalize", "boolean", default: "false",
      "whether channels between layers get like ranges first (Nagel et al., 2019)"),
    Option(
      "rounding", oneOf: QuantizationRefinement.Rounding.allCases.map(\.rawValue),
      default: "nearest",
      "adaptive: up or down so that what a layer gives stays (Nagel et al., 2020); without training"
    ),
    Option(
      "bias_correction", "boolean", default: "false",
      "whether biases take the mean error of rounding back (Nagel et al., 2019)"),
  ]

  /// What of grids quantization trains.
  static let gridTraining: [Option] = [
    Option(
      "range", oneOf: GridTraining.Ranges.allCases.map(\.rawValue), default: "fixed",
      "how training moves ranges of activations: lsq: as learned step sizes (Esser et al., 2020); "
        + "pact: by what lies beyond them (Choi et al., 2018)"
    ).belonging(to: "mode", ["static"]),
    Option(
      "learn_scales", "boolean", default: "true",
      "whether training moves the scales of weights (Esser et al., 2020)"),
    Option(
      "batch_norm", oneOf: Quantization.Normalization.allCases.map(\.rawValue),
      default: "fold_first",
      "fold_first: into weights before they are rounded; fold_late: after three quarters of training, in "
        + "which it follows the batches (Jacob et al., 2018; Krishnamoorthi, 2018)"),
  ]
}

extension Options {
  /// How ranges of activations are told.
  ///
  /// - Throws: when there is no such observer, or a percentile is given to another one.
  func observer() throws -> RangeObserverKind {
    guard has("percentile") else {
      return try form("observer", of: RangeObserverKind.forms) ?? .usual
    }
    let percentile = RangeObserverKind.percentile(try number("percentile", default: 99.99))
    guard has("observer") else { return percentile }
    guard case .string("percentile")? = value("observer") else {
      throw bad("percentile", "only the observer 'percentile' has it")
    }
    return percentile
  }

  /// What is done besides rounding to the nearest.
  func refinement() throws -> QuantizationRefinement {
    QuantizationRefinement(
      equalizes: try boolean("equalize", default: false),
      rounding: try choice("rounding").flatMap(QuantizationRefinement.Rounding.init(rawValue:))
        ?? .nearest,
      correctsBias: try boolean("bias_correction", default: false))
  }

  /// What of grids is trained.
  func gridTraining() throws -> GridTraining {
    GridTraining(
      ranges: try choice("range").flatMap(GridTraining.Ranges.init(rawValue:)) ?? .fixed,
      learnsScales: try boolean("learn_scales", default: true))
  }

  /// When batch normalizations become part of the weights.
  func normalization() throws -> Quantization.Normalization {
    try choice("batch_norm").flatMap(Quantization.Normalization.init(rawValue:)) ?? .foldedFirst
  }

  /// Quantization with bits chosen for each layer.
  ///
  /// - Parameter goal: what the model may take and lose; none for `bits = "auto"`.
  /// - Returns: the pass.
  /// - Throws: when an option does not fit.
  func mixedPrecision(_ goal: Goal? = nil) throws -> MixedPrecision {
    MixedPrecision(
      try setting("bits", nil).quantization(), goal: goal, trialEpochs: try number("trial_epochs"),
      fileBytes: { try WaneFile.size(of: $0) })
  }
}
