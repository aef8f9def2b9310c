import WaneCompress
import WaneGraph
import WaneNN

extension Verb {
  static let distill = Verb(
    name: "distill",
    summary: "Trains a model to answer like a teacher (Hinton et al., 2015), or like its peers.",
    ownOptions: [
      Option(
        "transfer", oneOf: ParameterTransfer.allCases.map(\.rawValue), default: "none",
        "what of the teacher's parameters the student starts with. slice: its longest filters; average: "
          + "means of groups of its filters; match: the filters most like the student's own; layers: "
          + "whole layers of the same shape"),
      Option(
        "generations", "integer in 1..100", default: "1",
        "how often the student starts anew, with the one before as its teacher"),
      Option(
        "hint_epochs", "number", default: "0",
        "epochs, before all others, in which only features, attention and relations count"
      ).belonging(toAnyOf: ["features", "attention", "relations"]),
      Option(
        "peers", "Model or list of them", default: "none",
        "models that learn beside the student, all from each other; report.peers has them trained"),
    ],
    example:
      "student, report = wane.distill(small, { teacher = model, data = train, temperature = 4, epochs = 8 })"
  ) { options in
    if !options.has("peers") { _ = try options.required("teacher", options.value("teacher")) }
    return try options.distilling()
  }
}

extension Options {
  /// What `distill` is asked for, its teacher apart.
  func distilling() throws -> Distilling {
    try Distilling(
      transfer: choice("transfer").flatMap(ParameterTransfer.init(rawValue:)) ?? .none,
      learnsFromItself: learnsFromItself, generations: integer("generations", default: 1),
      hintEpochs: number("hint_epochs", default: 0))
  }
}
