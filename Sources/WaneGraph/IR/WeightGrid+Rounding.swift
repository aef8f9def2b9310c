import CKernels
import WaneTensor

extension WeightGrid {
  /// The codes of the nearest points of the grid, halves to even.
  public func codes(for values: Tensor) throws -> PackedCodes {
    var codes = [Int8](repeating: 0, count: values.count)
    let dimensions = values.shape.dimensions
    let outer = axis.map { dimensions[..<$0].reduce(1, *) } ?? 1
    scales.withUnsafeBufferPointer { scales in
      guard let scale = scales.baseAddress else { return }
      var grid = wane_grid(
        scale: scale, zero: nil, low: Int32(-highest), high: Int32(highest), outer: outer,
        channels: scales.count, inner: values.count / max(outer * scales.count, 1))
      values.with(Float.self) { source in
        if let base = source.baseAddress { wane_quantize_f32_i8(&grid, base, &codes) }
      }
    }
    return try PackedCodes(codes.map { UInt8(Int($0) + codeOffset) }, bits: bits)
  }

  /// The nearest values of a grid with one scale.
  public func rounded(_ values: [Float]) -> [Float] {
    values.map { value in
      let code = (value / scales[0]).rounded(.toNearestOrEven)
      return min(max(code, Float(-highest)), Float(highest)) * scales[0]
    }
  }
}
