import WaneGraph

/// The operands that most nodes have: the result of the latest node that does not read a parameter,
/// then the parameters read since.
///
/// Inputs and reads of parameters have none.
struct UsualOperands {
  private var latest: Value?
  private var parameters: [Value] = []

  /// What a node of this operation is expected to have.
  func expected(for operation: any Operation) -> [Value] {
    if operation is Input || operation is ParameterRead { return [] }
    return (latest.map { [$0] } ?? []) + parameters
  }

  /// Takes note of a node.
  mutating func append(_ operation: any Operation, at index: Int) {
    if operation is ParameterRead {
      parameters.append(Value(node: index))
    } else {
      latest = Value(node: index)
      parameters = []
    }
  }
}
