import WaneGraph
import WaneTensor

/// A student and those that it learns from inside of a training step, as one graph.
///
/// Teachers stand under `#teacher`, peers under `#peer1`, projections under `#projection1`; the
/// student keeps its names. The graph's outputs are the student's, then the teachers' answers, then the
/// outputs of each peer, then pairs of values to be compared.
struct Classroom {
  /// What is learned, as values of a training graph.
  struct Lessons {
    /// The teachers' answers, one an output; nil where they are not asked, or from outside.
    let teachers: [Value]?
    /// The outputs of each peer.
    let peers: [[Value]]
    /// What is added to the loss, with its weight.
    let terms: [(weight: Float, value: Value)]
  }

  /// The graph.
  private(set) var graph: Graph
  private let outputCount: Int
  private let hasAnswers: Bool
  private let peerCount: Int
  private var pairs: [(kind: Lesson.Kind, weight: Float)] = []

  /// Whether a parameter is a teacher's.
  static func isTeachers(_ parameter: Parameter) -> Bool { parameter.name.hasPrefix("#teacher") }

  /// The name that a peer's parameters have in front.
  static func peerPath(_ index: Int) -> String { "#peer\(index + 1)" }

  /// Brings a student and its teachers together.
  ///
  /// - Parameters:
  ///   - student: the student, taking samples of the data's type.
  ///   - distillation: what it learns from.
  ///   - kinds: what each of its answers is.
  ///   - seed: decides how projections start.
  /// - Throws: when a teacher does not fit the student.
  init(_ student: Graph, _ distillation: Distillation, kinds: [AnswerKind], seed: UInt64) throws {
    graph = student
    outputCount = student.outputs.count
    peerCount = distillation.peers.count
    hasAnswers = distillation.embedsTeachers && distillation.asksTeachers
    var compared: [Value] = []
    if distillation.embedsTeachers {
      let school = try School(distillation, student: student, kinds: kinds)
      let values = try graph.append(school.graph, under: "#teacher", inputs: graph.inputs)
      for (lesson, places) in school.lessons {
        for place in places {
          guard let theirs = values[place.teacher] else { continue }
          let mine = try student.result(of: place.student, in: "student")
          let (a, b) = try graph.comparable(
            mine, theirs, lesson.kind, name: "#projection\(pairs.count + 1)", seed: seed)
          pairs.append((lesson.kind, lesson.weight * place.scale / Float(places.count)))
          compared += [a, b]
        }
      }
      if hasAnswers { graph.outputs += school.graph.outputs.compactMap { values[$0] } }
    }
    for (index, peer) in distillation.peers.enumerated() {
      let dtypes = student.inputs.map { student.type(of: $0).dtype }
      let fed = try peer.feeding(dtypes, operation: "distill")
      try School.check(fed, "peer", against: student)
      try School.checkAnswers(fed, "peer", against: student)
      let values = try graph.append(fed, under: Classroom.peerPath(index), inputs: graph.inputs)
      graph.outputs += fed.outputs.compactMap { values[$0] }
    }
    graph.outputs += compared
  }

  /// What is learned, in a graph that has this one's outputs among its values.
  ///
  /// - Parameters:
  ///   - graph: where differences are appended.
  ///   - outputs: the values that stand for the outputs of the classroom.
  /// - Returns: answers, and the terms of the lessons.
  /// - Throws: when values cannot be compared.
  func lessons(in graph: inout Graph, outputs: [Value]) throws -> Lessons {
    var rest = outputs.dropFirst(outputCount)
    func take(_ count: Int) -> [Value] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    let teachers = hasAnswers ? take(outputCount) : nil
    let peers = (0..<peerCount).map { _ in take(outputCount) }
    let terms = try pairs.map { kind, weight in
      let values = take(2)
      return (
        weight: weight,
        value: try graph.difference(kind, student: values[0], teacher: values[1])
      )
    }
    return Lessons(teachers: teachers, peers: peers, terms: terms)
  }
}

extension Graph {
  /// Brings a student's value and its teacher's to one type.
  ///
  /// The larger image is averaged down to the smaller, an image beside a vector to its channels.
  /// Features of other widths go through a trained projection.
  fileprivate mutating func comparable(
    _ student: Value, _ teacher: Value, _ kind: Lesson.Kind, name: String, seed: UInt64
  ) throws -> (Value, Value) {
    if case .relations = kind { return (student, teacher) }
    var (mine, theirs) = (student, teacher)
    let ranks = (type(of: mine).dimensions.count, type(of: theirs).dimensions.count)
    if ranks.0 != ranks.1 || ranks.0 == 2 || ranks.0 > 3 {
      guard case .features = kind else {
        throw WaneError(
          "distill",
          "attention is of images of both, got \(type(of: mine)) and \(type(of: theirs))")
      }
      mine = try channelMeans(mine)
      theirs = try channelMeans(theirs)
    } else if ranks.0 == 3 {
      let (a, b) = (type(of: mine).dimensions, type(of: theirs).dimensions)
      let size = [min(a[0], b[0]), min(a[1], b[1])]
      mine = try averaged(mine, to: size)
      theirs = try averaged(theirs, to: size)
    } else if case .attention = kind {
      throw WaneError("distill", "attention is of images, got \(type(of: mine))")
    }
    guard case .features = kind, type(of: mine) != type(of: theirs) else { return (mine, theirs) }
    return (try projected(mine, to: type(of: theirs).channels, name: name, seed: seed), theirs)
  }

  /// The mean of each channel over all positions.
  private mutating func channelMeans(_ value: Value) throws -> Value {
    let rank = type(of: value).dimensions.count
    if rank == 1 { return value }
    if rank == 0 { return try reshape(value, [1]) }
    return try add(one: Reduce(.mean, axes: Array(0..<rank - 1)), [value], layer: "distillation")
  }

  /// An image averaged over equal windows, as small as asked for.
  private mutating func averaged(_ value: Value, to size: [Int]) throws -> Value {
    let image = type(of: value).dimensions
    if Array(image[..<2]) == size { return value }
    let strides = zip(image, size).map { $0 / max($1, 1) }
    let window = zip(zip(image, size), strides).map { $0.0 - ($0.1 - 1) * $1 }
    return try add(
      one: AveragePool2D(Window2D("distill", size: window, strides: strides)), [value],
      layer: "distillation")
  }

  /// A linear map of each position's channels, trained with the student and left behind.
  private mutating func projected(_ value: Value, to channels: Int, name: String, seed: UInt64)
    throws -> Value
  {
    let width = type(of: value).channels
    let isImage = type(of: value).dimensions.count == 3
    let shape = try Shape(isImage ? [1, 1, width, channels] : [width, channels])
    let kernel = try Parameter(
      "\(name)/kernel", Initializer.glorotUniform.tensor(shape, seed: seed, stream: name))
    let bias = try Parameter("\(name)/bias", Tensor(zeros: Shape([channels])))
    let operands = [
      value, try add(parameter: kernel, layer: name), try add(parameter: bias, layer: name),
    ]
    let operation: any Operation =
      isImage ? Conv2D(try Window2D("distill", size: [1, 1], strides: [1, 1])) : Dense()
    return try add(one: operation, operands, layer: name)
  }
}
