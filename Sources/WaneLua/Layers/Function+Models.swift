import WaneGraph
import WaneNN
import WaneTensor

extension Option {
  static let initialSeed = Option(
    "seed", "integer", default: "0", "decides the initial parameters")
}

extension Function {
  /// `wane.nn.sequential`.
  static let sequential = Function(
    "sequential", "A chain of layers and models, the first of which is an input.",
    signature: "sequential { nn.input {...}, layers... } -> Model",
    options: [.initialSeed],
    example: """
      model = wane.nn.sequential {
        wane.nn.input { 28, 28, 1 }, wane.nn.flatten {}, wane.nn.dense { 10, activation = "softmax" },
      }
      """
  ) { context in
    let table = try context.table(1)
    let options = try Options(
      LuaTable(fields: table.fields), of: "sequential", context.function.options)
    let layers = try table.elements.enumerated().map { index, element -> any Layer in
      if case .object(let object) = element {
        if let box = object as? LayerBox { return box.layer }
        if let box = object as? ModelBox { return ModelLayer(box.graph) }
        if let symbol = object as? SymbolBox, symbol.value.layer is InputLayer {
          return symbol.value.layer
        }
      }
      throw context.argumentError(
        1, "element \(index + 1) must be a layer or a model, got \(element.shortDescription)")
    }
    let seed = try options.seed()
    return context.results(
      ModelBox(try context.building { try ModelBuilder.sequential(layers, seed: seed) }))
  }

  /// `wane.nn.model`.
  static let functionalModel = Function(
    "model", "A model between symbolic values.",
    signature: "model { inputs = x, outputs = y } -> Model",
    options: [
      Option("inputs", "symbolic value or list", "what is fed"),
      Option("outputs", "symbolic value or list", "what is computed"), .initialSeed,
    ],
    example: """
      x = wane.nn.input { 4 }
      model = wane.nn.model { inputs = x, outputs = wane.nn.dense { 2 } (x) }
      """
  ) { context in
    let options = try context.options(1)
    let (inputs, outputs) = (try options.symbols("inputs"), try options.symbols("outputs"))
    let seed = try options.seed()
    return context.results(
      ModelBox(
        try context.building {
          try ModelBuilder.functional(inputs: inputs, outputs: outputs, seed: seed)
        }))
  }
}

extension Options {
  /// The seed that the options give, or 0.
  func seed() throws -> UInt64 { UInt64(bitPattern: Int64(try integer("seed", default: 0))) }

  fileprivate func symbols(_ name: String) throws -> [SymbolicValue] {
    switch value(name) {
    case .object(let object as SymbolBox): return [object.value]
    case .table(let table):
      if let symbols = table.symbols { return symbols }
    case nil: return try required(name, nil)
    default: break
    }
    throw bad(name, "a symbolic value or a list of them expected")
  }
}
