/// Adaptive counters, one a context, and the weights that mix what they say: an online logistic
/// regression over the probabilities of several contexts (M.
///
/// Mahoney, "Adaptive Weighing of Context Models for Lossless Data Compression", 2005), in integers
/// only.
///
/// A counter holds the probability of a 1 in its high 22 bits and, in its low 10, how many decisions
/// it has seen, up to 255. It moves by `1 / (seen + 2)` of what it missed: fast at first, steady
/// later.
///
/// ```
/// p       = squash(sum of weight[i] * stretch(p[i]))
/// weight += stretch(p[i]) * (bit - p) * rate
/// ```
///
/// Counters and weights are named by their index in the memory of the model.
struct Evidence {
  /// One half, nothing seen.
  static let fresh: UInt32 = 1 << 31
  /// What a counter counts to.
  static let seenLimit: UInt32 = 255
  /// Weights of one kind of decision.
  static let setSize = 8
  /// Where weights start, in units of 2^-16: five contexts that agree are believed a little more than
  /// one of them.
  static let firstWeight: Int32 = 14000

  private let counters: UnsafeMutablePointer<UInt32>
  private let weights: UnsafeMutablePointer<Int32>
  private let squash: UnsafePointer<UInt16>
  private let stretch: UnsafePointer<Int16>
  private let reciprocal: UnsafePointer<UInt32>

  /// Works in memory that must outlive it.
  init(_ memory: ModelMemory) {
    counters = memory.counters
    weights = memory.weights
    squash = Logistic.shared.squash
    stretch = Logistic.shared.stretch
    reciprocal = Logistic.shared.reciprocal
  }

  /// Forgets what a counter has seen.
  @inline(__always)
  func reset(_ counter: Int) { counters[counter] = Evidence.fresh }

  /// Codes a decision from one context alone.
  @inline(__always)
  func code<Coder: BinaryCoder>(_ bit: Int, _ coder: inout Coder, _ a: Int) -> Int {
    let probability = squash[Int(stretch[Int(counters[a] &>> 20)])]
    let bit = coder.code(bit, probability: UInt32(probability))
    learn(a, bit)
    return bit
  }

  /// Codes a decision from two contexts.
  @inline(__always)
  func code<Coder: BinaryCoder>(
    _ bit: Int, _ coder: inout Coder, set: Int, _ a: Int, _ b: Int
  ) -> Int {
    let weights = weights + set &* Evidence.setSize
    let (ea, eb) = (evidence(a), evidence(b))
    let probability = mix(ea &* Int(weights[0]) &+ eb &* Int(weights[1]))
    let bit = coder.code(bit, probability: UInt32(probability))
    let error = (bit &<< 16) &- probability
    adjust(weights, ea, error)
    adjust(weights + 1, eb, error)
    learn(a, bit)
    learn(b, bit)
    return bit
  }

  /// Codes a decision from four contexts.
  @inline(__always)
  func code<Coder: BinaryCoder>(
    _ bit: Int, _ coder: inout Coder, set: Int, _ a: Int, _ b: Int, _ c: Int, _ d: Int
  ) -> Int {
    let weights = weights + set &* Evidence.setSize
    let (ea, eb, ec, ed) = (evidence(a), evidence(b), evidence(c), evidence(d))
    let probability = mix(
      ea &* Int(weights[0]) &+ eb &* Int(weights[1]) &+ ec &* Int(weights[2])
        &+ ed &* Int(weights[3]))
    let bit = coder.code(bit, probability: UInt32(probability))
    let error = (bit &<< 16) &- probability
    adjust(weights, ea, error)
    adjust(weights + 1, eb, error)
    adjust(weights + 2, ec, error)
    adjust(weights + 3, ed, error)
    learn(a, bit)
    learn(b, bit)
    learn(c, bit)
    learn(d, bit)
    return bit
  }

  /// Codes a decision from five contexts.
  @inline(__always)
  func code<Coder: BinaryCoder>(
    _ bit: Int, _ coder: inout Coder, set: Int, _ a: Int, _ b: Int, _ c: Int, _ d: Int, _ e: Int
  ) -> Int {
    let weights = weights + set &* Evidence.setSize
    let (ea, eb, ec, ed, ee) = (evidence(a), evidence(b), evidence(c), evidence(d), evidence(e))
    let probability = mix(
      ea &* Int(weights[0]) &+ eb &* Int(weights[1]) &+ ec &* Int(weights[2])
        &+ ed &* Int(weights[3]) &+ ee &* Int(weights[4]))
    let bit = coder.code(bit, probability: UInt32(probability))
    let error = (bit &<< 16) &- probability
    adjust(weights, ea, error)
    adjust(weights + 1, eb, error)
    adjust(weights + 2, ec, error)
    adjust(weights + 3, ed, error)
    adjust(weights + 4, ee, error)
    learn(a, bit)
    learn(b, bit)
    learn(c, bit)
    learn(d, bit)
    learn(e, bit)
    return bit
  }

  @inline(__always)
  private func evidence(_ counter: Int) -> Int { Int(stretch[Int(counters[counter] &>> 20)]) }

  /// The probability, in units of 2^-16, for a sum in units of 2^-24.
  @inline(__always)
  private func mix(_ sum: Int) -> Int {
    Int(squash[max(-Logistic.limit, min(Logistic.limit, sum &>> 16))])
  }

  /// Moves a weight by the evidence (2^-8) times the error (2^-16) times 2^-7, rounded to 2^-16.
  @inline(__always)
  private func adjust(_ weight: UnsafeMutablePointer<Int32>, _ evidence: Int, _ error: Int) {
    let change = (evidence &* error &+ (1 << 14)) &>> 15
    weight.pointee &+= Int32(truncatingIfNeeded: change)
  }

  @inline(__always)
  private func learn(_ counter: Int, _ bit: Int) {
    let state = counters[counter]
    let seen = state & 1023
    let probability = Int(state &>> 10)
    let missed = (bit == 0 ? 0 : 0x3F_FFFF) &- probability
    let moved = probability &+ (missed &* Int(reciprocal[Int(seen)])) &>> 16
    counters[counter] =
      UInt32(truncatingIfNeeded: moved) &<< 10 | (seen &+ (seen < Evidence.seenLimit ? 1 : 0))
  }
}
