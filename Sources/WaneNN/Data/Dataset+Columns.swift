import WaneGraph
import WaneTensor

/// Several inputs and several labels a sample, and which of a model's they are.
extension Dataset {
  /// The samples of the first input, in memory.
  ///
  /// - Throws: when one cannot be read, or there is not enough memory.
  public var inputs: Tensor {
    get throws { try columns[0].tensor() }
  }

  /// What each input is fed, in memory.
  ///
  /// - Throws: when a sample cannot be read, or there is not enough memory.
  public var allInputs: [Tensor] {
    get throws { try columns.map { try $0.tensor() } }
  }

  /// The labels of each output.
  public var allLabels: [Tensor] { [labels] + otherLabels }

  /// Whether samples are of the same extents and types as those of another data set, column by
  /// column.
  func isLike(_ other: Dataset) -> Bool {
    func kinds(_ columns: [Column]) -> [[String]] {
      columns.map { ["\($0.dtype)"] + $0.rowDimensions.map { "\($0)" } }
    }
    func labels(_ data: Dataset) -> [Column] { data.allLabels.map { .tensor($0) } }
    return kinds(columns) == kinds(other.columns) && kinds(labels(self)) == kinds(labels(other))
      && inputNames == other.inputNames && labelNames == other.labelNames
  }

  /// The tensors for the inputs of a model, in its order and in memory.
  ///
  /// - Parameters:
  ///   - model: what is fed.
  ///   - operation: what they are for, for messages.
  ///   - called: what messages call the model.
  /// - Returns: one tensor an input.
  /// - Throws: when their number, names or extents are not those of the model.
  public func inputs(
    for model: Graph, _ operation: String, called: String = "the model"
  ) throws -> [Tensor] {
    try columns(for: model, operation, called: called).map { try $0.tensor() }
  }

  /// The columns for the inputs of a model, in its order; nothing is read.
  ///
  /// - Parameters:
  ///   - model: what is fed.
  ///   - operation: what they are for, for messages.
  ///   - called: what messages call the model.
  /// - Returns: one column an input.
  /// - Throws: when their number, names or extents are not those of the model.
  public func columns(
    for model: Graph, _ operation: String, called: String = "the model"
  ) throws -> [Column] {
    let columns = try Dataset.ordered(
      columns, inputNames, model.inputNames, what: "input", operation, called)
    for (index, input) in model.inputs.enumerated() {
      let type = model.type(of: input)
      let sample = columns[index].rowDimensions
      guard type.dimensions == sample else {
        throw WaneError(
          operation,
          "\(model.description(ofInput: index, of: called)) takes \(type), the data set has "
            + Shape.text(sample))
      }
    }
    return columns
  }

  /// Tensors in the order of a model's inputs, by the names of these if there are any.
  ///
  /// - Throws: when there are too many or too few, or the name of an input is missing.
  public static func ordered(
    _ tensors: [Tensor], _ names: [String], for model: Graph, _ operation: String
  ) throws -> [Tensor] {
    try ordered(tensors, names, model.inputNames, what: "input", operation, "the model")
  }

  /// The data set with its columns in the order of a model's inputs and outputs, and its labels as
  /// the outputs take them.
  ///
  /// - Parameters:
  ///   - model: what is fed.
  ///   - operation: what they are for, for messages.
  /// - Returns: a data set without names of inputs and outputs.
  /// - Throws: when their number, names or extents are not those of the model.
  func arranged(for model: Graph, _ operation: String) throws -> Dataset {
    let columns = try columns(for: model, operation)
    let ordered = try Dataset.ordered(
      allLabels, labelNames, model.outputNames, what: "output", operation, "the model")
    let labels = try zip(ordered, model.outputs).map { try $0.asLabels(of: model.type(of: $1)) }
    var result = try Dataset(
      columns: columns, labels: labels, name: name, classNames: classNames,
      augmentation: augmentation
    ).weighted(weights)
    result.augmentedInput =
      inputNames.isEmpty
      ? augmentedInput : model.inputNames.firstIndex(of: inputNames[augmentedInput]) ?? 0
    return result
  }

  /// The data set with its labels as the outputs of a model take them, where there are as many.
  func withLabels(of model: Graph) throws -> Dataset {
    guard allLabels.count == model.outputs.count else { return self }
    return try with(
      columns, labels: zip(allLabels, model.outputs).map { try $0.asLabels(of: model.type(of: $1)) }
    ).weighted(weights)
  }

  private static func ordered<Element>(
    _ tensors: [Element], _ names: [String], _ wanted: [String], what: String, _ operation: String,
    _ model: String
  ) throws -> [Element] {
    let ours = what == "input" ? "tensor of inputs" : "tensor of labels"
    guard tensors.count == wanted.count else {
      let list = wanted.count > 1 ? " (\(quoted(wanted)))" : ""
      throw WaneError(
        operation,
        "\(model) has \(counted(wanted.count, what))\(list), the data set "
          + counted(tensors.count, ours))
    }
    guard !names.isEmpty else { return tensors }
    return try wanted.map { name in
      guard let index = names.firstIndex(of: name) else {
        throw WaneError(
          operation, "\(model) has an \(what) '\(name)', the data set has \(quoted(names))")
      }
      return tensors[index]
    }
  }

  private static func quoted(_ names: [String]) -> String {
    names.map { "'\($0)'" }.joined(separator: ", ")
  }

  private static func counted(_ count: Int, _ what: String) -> String {
    guard count != 1 else { return "1 \(what)" }
    return what.hasPrefix("tensor")
      ? "\(count) tensors\(what.dropFirst(6))" : "\(count) \(what)s"
  }
}
