import WaneTensor

/// What Lua holds: a tensor that `t[i] = x` changes.
///
/// Tensors are values, so rows and copies that were taken before stay as they were.
package final class TensorBox: LuaObject {
  package var tensor: Tensor

  /// Boxes a tensor.
  package init(_ tensor: Tensor) {
    self.tensor = tensor
  }
}

extension Tensor: LuaConvertible {
  package func write(to call: LuaWriter) { call.write(TensorBox(self)) }
}

extension CallContext {
  /// The tensor that an argument is.
  package func tensor(_ index: Int) throws -> Tensor {
    try object(index, as: TensorBox.self).tensor
  }

  /// Ends with a tensor, or with a Lua number (a boolean for bool) where no axes are left.
  func results(numberIfScalar tensor: Tensor) throws -> Outcome {
    guard tensor.shape.rank == 0 else { return results(tensor) }
    return results(LuaValue(try tensor.element(0), of: tensor.dtype))
  }
}

extension LuaValue {
  /// An element of a tensor as Lua sees it.
  init(_ scalar: Scalar, of dtype: DType) {
    switch scalar {
    case .real(let value): self = .number(value)
    case .integer(let value): self = dtype == .bool ? .boolean(value != 0) : .integer(value)
    }
  }
}
