/// What is likely in a tensor of weights, given those before: in the same row and column, in the same
/// input and output channel, and at the neighbouring places of the window.
///
/// Pruned and quantized networks are far from random there: dead channels, inputs that matter little,
/// and filters that vary slowly over the window. A weight is described by up to four parts, each of
/// which has its contexts: is it zero; its sign; the number of bits of its magnitude; those bits.
struct WeightModel {
  // Counters of channels are shared beyond this number, which bounds the memory.
  private static let channelLimit = 4096
  // Sets of weights: three for zero, one for the sign, one a node of the tree of bit lengths, one a
  // bit of a magnitude of each length.
  private static let signSet = 3
  private static let lengthSet = 4
  private static let bitSet = 12
  private static let setCount = 12 + 64

  private let memory: ModelMemory
  private let evidence: Evidence
  private let history: WeightHistory
  private let columns: Int
  private let channels: Int
  // How far back the neighbours lie.
  private let upBack: Int
  private let upLeftBack: Int
  private let upRightBack: Int
  private let nearBack: Int
  private let farBack: Int
  private let aboveBack: Int
  private let aboveLeftBack: Int
  private let aboveRightBack: Int
  private let columnMask: Int
  private let channelMask: Int

  // Where the counters of each context begin.
  private let zeroColumn: Int
  private let zeroChannel: Int
  private let signColumn: Int
  private let signChannel: Int
  private let lengthColumn: Int
  private let lengthChannel: Int
  private static let zeroNear = 0
  private static let zeroPlace = 32
  private static let zeroRow = 96
  private static let signNear = 97
  private static let signPlace = 124
  private static let length = 151
  private static let lengthPlace = 167
  private static let bit = 679
  private static let bitShort = 1191
  private static let fixedCount = 1255

  // Where the coming weight stands.
  private var index = 0
  private var column = 0
  private var channel = 0
  private var isFirstPlace = true
  private var beforeLeft = 0
  // Its neighbours: the one before in the row, the one above in the matrix, and those of the same
  // channels one place, two places, and a line (less one, plus one) of places before.
  private var left = 0
  private var up = 0
  private var near = 0
  private var far = 0
  private var above = 0

  /// A fresh model for `count` weights.
  ///
  /// - Throws: a `.memory` error.
  init(count: Int, _ layout: WeightLayout) throws {
    columns = layout.columns
    channels = layout.channels
    // A neighbour `count` back lies before the first weight for all of them: it is always zero.
    func distance(_ factors: Int...) -> Int {
      factors.reduce(1) { product, factor in
        let (next, overflow) = product.multipliedReportingOverflow(by: factor)
        return overflow ? count : min(next, count)
      }
    }
    upBack = distance(columns)
    upLeftBack = min(upBack + 1, count)
    upRightBack = max(upBack - 1, 1)
    nearBack = distance(columns, channels)
    farBack = distance(columns, channels, 2)
    aboveBack = distance(columns, channels, layout.width)
    aboveLeftBack = distance(columns, channels, layout.width + 1)
    aboveRightBack = distance(columns, channels, max(layout.width - 1, 1))
    history = try WeightHistory(depth: max(upLeftBack, farBack, aboveLeftBack))

    let columnCount = WeightModel.roundedUp(min(columns, WeightModel.channelLimit))
    let channelCount = WeightModel.roundedUp(min(channels, WeightModel.channelLimit))
    columnMask = columnCount - 1
    channelMask = channelCount - 1
    zeroColumn = WeightModel.fixedCount
    zeroChannel = zeroColumn + columnCount
    signColumn = zeroChannel + channelCount
    signChannel = signColumn + columnCount
    lengthColumn = signChannel + channelCount
    lengthChannel = lengthColumn + 8 * columnCount
    memory = ModelMemory(
      counters: lengthChannel + 8 * channelCount, sets: WeightModel.setCount)
    evidence = Evidence(memory)
  }

  private static func roundedUp(_ count: Int) -> Int {
    1 << (Int.bitWidth - max(count - 1, 0).leadingZeroBitCount)
  }

  /// Looks at the neighbours of the coming weight and codes whether it is zero.
  @inline(__always)
  mutating func codeIsNonzero<Coder: BinaryCoder>(_ bit: Int, _ coder: inout Coder) -> Int {
    left = history[index, back: 1]
    up = history[index, back: upBack]
    near = history[index, back: nearBack]
    far = history[index, back: farBack]
    above = history[index, back: aboveBack]
    let upLeft = history[index, back: upLeftBack]
    let upRight = history[index, back: upRightBack]
    let aboveLeft = history[index, back: aboveLeftBack]
    let aboveRight = history[index, back: aboveRightBack]

    let nearby =
      isSet(left) | beforeLeft &<< 1 | isSet(up) &<< 2 | isSet(upLeft) &<< 3 | isSet(upRight) &<< 4
    let places =
      isSet(near) | isSet(far) &<< 1 | isSet(above) &<< 2 | isSet(aboveRight) &<< 3
      | isSet(aboveLeft) &<< 4 | (isFirstPlace ? 0 : 32)
    return evidence.code(
      bit, &coder, set: isSet(near) &+ isSet(up),
      WeightModel.zeroNear &+ nearby, zeroColumn &+ column & columnMask,
      WeightModel.zeroPlace &+ places, WeightModel.zeroRow,
      zeroChannel &+ channel & channelMask)
  }

  /// Codes whether a weight that is not zero is negative.
  @inline(__always)
  mutating func codeIsNegative<Coder: BinaryCoder>(_ bit: Int, _ coder: inout Coder) -> Int {
    let nearby = sign(near) &+ 3 &* sign(up) &+ 9 &* sign(left)
    let places = sign(near) &+ 3 &* sign(far) &+ 9 &* sign(above)
    return evidence.code(
      bit, &coder, set: WeightModel.signSet, WeightModel.signNear &+ nearby,
      signColumn &+ column & columnMask, signChannel &+ channel & channelMask,
      WeightModel.signPlace &+ places)
  }

  /// Codes a magnitude from 1 to `most`, which is at most 255: its length in bits by a binary tree, then the bits
  /// below the highest.
  @inline(__always)
  mutating func codeMagnitude<Coder: BinaryCoder>(
    _ magnitude: Int, _ coder: inout Coder, isNegative: Int, most: Int
  ) -> Int {
    let length = bitLength(magnitude) &- 1
    let lengths =
      min(bitLength(near), 3) | min(bitLength(above), 3) &<< 2 | min(bitLength(far), 3) &<< 4
    var node = 1
    for shift in stride(from: bitLength(bitLength(most) &- 1) &- 1, through: 0, by: -1) {
      let bit = evidence.code(
        (length &>> shift) & 1, &coder, set: WeightModel.lengthSet &+ node,
        WeightModel.length &+ isNegative &<< 3 &+ node,
        lengthColumn &+ (column & columnMask) &<< 3 &+ node,
        WeightModel.lengthPlace &+ lengths &<< 3 &+ node,
        lengthChannel &+ (channel & channelMask) &<< 3 &+ node)
      node = node &<< 1 | bit
    }
    let decodedLength = node &- 1 &<< bitLength(bitLength(most) &- 1)
    var value = 1
    for shift in stride(from: decodedLength &- 1, through: 0, by: -1) {
      let place = decodedLength &<< 3 | shift
      let bit: Int
      if value < 8 {
        bit = evidence.code(
          (magnitude &>> shift) & 1, &coder, set: WeightModel.bitSet &+ place,
          WeightModel.bit &+ isNegative &<< 3 &+ value &+ decodedLength &<< 4,
          WeightModel.bitShort &+ place)
      } else {
        bit = evidence.code((magnitude &>> shift) & 1, &coder, WeightModel.bitShort &+ place)
      }
      value = value &<< 1 | bit
    }
    return value
  }

  /// Takes note of the weight and goes to the next.
  @inline(__always)
  mutating func advance(_ weight: Int) {
    history[index, back: 0] = weight
    beforeLeft = isSet(left)
    index &+= 1
    column &+= 1
    guard column == columns else { return }
    column = 0
    beforeLeft = 0
    evidence.reset(WeightModel.zeroRow)
    channel &+= 1
    guard channel == channels else { return }
    channel = 0
    isFirstPlace = false
  }

  @inline(__always)
  private func isSet(_ weight: Int) -> Int { weight == 0 ? 0 : 1 }

  @inline(__always)
  private func sign(_ weight: Int) -> Int { weight > 0 ? 1 : weight < 0 ? 2 : 0 }

  @inline(__always)
  private func bitLength(_ value: Int) -> Int {
    Int.bitWidth &- value.magnitude.leadingZeroBitCount
  }
}
