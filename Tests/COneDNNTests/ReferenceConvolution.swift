import COneDNN

/// The defining sums of a convolution and its gradients in double precision: the oracle of the tests.
struct ReferenceConvolution {
  let shape: wane_dnn_convolution
  let outputHeight: Int
  let outputWidth: Int
  let source: [Float]
  let weights: [Float]
  let bias: [Float]
  let outputGradient: [Float]
  private(set) var output: [Double]
  private(set) var sourceGradient: [Double]
  private(set) var weightsGradient: [Double]
  private(set) var biasGradient: [Double]

  /// Fills the inputs from `random` and computes everything.
  ///
  /// Nil when the shape has no output.
  init?(_ shape: wane_dnn_convolution, random: inout TestRandom) {
    var height: Int64 = 0
    var width: Int64 = 0
    var checked = shape
    guard wane_dnn_convolution_output(&checked, &height, &width) == WANE_DNN_OK else { return nil }
    let (batch, inputs, outputs) = (
      Int(shape.batch), Int(shape.in_channels), Int(shape.out_channels)
    )
    let sourceCount = batch * Int(shape.height) * Int(shape.width) * inputs
    let outputCount = batch * Int(height) * Int(width) * outputs
    let taps = Int(shape.kernel_h * shape.kernel_w) * inputs / Int(shape.groups)
    self.shape = shape
    outputHeight = Int(height)
    outputWidth = Int(width)
    source = random.floats(sourceCount)
    weights = random.floats(taps * outputs)
    bias = random.floats(outputs)
    outputGradient = random.floats(outputCount)
    output = Array(repeating: 0, count: outputCount)
    sourceGradient = Array(repeating: 0, count: sourceCount)
    weightsGradient = Array(repeating: 0, count: taps * outputs)
    biasGradient = Array(repeating: 0, count: outputs)
    for n in 0..<batch {
      for y in 0..<outputHeight {
        for x in 0..<outputWidth {
          for o in 0..<outputs { accumulate(n, y, x, o) }
        }
      }
    }
  }

  private mutating func accumulate(_ n: Int, _ y: Int, _ x: Int, _ o: Int) {
    let (inputs, outputs) = (Int(shape.in_channels), Int(shape.out_channels))
    let (height, width) = (Int(shape.height), Int(shape.width))
    let groups = Int(shape.groups)
    let perGroup = inputs / groups
    let firstInput = o / (outputs / groups) * perGroup
    let at = ((n * outputHeight + y) * outputWidth + x) * outputs + o
    let gradient = Double(outputGradient[at])
    var sum = Double(bias[o])
    biasGradient[o] += gradient
    for i in 0..<Int(shape.kernel_h) {
      let row = y * Int(shape.stride_h) + i * Int(shape.dilation_h) - Int(shape.pad_top)
      guard (0..<height).contains(row) else { continue }
      for j in 0..<Int(shape.kernel_w) {
        let column = x * Int(shape.stride_w) + j * Int(shape.dilation_w) - Int(shape.pad_left)
        guard (0..<width).contains(column) else { continue }
        for c in 0..<perGroup {
          let s = ((n * height + row) * width + column) * inputs + firstInput + c
          let w = ((i * Int(shape.kernel_w) + j) * perGroup + c) * outputs + o
          sum += Double(source[s]) * Double(weights[w])
          sourceGradient[s] += gradient * Double(weights[w])
          weightsGradient[w] += gradient * Double(source[s])
        }
      }
    }
    output[at] = sum
  }
}

/// A small seeded generator (xorshift64*, Vigna 2016), so that a failing case can be run again.
struct TestRandom {
  private var state: UInt64
  /// Whether values are cut to 8 significant bits, which bf16 holds exactly.
  private let isShort: Bool

  init(seed: UInt64, isShort: Bool = false) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    self.isShort = isShort
  }

  mutating func next() -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    return state &* 0x2545_F491_4F6C_DD1D
  }

  mutating func below(_ bound: Int64) -> Int64 { Int64(next() >> 33) % bound }

  /// Values in [-1, 1].
  mutating func floats(_ count: Int) -> [Float] {
    (0..<count).map { _ in
      let value = Float(below(2001) - 1000) / 1000
      return isShort ? Float(bitPattern: value.bitPattern & 0xFFFF_0000) : value
    }
  }
}
