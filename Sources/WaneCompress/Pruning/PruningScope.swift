/// How much shall be zero.
public enum PruningSparsity: Sendable {
  /// A share of the units of all layers.
  case uniform(Double)
  /// A share for some layers; those that the table does not name stay as they are.
  case byLayer([(layers: String, sparsity: Double)])
  /// What a pattern leaves out.
  case byPattern
}

/// Among which units the least worthy are looked for.
public enum PruningScope: Sendable, Equatable {
  /// Among those of all layers that shall be equally sparse: layers that need their weights keep more
  /// of them.
  case global
  /// Within each layer.
  case layer
  /// Among those of the layers that the words of a group name; layers in no group stay by themselves.
  case groups([[String]])

  /// The name for scripts.
  var description: String {
    switch self {
    case .global: "global"
    case .layer: "layer"
    case .groups(let groups):
      groups.map { "{ \($0.joined(separator: ", ")) }" }.joined(separator: ", ")
    }
  }
}
