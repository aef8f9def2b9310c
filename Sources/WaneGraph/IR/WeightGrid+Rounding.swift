import CKernels
import WaneTensor

extension WeightGrid {
  /// The codes of the nearest points of the grid, halves to even; of two equally near points of a
  /// binary grid the positive one.
  public func codes(for values: Tensor) throws -> PackedCodes {
    var codes = [UInt8](repeating: 0, count: values.count)
    let parts = parts(values.shape.dimensions)
    values.with(Float.self) { source in
      guard let base = source.baseAddress else { return }
      if isBinary {
        for index in source.indices { codes[index] = source[index] < 0 ? 0 : 1 }
        return
      }
      // The kernels take zero points of unsigned codes; a symmetric grid is one of its own.
      let zeros = (self.zeros ?? scales.map { _ in highest }).map { Int32($0) }
      for part in parts {
        scales.withUnsafeBufferPointer { scales in
          zeros.withUnsafeBufferPointer { zeros in
            guard let scale = scales.baseAddress, let zero = zeros.baseAddress else { return }
            var grid = wane_grid(
              scale: scale + part.scale, zero: zero + part.scale, low: 0,
              high: Int32(codeCount - 1), outer: part.outer, channels: part.channels,
              inner: part.inner)
            codes.withUnsafeMutableBufferPointer { codes in
              if let target = codes.baseAddress {
                wane_quantize_f32_u8(&grid, base + part.offset, target + part.offset)
              }
            }
          }
        }
      }
    }
    return try PackedCodes(codes, bits: bits)
  }

  /// The values of codes in an array of that shape.
  func values(of codes: PackedCodes, _ shape: Shape) throws -> Tensor {
    let codes = try codes.unpacked()
    var result = try Tensor(uninitialized: shape)
    try result.withMutableElements(Float.self) { target in
      for part in parts(shape.dimensions) {
        part.forEach { index, scale in
          target[index] = scales[scale] * Float(multiple(codes[index], scale: scale))
        }
      }
    }
    return result
  }

  /// The codes of other multiples, those of `old`, a grid with the same scales, after `change`.
  public func rewriting(
    _ codes: [UInt8], of old: WeightGrid, _ shape: Shape,
    _ change: (_ index: Int, _ multiple: Int) -> Int
  ) -> [UInt8] {
    var result = codes
    for part in parts(shape.dimensions) {
      part.forEach { index, scale in
        let multiple = change(index, old.multiple(codes[index], scale: scale))
        result[index] = code(multiple, scale: scale)
      }
    }
    return result
  }

  /// The nearest values of a grid with one scale.
  public func rounded(_ values: [Float]) -> [Float] {
    let range = range(scale: 0)
    return values.map { value in
      if isBinary { return value < 0 ? -scales[0] : scales[0] }
      let code = (value / scales[0]).rounded(.toNearestOrEven)
      return min(max(code, Float(range.lowerBound)), Float(range.upperBound)) * scales[0]
    }
  }
}
