/// What the inputs and outputs of a model are called: as the layers that make them.
extension Graph {
  /// The names of the inputs, in order.
  public var inputNames: [String] { Graph.unique(inputs.map { producer(of: $0).layer }, "input") }

  /// The names of the outputs, in order.
  public var outputNames: [String] {
    Graph.unique(outputs.map { producer(of: $0).layer }, "output")
  }

  /// How messages call an input, counted from 0: the model, or where it has several, one by name.
  public func description(ofInput index: Int, of model: String = "the model") -> String {
    let names = inputNames
    return names.count < 2 || !names.indices.contains(index)
      ? model : "\(model)'s input '\(names[index])'"
  }

  /// A name for a new parameter: the wanted one, underscores behind it where it is taken.
  ///
  /// - Parameters:
  ///   - name: the name that is wanted.
  ///   - other: a graph in which it must be free as well.
  /// - Returns: a name that no parameter of either graph has.
  public func freshName(_ name: String, in other: Graph? = nil) -> String {
    var candidate = name
    while parameters[candidate] != nil || other?.parameters[candidate] != nil { candidate += "_" }
    return candidate
  }

  /// Names that tell values apart: the second that is called `a` becomes `a_1`.
  private static func unique(_ names: [String], _ usual: String) -> [String] {
    var taken = Set<String>()
    return names.map { layer in
      let name = layer.isEmpty ? usual : layer
      var candidate = name
      var number = 0
      while !taken.insert(candidate).inserted {
        number += 1
        candidate = "\(name)_\(number)"
      }
      return candidate
    }
  }
}
