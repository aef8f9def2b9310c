import WaneNN
import WaneTensor

extension Option {
  static let regularizer = Option(
    "regularizer", "{ name, rate = } or list of them", default: "none",
    "what is made small besides the loss, of kernels: " + NamedForm.summary(of: Regularizer.forms)
      + "; entropy is of kilobytes of integer codes")
}

extension Regularizer {
  /// The regularizers by name.
  static let forms: [NamedForm<Regularizer>] = Kind.allCases.map { kind in
    let usual: Double =
      switch kind {
      case .l1, .l2, .groupLasso: 1e-5
      case .entropy: 1e-2
      }
    return NamedForm(
      kind.rawValue,
      [Option("rate", "number", default: LuaNumber.format(usual), "what it is multiplied by")]
    ) { options in
      try Regularizer(kind, rate: Float(options.number("rate", default: usual)))
    }
  }
}

extension Options {
  /// The regularizers that the options ask for.
  func regularizers() throws -> [Regularizer] {
    let name = "regularizer"
    guard let value = value(name) else { return [] }
    guard case .table(let table) = value, case .table? = table.elements.first else {
      return [try form(value, name, of: Regularizer.forms)]
    }
    return try table.elements.map { try form($0, name, of: Regularizer.forms) }
  }
}
