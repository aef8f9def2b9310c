import WaneGraph
import WaneTensor

/// Several inputs and several labels a sample, and which of a model's they are.
extension Dataset {
  /// What each input is fed.
  public var allInputs: [Tensor] { [inputs] + others }

  /// The labels of each output.
  public var allLabels: [Tensor] { [labels] + otherLabels }

  /// Whether samples are of the same extents and types as those of another data set, column by
  /// column.
  func isLike(_ other: Dataset) -> Bool {
    func kinds(_ tensors: [Tensor]) -> [[String]] {
      tensors.map { ["\($0.dtype)"] + $0.shape.dimensions.dropFirst().map { "\($0)" } }
    }
    return kinds(allInputs) == kinds(other.allInputs) && kinds(allLabels) == kinds(other.allLabels)
      && inputNames == other.inputNames && labelNames == other.labelNames
  }

  /// The tensors for the inputs of a model, in its order.
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
    let tensors = try Dataset.ordered(
      allInputs, inputNames, model.inputNames, what: "input", operation, called)
    for (index, input) in model.inputs.enumerated() {
      let type = model.type(of: input)
      let sample = Array(tensors[index].shape.dimensions.dropFirst())
      guard type.dimensions == sample else {
        throw WaneError(
          operation,
          "\(model.description(ofInput: index, of: called)) takes \(type), the data set has "
            + Shape.text(sample))
      }
    }
    return tensors
  }

  /// Tensors in the order of a model's inputs, by the names of these if there are any.
  ///
  /// - Throws: when there are too many or too few, or the name of an input is missing.
  public static func ordered(
    _ tensors: [Tensor], _ names: [String], for model: Graph, _ operation: String
  ) throws -> [Tensor] {
    try ordered(tensors, names, model.inputNames, what: "input", operation, "the model")
  }

  /// The data set with its columns in the order of a model's inputs and outputs.
  ///
  /// - Parameters:
  ///   - model: what is fed.
  ///   - operation: what they are for, for messages.
  /// - Returns: a data set without names of inputs and outputs.
  /// - Throws: when their number, names or extents are not those of the model.
  func arranged(for model: Graph, _ operation: String) throws -> Dataset {
    let columns = try inputs(for: model, operation)
    let labels = try Dataset.ordered(
      allLabels, labelNames, model.outputNames, what: "output", operation, "the model")
    var result = try Dataset(
      columns: columns, labels: labels, name: name, classNames: classNames,
      augmentation: augmentation
    ).weighted(weights)
    result.augmentedInput =
      inputNames.isEmpty
      ? augmentedInput : model.inputNames.firstIndex(of: inputNames[augmentedInput]) ?? 0
    return result
  }

  private static func ordered(
    _ tensors: [Tensor], _ names: [String], _ wanted: [String], what: String, _ operation: String,
    _ model: String
  ) throws -> [Tensor] {
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
