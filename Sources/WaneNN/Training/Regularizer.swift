import WaneGraph
import WaneTensor

/// What training makes small besides the loss of the samples: a measure of the kernels, added to the
/// loss.
///
/// Kernels are trained parameters with at least two axes; biases and normalizations are left alone.
public struct Regularizer: Equatable, Sendable {
  /// The measure.
  public enum Kind: String, CaseIterable, Sendable {
    /// The sum of magnitudes (Tibshirani, "Regression shrinkage and selection via the lasso", 1996).
    case l1
    /// The sum of squares.
    case l2
    /// The norms of units, the positions of the last axis, each times the root of its number of weights
    /// (Yuan and Lin, "Model selection and estimation in regression with grouped variables", 2006).
    case groupLasso = "group_lasso"
    /// Kilobytes that the codes of kernels on an integer grid take (`CodeEntropy`).
    case entropy
  }

  /// The measure.
  public var kind: Kind
  /// What it is multiplied by.
  public var rate: Float

  /// Creates a regularizer.
  ///
  /// - Throws: when the rate is negative or not finite.
  public init(_ kind: Kind, rate: Float) throws {
    guard rate >= 0, rate.isFinite else {
      throw WaneError(kind.rawValue, "rate must be at least 0, got \(rate)")
    }
    self.kind = kind
    self.rate = rate
  }

  /// Bits of a kilobyte.
  public static let bitsPerKilobyte: Float = 8000

  /// The name under which a training graph reads the rate of one of its regularizers.
  static func rateName(_ index: Int) -> String { "regularizer#\(index)" }
}

extension Graph {
  /// Adds regularizers to a loss.
  ///
  /// - Returns: the sum, and the variables that hold the rates.
  /// - Throws: when there is nothing that a measure applies to.
  mutating func adding(
    _ regularizers: [Regularizer], to loss: Value, of form: TrainingForm, _ model: Graph
  ) throws -> (loss: Value, rates: [TrainingForm.Variable]) {
    var loss = loss
    var rates: [TrainingForm.Variable] = []
    let trained = Set(form.variables.filter(\.isTrainable).map(\.parameter))
    let kernels = model.parameters.filter { trained.contains($0.name) && $0.shape.rank > 1 }
    for (index, regularizer) in regularizers.enumerated() {
      var sum: Value?
      for kernel in kernels {
        guard let expression = form.expressions[kernel.name],
          let term = try measure(regularizer.kind, kernel, expression)
        else { continue }
        sum = try sum.map { try add(one: Add(), [$0, term], layer: "regularizer") } ?? term
      }
      guard let sum else {
        let reason =
          regularizer.kind == .entropy
          ? "no trained kernel is on a symmetric integer grid of its own; quantize first, or use "
            + "compress with method 'entropy'" : "the model has no trained kernel"
        throw WaneError(regularizer.kind.rawValue, reason)
      }
      let name = Regularizer.rateName(index)
      rates.append(
        TrainingForm.Variable(
          name: name, parameter: name, role: .rate,
          initial: try Tensor([regularizer.rate], .scalar),
          isTrainable: false))
      let rate = try add(
        one: ParameterRead(name: name, dimensions: []), [], layer: "regularizer")
      let term = try add(one: Binary(.multiply), [sum, rate], layer: "regularizer")
      loss = try add(one: Add(), [loss, term], layer: "regularizer")
    }
    return (loss, rates)
  }

  /// A measure of one kernel, a scalar; nil when it does not apply.
  private mutating func measure(
    _ kind: Regularizer.Kind, _ kernel: Parameter, _ expression: TrainingForm.Expression
  ) throws -> Value? {
    func node(_ operation: any Operation, _ inputs: Value...) throws -> Value {
      try add(one: operation, inputs, layer: "regularizer")
    }
    let axes = Array(kernel.shape.dimensions.indices)
    switch kind {
    case .l1:
      return try node(Reduce(.sum, axes: axes), node(Unary(.abs), expression.weights))
    case .l2:
      return try node(Reduce(.sum, axes: axes), node(Unary(.square), expression.weights))
    case .groupLasso:
      let squares = try node(Unary(.square), expression.weights)
      let units = try node(Reduce(.sum, axes: axes.dropLast()), squares)
      // A unit that is zero altogether has no direction; the constant keeps its gradient finite.
      let norms = try node(Unary(.sqrt), node(Rescale(scale: 1, offset: 1e-12), units))
      let members = kernel.shape.count / max(kernel.shape.dimensions.last ?? 1, 1)
      return try node(
        Rescale(scale: Float(members).squareRoot()), node(Reduce(.sum, axes: [0]), norms))
    case .entropy:
      guard let factors = expression.factors, case .integer(_, let grid) = kernel.payload,
        grid.isSymmetric, !grid.isBinary, grid.groupSize == nil, kernel.shape.count > 0
      else { return nil }
      let bits = try node(CodeEntropy(grid), expression.weights, factors)
      return try node(Rescale(scale: 1 / Regularizer.bitsPerKilobyte), bits)
    }
  }
}

extension TrainingRun {
  /// Changes what a regularizer of the options is multiplied by, from the next step on.
  public func setRate(_ rate: Float, ofRegularizer index: Int) throws {
    store.write(try Tensor([rate], .scalar), to: Regularizer.rateName(index))
  }
}
