import CLuaBridge
import WaneTensor

/// A tensor as nested lists of numbers, on its way to Lua.
struct TensorList: LuaConvertible {
  let tensor: Tensor

  package func write(to writer: LuaWriter) {
    if tensor.dtype.isHalf {
      // Elements of 16 bits are read as f32; without memory for that, Lua sees nil.
      guard let wide = try? tensor.converted(to: .f32) else { return writer.write(.none) }
      return TensorList(tensor: wide).write(to: writer)
    }
    tensor.withBytes { bytes in
      var position = 0
      write(axis: 0, bytes, &position, to: writer.call)
    }
  }

  private func write(
    axis: Int, _ bytes: UnsafeRawBufferPointer, _ position: inout Int,
    to call: UnsafeMutablePointer<wane_call>
  ) {
    guard axis < tensor.shape.rank else {
      switch tensor.dtype {
      case .f32, .f16, .bf16:
        let value = bytes.load(fromByteOffset: 4 * position, as: Float.self)
        wane_put_number(call, Double(value))
      case .i32:
        let value = bytes.load(fromByteOffset: 4 * position, as: Int32.self)
        wane_put_integer(call, Int64(value))
      case .u8: wane_put_integer(call, Int64(bytes[position]))
      case .i8: wane_put_integer(call, Int64(Int8(bitPattern: bytes[position])))
      case .bool: wane_put_boolean(call, bytes[position] != 0)
      }
      position += 1
      return
    }
    wane_put_table(call, tensor.shape[axis], 0)
    for _ in 0..<tensor.shape[axis] { write(axis: axis + 1, bytes, &position, to: call) }
  }
}
