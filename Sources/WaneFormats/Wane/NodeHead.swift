/// What a node's first number says beside its operation, in the low three bits.
struct NodeHead: OptionSet {
  let rawValue: UInt64
  /// The node is not of the same layer as the one before; the layer's path follows.
  static let hasLayer = NodeHead(rawValue: 1)
  /// The operands are not the usual ones; they follow.
  static let hasOperands = NodeHead(rawValue: 2)
  /// Some attributes are not the standard ones; they follow.
  ///
  /// For a read of a parameter: the parameter is one that was read before.
  static let hasAttributes = NodeHead(rawValue: 4)

  /// Bits of the flags.
  static let width: UInt64 = 3
}
