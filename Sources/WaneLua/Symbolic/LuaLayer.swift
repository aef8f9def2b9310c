import WaneGraph
import WaneNN
import WaneTensor

/// A layer that computes what a Lua function does.
struct LambdaLayer: Layer {
  static let kind = "lambda"
  let name: String?
  let definition: LuaDefinition

  var inputCount: ClosedRange<Int> { 1...1024 }

  func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try definition.build(&builder, inputs)
  }
}

/// A layer that a Lua table defines, with parameters of its own.
struct DefinedLayer: Layer {
  static let kind = "layer"
  let name: String?
  let definition: LuaDefinition

  var inputCount: ClosedRange<Int> { 1...1024 }

  func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    try definition.build(&builder, inputs)
  }
}

/// The functions behind a layer written in Lua, called once when a model is built.
struct LuaDefinition: Sendable {
  /// The function, or the table with `build` and `call`.
  let value: KeptValue
  /// The functions of the table; nil for a function alone.
  let methods: Methods?

  /// What a table defines.
  struct Methods: Sendable {
    let build: KeptValue?
    let call: KeptValue
  }

  /// Appends the operations that the functions make of the inputs.
  func build(_ builder: inout LayerBuilder, _ inputs: [Value]) throws -> Value {
    guard let context = LayerBuilding.context else {
      throw WaneError("layer", "a layer written in Lua is built by Lua only")
    }
    let first = builder.graph.nodes.count
    let trace = Trace(builder.graph, surroundings: .constants(layer: builder.path))
    var shell = builder
    shell.graph = Graph()
    builder.graph = Graph()
    var names = ParameterNames()
    trace.makeParameter = { [unowned trace] request in
      shell.graph = trace.graph
      defer { shell.graph = Graph() }
      let value = try shell.parameter(request, named: names.name(for: request.name))
      trace.graph = shell.graph
      return value
    }
    defer {
      trace.makeParameter = nil
      trace.close()
    }
    let result = try LayerBuilding.$trace.withValue(.init(trace)) {
      try call(context, inputs.map { SymbolicTensorBox(trace, $0) })
    }
    guard case .object(let object)? = result, let box = object as? SymbolicTensorBox,
      box.trace === trace
    else {
      throw WaneError(
        "layer",
        "the function must return a symbolic tensor, got "
          + context.description(of: result))
    }
    // Models run batches in parts, whose statistics are not those of the batch.
    for node in trace.graph.nodes[first...] where node.outputs.contains(where: { !$0.isBatched }) {
      guard !node.inputs.contains(where: { trace.type($0).isBatched }) else {
        throw WaneError(
          "layer",
          "a layer computes each sample by itself, but a reduction or product goes over "
            + "axis 1, the batch; name the other axes")
      }
    }
    guard trace.type(box.value).isBatched else {
      throw WaneError(
        "layer", "the function must keep the batch axis, but returned \(trace.type(box.value))")
    }
    builder.graph = trace.graph
    return box.value
  }

  /// Calls the functions, parts of the definition before operands.
  private func call(_ context: CallContext, _ inputs: [SymbolicTensorBox]) throws -> LuaValue? {
    func push(_ value: KeptValue) throws -> LuaFunction {
      guard let place = value.push(context) else {
        throw WaneError("layer", "the function belongs to another Lua state")
      }
      return place
    }
    guard let methods else {
      return try context.callNow(push(value), all: inputs).first
    }
    let table = try push(value)
    if let build = methods.build {
      let shapes = inputs.map { LuaValue.table(LuaTable($0.type.extents.map { .integer($0) })) }
      _ = try context.callNow(push(build), all: [table] + shapes)
    }
    return try context.callNow(push(methods.call), all: [table] + inputs).first
  }
}

/// What a layer written in Lua asks for by `nn.parameter`.
struct ParameterRequest {
  let name: String?
  let dimensions: [Int]
  let initializer: Initializer
  /// What it starts with, in place of the initializer.
  let value: Tensor?
  let isTrainable: Bool
}

/// Names for parameters that were given none: `weight`, `weight_1`.
private struct ParameterNames {
  private var count = 0

  mutating func name(for given: String?) -> String {
    if let given { return given }
    count += 1
    return count == 1 ? "weight" : "weight_\(count - 1)"
  }
}

extension LayerBuilder {
  fileprivate mutating func parameter(_ request: ParameterRequest, named name: String) throws
    -> Value
  {
    let full = "\(path)/\(name)"
    guard let value = request.value, graph.parameters[full] == nil else {
      return try parameter(
        name, request.dimensions, request.initializer, isTrainable: request.isTrainable)
    }
    return try graph.add(
      parameter: Parameter(full, value, isTrainable: request.isTrainable), layer: path)
  }
}

/// What layers written in Lua find while a model is built.
enum LayerBuilding {
  /// A value that is valid during a call, on its thread.
  struct Held<Content>: @unchecked Sendable {
    let content: Content
    init(_ content: Content) { self.content = content }
  }

  @TaskLocal static var call: Held<CallContext>?
  @TaskLocal static var trace: Held<Trace>?

  /// The call that builds the model.
  static var context: CallContext? { call?.content }
}

extension CallContext {
  /// Builds a model whose layers may call Lua.
  func building<Result>(_ body: () throws -> Result) rethrows -> Result {
    try LayerBuilding.$call.withValue(.init(self), operation: body)
  }
}
