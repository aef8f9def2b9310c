import WaneNN

/// An optimizer as Lua holds it.
final class OptimizerBox: LuaObject {
  let optimizer: Optimizer

  init(_ optimizer: Optimizer) { self.optimizer = optimizer }

  /// Its kind and coefficients.
  var description: String {
    var parts = ["learning_rate \(optimizer.learningRate)"]
    switch optimizer.rule {
    case .sgd(let momentum, let nesterov):
      parts.append("momentum \(momentum)")
      if nesterov { parts.append("nesterov") }
    case .adam(let beta1, let beta2, let epsilon, let amsgrad):
      parts.append("betas \(beta1) and \(beta2), epsilon \(epsilon)")
      if amsgrad { parts.append("amsgrad") }
    case .nadam(let beta1, let beta2, let epsilon):
      parts.append("betas \(beta1) and \(beta2), epsilon \(epsilon)")
    case .rmsprop(let rho, let momentum, let epsilon, let centered):
      parts.append("rho \(rho), momentum \(momentum), epsilon \(epsilon)")
      if centered { parts.append("centered") }
    case .adagrad(let initial, let epsilon):
      parts.append("initial_accumulator_value \(initial), epsilon \(epsilon)")
    case .adadelta(let rho, let epsilon): parts.append("rho \(rho), epsilon \(epsilon)")
    case .lion(let beta1, let beta2): parts.append("betas \(beta1) and \(beta2)")
    }
    if optimizer.weightDecay > 0 { parts.append("weight_decay \(optimizer.weightDecay)") }
    switch optimizer.clipping {
    case .none: break
    case .value(let limit): parts.append("clipvalue \(limit)")
    case .norm(let limit): parts.append("clipnorm \(limit)")
    case .globalNorm(let limit): parts.append("global_clipnorm \(limit)")
    }
    if let momentum = optimizer.averageMomentum { parts.append("ema_momentum \(momentum)") }
    return "\(optimizer.rule.name) (\(parts.joined(separator: ", ")))"
  }
}

extension Noun {
  static let optimizer = Noun(
    OptimizerBox.self, "Optimizer", "How gradients move parameters.",
    fields: [
      Field("learning_rate", "number", "The step size.") { (box: OptimizerBox) in
        box.optimizer.learningRate
      }
    ],
    metamethods: [
      Function(
        "__tostring", "Its kind and coefficients.", signature: "tostring(optimizer)",
        method: { (box: OptimizerBox, context) in context.results(box.description) })
    ])
}
