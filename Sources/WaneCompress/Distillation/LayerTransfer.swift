import WaneGraph
import WaneTensor

/// Hands a student whole layers of a teacher: those whose parameters have the same names and shapes.
///
/// Of several alike, the student's first gets the teacher's first, the last the last, and those
/// between them get the teacher's at even distances.
struct LayerTransfer {
  private struct Layer {
    let path: String
    let parameters: [String]
    /// What must be equal: the kind, and each parameter's own name and shape.
    let form: String
  }

  private let teacher: Graph
  private let student: Graph

  init(from teacher: Graph, to student: Graph) {
    self.teacher = teacher
    self.student = student
  }

  /// The student with the parameters handed over.
  func run(_ report: inout Report) throws -> Graph {
    var result = student
    let theirs = Dictionary(grouping: LayerTransfer.layers(of: teacher), by: \.form)
    let mine = LayerTransfer.layers(of: student)
    let counts = Dictionary(grouping: mine, by: \.form).mapValues(\.count)
    var seen: [String: Int] = [:]
    for layer in mine {
      let place = seen[layer.form, default: 0]
      seen[layer.form] = place + 1
      guard let candidates = theirs[layer.form], let count = counts[layer.form] else {
        report.skipped.append(.init(layer.path, "the teacher has no layer of its shape"))
        continue
      }
      let kept = layer.parameters.compactMap { student.parameters[$0] }
      guard kept.allSatisfy({ !$0.isMasked && $0.grid == nil && !$0.isCodebook }) else {
        report.skipped.append(.init(layer.path, "its weights are under a constraint"))
        continue
      }
      let last = Double(candidates.count - 1)
      // A single one stands for the last of its kind: the classifier more often than not.
      let position = count == 1 ? last : Double(place) * last / Double(count - 1)
      let partner = candidates[Int(position.rounded())]
      for (name, source) in zip(layer.parameters, partner.parameters) {
        guard let target = student.parameters[name], let value = teacher.parameters[source] else {
          continue
        }
        try result.set(target.replacing(.dense(value.decoded()), isMasked: target.isMasked))
      }
      let numbers = kept.reduce(0) { $0 + $1.shape.count }
      report.layers.append(
        Report.Row(
          layer: layer.path, action: "took all of '\(partner.path)'",
          numbers: [.init("parameters", Double(numbers), Double(numbers))]))
    }
    return result
  }

  /// The layers that have parameters, in order.
  private static func layers(of model: Graph) -> [Layer] {
    var order: [String] = []
    var parameters: [String: [Parameter]] = [:]
    for node in model.nodes {
      guard let read = node.operation as? ParameterRead,
        let parameter = model.parameters[read.name],
        parameters[node.layer]?.contains(where: { $0.name == read.name }) != true
      else { continue }
      if parameters[node.layer] == nil { order.append(node.layer) }
      parameters[node.layer, default: []].append(parameter)
    }
    return order.map { path in
      let own = parameters[path] ?? []
      let kinds = model.nodes.filter { $0.layer == path && !($0.operation is ParameterRead) }
        .map { type(of: $0.operation).name }
      let shapes = own.map { "\($0.name.split(separator: "/").last ?? "") \($0.shape)" }
      return Layer(
        path: path, parameters: own.map(\.name),
        form: ([kinds.first ?? ""] + shapes).joined(separator: ","))
    }
  }
}
