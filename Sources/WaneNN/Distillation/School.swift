import WaneGraph
import WaneTensor

/// The teachers of a distillation as one graph, which answers with one voice.
///
/// Its outputs are what of the answers is learned. Of several teachers, the first gives the lessons.
struct School {
  /// Where a lesson is given: the student's layer, the teacher's value, and what their difference is
  /// multiplied by.
  typealias Place = (student: String, teacher: Value, scale: Float)

  /// The teachers.
  private(set) var graph: Graph
  /// What is learned from the inside of the first.
  private(set) var lessons: [(lesson: Lesson, places: [Place])] = []

  /// Brings the teachers of a distillation together.
  ///
  /// - Parameters:
  ///   - distillation: the teachers, and what is learned of them.
  ///   - student: who learns, taking samples of the data's type.
  ///   - kinds: what each of its answers is.
  /// - Throws: when a teacher reads or gives something else than the student.
  init(_ distillation: Distillation, student: Graph, kinds: [AnswerKind]) throws {
    let dtypes = student.inputs.map { student.type(of: $0).dtype }
    let teachers = try distillation.teachers.map {
      try $0.feeding(dtypes, operation: "distill").withoutDropout()
    }
    guard let first = teachers.first else { throw WaneError("distill", "there is no teacher") }
    for teacher in teachers {
      try School.check(teacher, "teacher", against: student)
      if distillation.asksTeachers { try School.checkAnswers(teacher, "teacher", against: student) }
    }
    var graph = Graph()
    let inputs = try first.inputs.enumerated().map { index, input in
      try graph.add(one: Input(index: index, type: first.type(of: input)), [], layer: "")
    }
    var answers: [[Value]] = kinds.map { _ in [] }
    var values: [Value: Value] = [:]
    for (index, teacher) in teachers.enumerated() {
      let made = try graph.append(teacher, under: "\(index + 1)", inputs: inputs)
      if index == 0 { values = made }
      guard distillation.asksTeachers else { continue }
      for (place, output) in zip(kinds.indices, teacher.outputs) {
        if let value = made[output] {
          answers[place].append(try graph.answer(value, kinds[place]))
        }
      }
    }
    if distillation.asksTeachers {
      graph.outputs = try zip(answers, kinds).map {
        try graph.together($0, $1, temperature: distillation.temperature)
      }
    }
    self.graph = graph
    lessons = try distillation.lessons.map { lesson in
      let places = try School.pairs(of: lesson, student, first).map { pair -> Place in
        let value = try first.result(of: pair.teacher, in: "teacher")
        guard let placed = values[value] else {
          throw WaneError("distill", "the teacher's layer '\(pair.teacher)' gives no value")
        }
        return (pair.student, placed, distillation.scales[pair.teacher] ?? 1)
      }
      return (lesson, places)
    }
  }

  /// The pairs of a lesson: those that are named, or those that are found.
  static func pairs(of lesson: Lesson, _ student: Graph, _ teacher: Graph) throws -> [Lesson.Pair] {
    if let pairs = lesson.pairs { return pairs }
    let found = try FeaturePairing.pairs(student, teacher)
    switch lesson.kind {
    case .features: return found
    // How samples lie to each other is told best by what the answer is made of.
    case .relations: return Array(found.suffix(1))
    case .attention:
      let images = found.filter { pair in
        [(student, pair.student), (teacher, pair.teacher)].allSatisfy { model, layer in
          model.result(of: layer).map { model.type(of: $0).dimensions.count == 3 } ?? false
        }
      }
      guard !images.isEmpty else {
        throw WaneError("distill", "attention is of images, and the models have none to compare")
      }
      return images
    }
  }

  /// Throws unless a model reads what the student reads.
  static func check(_ model: Graph, _ role: String, against student: Graph) throws {
    let (theirs, mine) = (model.inputs.map(model.type(of:)), student.inputs.map(student.type(of:)))
    guard theirs == mine else {
      throw WaneError("distill", "the \(role) takes \(list(theirs)), the student \(list(mine))")
    }
  }

  /// Throws unless a model answers in the form that the student does.
  static func checkAnswers(_ model: Graph, _ role: String, against student: Graph) throws {
    let (theirs, mine) = (
      model.outputs.map(model.type(of:)), student.outputs.map(student.type(of:))
    )
    guard theirs == mine else {
      throw WaneError("distill", "the \(role) gives \(list(theirs)), the student \(list(mine))")
    }
  }

  private static func list(_ types: [ValueType]) -> String {
    types.map { "\($0)" }.joined(separator: " and ")
  }
}

extension Distillation {
  /// The teachers' answer to every sample, asked for once for the whole run: a tensor an output.
  ///
  /// - Throws: when a teacher does not fit the student or the samples.
  func answers(
    for data: Dataset, student: Graph, kinds: [AnswerKind], pool: WorkerPool,
    poll: () throws -> Void
  ) throws -> [Tensor] {
    var asked = self
    asked.lessons = []
    let fed = try student.feeding(data.columns.map(\.dtype), operation: "distill")
    let school = try School(asked, student: fed, kinds: kinds)
    return try InferenceSession(school.graph, pool: pool).run(data.columns, poll: poll)
  }

  /// The same, with features measured in units of the teacher's mean square on some samples.
  ///
  /// - Throws: when the samples do not fit the teacher.
  func measured(
    on data: Dataset, student: Graph, pool: WorkerPool, poll: () throws -> Void
  ) throws -> Distillation {
    guard let teacher = teachers.first, lessons.contains(where: { $0.kind == .features }) else {
      return self
    }
    var result = self
    let samples = try data.slice(0..<Swift.min(data.count, 256)).allInputs
    var graph = try teacher.feeding(samples.map(\.dtype), operation: "distill")
    var names: [String] = []
    for lesson in lessons where lesson.kind == .features {
      names += try School.pairs(of: lesson, student, teacher).map(\.teacher)
    }
    graph.outputs = try names.map { try graph.result(of: $0, in: "teacher") }
    let features = try InferenceSession(graph, pool: pool).run(samples, poll: poll)
    for (name, values) in zip(names, features) {
      let squares = values.with(Float.self) { $0.reduce(0) { $0 + Double($1 * $1) } }
      let mean = squares / Double(max(values.count, 1))
      result.scales[name] = mean > 0 ? Float(1 / mean) : 1
    }
    return result
  }
}
