import WaneGraph
import WaneTensor

/// The derivative of a Lua function, itself a function.
///
/// Each call traces the function, so that what it takes from around it, and the way it goes there,
/// are those of the moment. What is compiled is kept for calls whose traces have the same form.
final class GradientBox: LuaObject {
  /// The arguments with respect to which it is differentiated, from 0.
  let positions: [Int]
  /// Whether a list of positions was asked for.
  let isSingle: Bool
  /// Whether the function's value is a result, too.
  let givesValue: Bool
  private var programs: [TracedProgram] = []
  /// Forms kept at a time: shapes of a last batch and the like.
  private static let mostPrograms = 8

  init(positions: [Int], isSingle: Bool, givesValue: Bool) {
    self.positions = positions
    self.isSingle = isSingle
    self.givesValue = givesValue
  }

  private var name: String { givesValue ? "value_and_grad" : "grad" }

  /// Calls the function with symbolic tensors, then differentiates.
  func differentiate(_ context: CallContext) throws -> CallContext.Outcome {
    guard let function = context.held(by: 1) else { throw WaneError(name, "has no function") }
    let values = try positions.map { position in
      guard position + 2 <= context.count else {
        throw LuaError.message(
          "\(name): argument \(position + 1) is missing, with respect to which the function is "
            + "differentiated")
      }
      return try context.value(position + 2)
    }
    let arguments = try DifferentiatedArguments(values, positions: positions, of: name)
    var passed: [any LuaConvertible] = (2...context.count).map { context.argument($0) }
    for (position, symbol) in zip(positions, arguments.symbols) { passed[position] = symbol }
    return context.call(function, all: passed) { context in
      let outcome = try self.finish(arguments, context)
      if !arguments.isNested { arguments.trace.close() }
      return outcome
    }
  }

  private func finish(
    _ arguments: DifferentiatedArguments, _ context: CallContext
  ) throws -> CallContext.Outcome {
    let scalar = try context.scalarResult(of: arguments.trace, name)
    let trace = arguments.trace
    if arguments.isNested {
      let gradients = try trace.graph.gradients(of: scalar, withRespectTo: arguments.targets)
      let symbols = try zip(gradients, arguments.targets).map { gradient, target in
        let value =
          try gradient
          ?? trace.add(BroadcastTo(trace.type(target).dimensions), trace.constant(0))
        return LuaValue.object(SymbolicTensorBox(trace, value))
      }
      return context.results(
        all: results(.object(SymbolicTensorBox(trace, scalar)), arguments.shaped(symbols)))
    }
    let program = try program(trace, scalar, arguments.targets)
    let outputs = try program.run(trace.captured)
    let gradients = outputs.dropFirst().enumerated().map { arguments.value($1, $0) }
    return context.results(
      all: results(LuaValue(try outputs[0].item(), of: .f32), arguments.shaped(gradients)))
  }

  private func results(_ value: LuaValue, _ gradients: [LuaValue]) -> [LuaValue] {
    (givesValue ? [value] : []) + (isSingle ? Array(gradients.prefix(1)) : gradients)
  }

  /// A program for the value and the gradients: one that was compiled before, or a new one.
  private func program(_ trace: Trace, _ scalar: Value, _ targets: [Value]) throws -> TracedProgram
  {
    var form = trace.graph
    form.outputs = [scalar]
    if let index = programs.firstIndex(where: { $0.fits(form, targets: targets) }) {
      let program = programs.remove(at: index)
      programs.append(program)
      return program
    }
    var graph = form
    let gradients = try graph.gradients(of: scalar, withRespectTo: targets)
    for (gradient, target) in zip(gradients, targets) {
      if let gradient {
        graph.outputs.append(gradient)
      } else {
        let zero = try graph.add(one: WaneGraph.Constant(0), [])
        graph.outputs.append(
          try graph.add(one: BroadcastTo(graph.type(of: target).dimensions), [zero]))
      }
    }
    let program = try TracedProgram(form: form, targets: targets, graph, batch: trace.batch ?? 1)
    if programs.count == Self.mostPrograms { programs.removeFirst() }
    programs.append(program)
    return program
  }
}

extension CallContext {
  /// What a traced function returned: a scalar of the trace.
  func scalarResult(of trace: Trace, _ name: String) throws -> Value {
    guard count > 0, let box = symbolic(1) else {
      let got = count == 0 ? "nothing" : description(of: try? value(1))
      throw LuaError.message(
        "\(name): the function must return a scalar that is computed from its arguments, got \(got)"
      )
    }
    guard box.trace === trace else {
      throw LuaError.message("\(name): the function returned a symbolic tensor of another function")
    }
    guard !box.type.isBatched, box.type.sampleCount == 1, box.type.dtype == .f32 else {
      throw LuaError.message(
        "\(name): the function must return a scalar, got shape \(box.type); "
          + "add :sum() or :mean()")
    }
    return try trace.graph.reshape(box.value, [])
  }
}

extension Noun {
  static let gradient = Noun(
    GradientBox.self, "Gradient", "The derivative of a function, to be called like it.",
    metamethods: [
      Function(
        "__call", "The gradients at the arguments, after the value if that is wanted.",
        signature: "gradient(arguments...) -> gradients...",
        method: { (box: GradientBox, context) in try box.differentiate(context) })
    ])
}

extension Namespace {
  /// `wane.grad` and `wane.value_and_grad`.
  static let differentiation = Namespace(
    "", "Derivatives of functions.",
    functions: [
      differentiation(
        "grad", "The derivative of a function of tensors whose result is a scalar.",
        givesValue: false, signature: "grad(f, [options]) -> function",
        example: """
          dfdx = wane.grad(function(v) return (v ^ 3):sum() end)
          print(dfdx(wane.tensor { 1, 2 }))    -- 3 v^2
          """),
      differentiation(
        "value_and_grad", "A function that gives the value of another one, then its derivative.",
        givesValue: true, signature: "value_and_grad(f, [options]) -> function",
        example: "loss, gradient = wane.value_and_grad(f)(weights)"),
    ])

  private static func differentiation(
    _ name: String, _ summary: String, givesValue: Bool, signature: String, example: String
  ) -> Function {
    Function(
      name,
      summary
        + " The function is called with symbolic tensors, so it cannot look at their values; "
        + "tables of tensors are arguments, too.",
      signature: signature,
      options: [
        Option(
          "argnums", "integer or list", default: "1",
          "the arguments to differentiate with respect to")
      ],
      example: example
    ) { context in
      let function = try context.callable(1)
      let options = try context.options(2)
      let positions = try options.integers("argnums") ?? [1]
      guard !positions.isEmpty, positions.allSatisfy({ (1...64).contains($0) }),
        Set(positions).count == positions.count
      else { throw options.bad("argnums", "different positions from 1 expected, got \(positions)") }
      var isSingle = true
      if case .table? = options.value("argnums") { isSingle = false }
      let box = GradientBox(
        positions: positions.map { $0 - 1 }, isSingle: isSingle, givesValue: givesValue)
      return context.results(box, holding: [function])
    }
  }
}
