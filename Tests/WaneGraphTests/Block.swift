import CKernels
import Testing
import WaneTensor

/// Numbers in double precision, as the naive references want them.
struct Block: Sendable {
  var dimensions: [Int]
  var values: [Double]

  init(_ dimensions: [Int], _ values: [Double]) {
    self.dimensions = dimensions
    self.values = values
  }

  init(zeros dimensions: [Int]) {
    self.init(dimensions, [Double](repeating: 0, count: dimensions.reduce(1, *)))
  }

  init(_ tensor: Tensor) {
    let values: [Double] =
      switch tensor.dtype {
      case .f32: tensor.array(Float.self).map(Double.init)
      case .i32: tensor.array(Int32.self).map(Double.init)
      case .i8: tensor.array(Int8.self).map(Double.init)
      case .u8, .bool: tensor.withBytes { $0.map(Double.init) }
      case .f16: tensor.withBytes { $0.bindMemory(to: Float16.self).map(Double.init) }
      case .bf16:
        tensor.withBytes { bytes in
          bytes.bindMemory(to: UInt16.self).map {
            Double(Float(bitPattern: UInt32($0) << 16))
          }
        }
      }
    self.init(tensor.shape.dimensions, values)
  }

  var count: Int { values.count }
  var channels: Int { dimensions.last ?? 1 }

  /// The element of a matrix.
  subscript(row: Int, column: Int) -> Double {
    get { values[row * dimensions[1] + column] }
    set { values[row * dimensions[1] + column] = newValue }
  }

  func map(_ transform: (Double) -> Double) -> Block { Block(dimensions, values.map(transform)) }

  func reshaped(_ dimensions: [Int]) -> Block { Block(dimensions, values) }
}

/// Numbers that depend on a name alone, so that a failing case fails again by itself.
struct Sampler {
  private let seed: UInt64
  private var stream: UInt64 = 0

  init(_ name: String) {
    seed = name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  mutating func floats(_ count: Int, in range: ClosedRange<Float> = -1...1) -> [Float] {
    stream += 1
    var values = [Float](repeating: 0, count: count)
    wane_random_uniform_f32(seed, stream, 0, &values, count)
    return values.map { range.lowerBound + $0 * (range.upperBound - range.lowerBound) }
  }

  mutating func integers(_ count: Int, below limit: Int) -> [Int] {
    stream += 1
    var values = [UInt32](repeating: 0, count: count)
    wane_random_u32(seed, stream, 0, &values, count)
    return values.map { Int($0) % limit }
  }

  mutating func integer(below limit: Int) -> Int { integers(1, below: limit)[0] }

  mutating func tensor(_ dimensions: [Int], in range: ClosedRange<Float> = -1...1) throws -> Tensor
  {
    try Tensor(floats(dimensions.reduce(1, *), in: range), Shape(dimensions))
  }

  mutating func bytes(_ dimensions: [Int], below limit: Int = 256) throws -> Tensor {
    try Tensor(
      integers(dimensions.reduce(1, *), below: limit).map { UInt8($0) }, Shape(dimensions))
  }
}

/// Expects two arrays to agree within `tolerance`, relative to magnitudes above 1.
func expectClose(
  _ actual: [Float], _ expected: [Double], within tolerance: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.count == expected.count else {
    Issue.record(
      "\(what): \(actual.count) values instead of \(expected.count)", sourceLocation: sourceLocation
    )
    return
  }
  for (index, (a, b)) in zip(actual, expected).enumerated() {
    let distance = abs(Double(a) - b) / max(1, abs(b))
    if !(distance <= tolerance) {
      Issue.record(
        "\(what): element \(index) of \(actual.count) is \(a) instead of \(b)",
        sourceLocation: sourceLocation)
      return
    }
  }
}
