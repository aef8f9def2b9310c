import WaneTensor

/// What a recurrent layer does otherwise than the usual one.
///
/// In attributes only what is not as usual stands, so that files of usual layers stay as they are.
public struct RecurrentForm: Hashable, Sendable {
  /// The activation of a gated cell's contents and result.
  public var activation: RecurrentActivation
  /// The activation of its gates.
  public var gateActivation: RecurrentActivation
  /// Whether a GRU's reset gate is applied after the product; else it is before.
  public var resetsAfter: Bool
  /// The fraction of the state that training sets to zero where it goes into products, the same one at
  /// all steps and another one for each gate (Gal and Ghahramani, 2016).
  public var recurrentDropout: Float = 0
  /// Tells the random numbers of several layers apart.
  public var stream = 0
  /// Whether the state before the first step is an operand; else it is zero.
  public var takesState = false
  /// Whether there is a mask `[N, T]` among the operands: at steps where it is 0 the state stays.
  public var isMasked = false
  /// Whether the result is zero at steps that are masked; else it is that of the step before.
  public var zeroesMasked = false

  /// The usual form, or one with another cell.
  public init(
    activation: RecurrentActivation = .tanh, gateActivation: RecurrentActivation = .sigmoid,
    resetsAfter: Bool = true
  ) {
    self.activation = activation
    self.gateActivation = gateActivation
    self.resetsAfter = resetsAfter
  }

  /// Reads a form; what is not said is as usual.
  init(_ attributes: Attributes) throws {
    self.init(
      activation: try attributes.activation("cell_activation") ?? .tanh,
      gateActivation: try attributes.activation("recurrent_activation") ?? .sigmoid,
      resetsAfter: try attributes.flag("reset_after") ?? true)
    if attributes.values["recurrent_dropout"] != nil {
      recurrentDropout = try attributes.float("recurrent_dropout")
      stream = try attributes.int("stream")
    }
    takesState = try attributes.flag("initial_state") ?? false
    isMasked = try attributes.flag("masked") ?? false
    zeroesMasked = try attributes.flag("zero_masked") ?? false
  }

  var attributes: [String: Attribute] {
    var result: [String: Attribute] = [:]
    if activation != .tanh { result["cell_activation"] = .string(activation.rawValue) }
    if gateActivation != .sigmoid {
      result["recurrent_activation"] = .string(gateActivation.rawValue)
    }
    if !resetsAfter { result["reset_after"] = .bool(false) }
    if recurrentDropout > 0 {
      result["recurrent_dropout"] = .float(recurrentDropout)
      result["stream"] = .int(stream)
    }
    if takesState { result["initial_state"] = .bool(true) }
    if isMasked { result["masked"] = .bool(true) }
    if zeroesMasked { result["zero_masked"] = .bool(true) }
    return result
  }

  /// Whether the cell computes what its own kernel does.
  var isStandardCell: Bool {
    activation == .tanh && gateActivation == .sigmoid && resetsAfter
  }

  /// Whether a program needs no more than the usual kernels.
  func isPlain(_ mode: ProgramMode) -> Bool {
    isStandardCell && !takesState && !isMasked && !drops(mode)
  }

  /// Whether a program drops parts of the state.
  func drops(_ mode: ProgramMode) -> Bool { mode == .training && recurrentDropout > 0 }
}

extension Attributes {
  /// A truth value, if there is one.
  func flag(_ name: String) throws -> Bool? { try values[name] == nil ? nil : bool(name) }

  fileprivate func activation(_ name: String) throws -> RecurrentActivation? {
    guard values[name] != nil else { return nil }
    let text = try string(name)
    guard let activation = RecurrentActivation(rawValue: text) else {
      throw WaneError(operation, "there is no activation '\(text)'")
    }
    return activation
  }
}

/// Where the operands of a recurrence are; those of its gradient follow one gradient each of results.
struct RecurrentOperands {
  /// The sequences, the kernel and the recurrent kernel.
  let x, kernel, recurrentKernel: Int
  /// The states of all steps, for the gradient.
  var states: Int { recurrentKernel + 1 }
  /// The gates and cells of all steps, for the gradient of gated cells.
  let gates, cells: Int
  let bias, state, cell, mask: Int?
  /// How many there are.
  let count: Int

  /// Finds the operands.
  ///
  /// - Parameters:
  ///   - recurrence: what is carried.
  ///   - hasBias: whether there is a bias.
  ///   - first: where the sequences are.
  ///   - saved: how many operands stand for what the forward pass left.
  init(_ recurrence: Recurrence, hasBias: Bool, first: Int = 0, saved: Int = 0) {
    (x, kernel, recurrentKernel) = (first, first + 1, first + 2)
    gates = first + 4
    cells = first + 5
    var next = first + 3 + saved
    func take(_ isThere: Bool) -> Int? {
      guard isThere else { return nil }
      defer { next += 1 }
      return next
    }
    bias = take(hasBias)
    state = take(recurrence.form.takesState)
    cell = take(recurrence.form.takesState && recurrence.cell == .lstm)
    mask = take(recurrence.form.isMasked)
    count = next
  }

  /// The operands of a forward pass of so many, of which only the bias may be missing.
  static func forward(_ recurrence: Recurrence, count: Int) -> RecurrentOperands {
    let without = RecurrentOperands(recurrence, hasBias: false)
    return count <= without.count ? without : RecurrentOperands(recurrence, hasBias: true)
  }
}
