import WaneGraph
import WaneNN
import WaneTensor

/// Layers written in Lua.
extension Function {
  static let lambda = Function(
    "lambda",
    "A layer that computes what a function does with symbolic tensors. The function is "
      + "called once, when a model is built; the model keeps its operations.",
    signature: "lambda(f, [options]) -> Layer", options: [.layerName],
    example: "swish = wane.nn.lambda(function(v) return v * v:sigmoid() end)"
  ) { context in
    let function = try context.function(1)
    let name = try context.options(2).string("name")
    let definition = LuaDefinition(value: try context.keep(function), methods: nil)
    return context.results(LayerBox(LambdaLayer(name: name, definition: definition)))
  }

  static let luaLayer = Function(
    "layer",
    "A layer with parameters of its own: build(self, shape) makes them, call(self, x) uses them. "
      + "Both are called when a model is built, with the table as self; shapes begin with -1, the "
      + "batch.",
    signature: "layer { build = function, call = function, ... } -> Layer",
    options: [
      .layerName,
      Option("build", "function", default: "none", "makes parameters by nn.parameter"),
      Option("call", "function", "computes the result from symbolic tensors"),
    ],
    example: """
      scale = wane.nn.layer {
        build = function(self, shape) self.w = wane.nn.parameter { shape[#shape], init = "ones" } end,
        call = function(self, x) return x * self.w end,
      }
      """
  ) { context in
    let table = try context.table(1)
    let known = Set(context.function.options.map(\.name))
    let options = try Options(
      LuaTable(fields: table.fields.filter { known.contains($0.key) }), of: "layer",
      context.function.options)
    let call = try options.required("call", options.function("call"))
    let definition = LuaDefinition(
      value: try context.keep(context.place(1)),
      methods: LuaDefinition.Methods(
        build: try options.function("build").map(context.keep), call: try context.keep(call)))
    return context.results(
      LayerBox(DefinedLayer(name: try options.string("name"), definition: definition)))
  }

  static let parameter = Function(
    "parameter", "A parameter of the layer that is being built, as a symbolic tensor.",
    signature: "parameter { extents..., ... } -> SymbolicTensor",
    options: [
      Option("name", "string", default: "weight", "what it is called after the layer's name"),
      Option(
        "init", oneOf: ["glorot_uniform", "zeros", "ones"], default: "glorot_uniform",
        "how it starts"),
      Option("value", "Tensor", default: "init's", "what it starts with"),
      Option("trainable", "boolean", default: "true", "whether training moves it"),
    ],
    example: #"self.w = wane.nn.parameter { 3, 4, name = "w" }"#
  ) { context in
    let table = try context.table(1)
    let options = try Options(
      LuaTable(fields: table.fields), of: "parameter", context.function.options)
    guard let trace = LayerBuilding.trace?.content, let make = trace.makeParameter else {
      throw LuaError.message(
        "parameter: parameters are made by the build function of an nn.layer, while it is called")
    }
    let value = try options.object("value", as: TensorBox.self, called: "Tensor")?.tensor
    var dimensions = try CallContext.integers(table.elements) { context.argumentError(1, $0) }
    if dimensions.isEmpty, let value { dimensions = value.shape.dimensions }
    guard dimensions.allSatisfy({ $0 > 0 }) else {
      throw WaneError("parameter", "extents must be positive, got \(dimensions)")
    }
    if let value, value.shape.dimensions != dimensions || value.dtype != .f32 {
      throw options.bad(
        "value",
        "f32 of shape \(Shape.text(dimensions)) expected, got \(value.shape) "
          + "\(value.dtype)")
    }
    let initializer: Initializer =
      switch try options.choice("init") {
      case "zeros": .zeros
      case "ones": .ones
      default: .glorotUniform
      }
    let request = ParameterRequest(
      name: try options.string("name"), dimensions: dimensions, initializer: initializer,
      value: value, isTrainable: try options.boolean("trainable", default: true))
    return context.results(SymbolicTensorBox(trace, try make(request)))
  }
}

extension CallContext {
  /// Where an argument stands, whatever it is.
  func place(_ index: Int) -> LuaFunction { LuaFunction(stackIndex: stackIndex(index)) }
}
