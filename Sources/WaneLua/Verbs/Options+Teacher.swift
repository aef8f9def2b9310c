import WaneGraph
import WaneNN

extension Option {
  /// What a model learns from besides the labels, in every verb that can fine-tune.
  static let teaching: [Option] = [
    Option(
      "teacher", "Model or list of them", default: "none",
      "a model to learn from besides the labels; of several, the mean of what they answer. distill "
        + "takes 'self', too: what the model becomes on labels alone"),
    Option(
      "temperature", "number", default: "2, with peers alone 1", "how soft answers are made"
    ).belonging(toAnyOf: answering),
    Option(
      "alpha", "number in [0, 1]", default: "0.5",
      "the weight of answers against the labels"
    ).belonging(toAnyOf: answering),
    Option(
      "standardize", "boolean", default: "false",
      "compare logits of mean 0 and variance 1 (Sun et al., 2024)"
    ).belonging(toAnyOf: answering),
    Option(
      "features", "true or table of student layer = teacher layer", default: "false",
      "learn what the teacher's layers give (Romero et al., 2015); true pairs layers by depth and size"
    ).belonging(toAnyOf: ["teacher"]),
    Option("feature_weight", "number", default: "1", "the weight of features in the loss")
      .belonging(toAnyOf: ["features"]),
    Option(
      "attention", "true or table of student layer = teacher layer", default: "false",
      "learn where the teacher's layers are active (Zagoruyko and Komodakis, 2017)"
    ).belonging(toAnyOf: ["teacher"]),
    Option("attention_weight", "number", default: "1", "the weight of attention in the loss")
      .belonging(toAnyOf: ["attention"]),
    Option(
      "relations", oneOf: RelationKind.allCases.map(\.rawValue), default: "none",
      "learn how samples lie to each other before the answer: their distances (Park et al., 2019) or "
        + "similarity (Tung and Mori, 2019)"
    ).belonging(toAnyOf: ["teacher"]),
    Option("relation_weight", "number", default: "1", "the weight of relations in the loss")
      .belonging(toAnyOf: ["relations"]),
    Option(
      "keep_answers", "boolean", default: "true",
      "ask the teacher once about every sample as it is; otherwise in each step, about the sample as it "
        + "is trained on"
    ).belonging(toAnyOf: ["teacher"]),
  ]

  /// What gives answers to learn from.
  private static let answering = ["teacher", "peers"]
}

extension Options {
  /// Whether the teacher is the model itself.
  var learnsFromItself: Bool {
    if case .string("self")? = value("teacher") { return true }
    return false
  }

  /// What is learned from besides the labels; nil for nothing.
  ///
  /// - Returns: teachers, peers, and how they are learned from.
  /// - Throws: when an option has the wrong type or is out of range.
  func distillation() throws -> Distillation? {
    let peers = has("peers") ? try models("peers") : []
    guard !learnsFromItself || functionName == "distill" else {
      throw bad("teacher", "only 'distill' takes 'self', give a Model")
    }
    let teachers = has("teacher") && !learnsFromItself ? try models("teacher") : []
    let lessons = try lessons()
    guard !teachers.isEmpty || !peers.isEmpty || learnsFromItself else { return nil }
    let arePeersAlone = teachers.isEmpty && !learnsFromItself
    var result = try Distillation(
      teachers: teachers, peers: peers,
      temperature: Float(number("temperature", default: arePeersAlone ? 1 : 2)),
      alpha: Float(number("alpha", default: 0.5)))
    result.isStandardized = try boolean("standardize", default: false)
    result.keepsAnswers = try boolean("keep_answers", default: true)
    result.lessons = lessons
    return result
  }

  private func isWanted(_ name: String) -> Bool {
    switch value(name) {
    case nil, .boolean(false)?: false
    default: true
    }
  }

  private func lessons() throws -> [Lesson] {
    var result: [Lesson] = []
    for (name, kind, weight) in [
      ("features", Lesson.Kind.features, "feature_weight"),
      ("attention", .attention, "attention_weight"),
    ] where isWanted(name) {
      result.append(
        try Lesson(kind, weight: Float(number(weight, default: 1)), pairs: pairs(name)))
    }
    if let kind = try choice("relations").flatMap(RelationKind.init(rawValue:)) {
      result.append(
        try Lesson(.relations(kind), weight: Float(number("relation_weight", default: 1))))
    }
    return result
  }

  /// Pairs of layers by name; nil for those that are found.
  private func pairs(_ name: String) throws -> [Lesson.Pair]? {
    switch value(name) {
    case .boolean(true)?: return nil
    case .table(let table)? where table.elements.isEmpty && !table.fields.isEmpty:
      return try table.fields.sorted { $0.key < $1.key }.map { student, teacher in
        guard case .string(let teacher) = teacher else {
          throw bad(name, "the teacher's layer for '\(student)' must be a name")
        }
        return Lesson.Pair(student: student, teacher: teacher)
      }
    default:
      throw bad(name, "true or a table of student layer = teacher layer expected")
    }
  }

  /// A model, or a list of them.
  private func models(_ name: String) throws -> [Graph] {
    switch value(name) {
    case .object(let box as ModelBox)?: return [box.graph]
    case .table(let table)? where table.fields.isEmpty && !table.elements.isEmpty:
      return try table.elements.map { element in
        guard case .object(let object) = element, let box = object as? ModelBox else {
          throw bad(name, "Model expected, got \(element.shortDescription)")
        }
        return box.graph
      }
    case let other:
      throw bad(name, "Model or list of them expected, got \(other?.shortDescription ?? "nothing")")
    }
  }
}
