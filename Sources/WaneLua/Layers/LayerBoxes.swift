import WaneGraph
import WaneNN

/// A layer as Lua holds it, to be put into a model or applied to symbolic values.
final class LayerBox: LuaObject {
  let layer: any Layer
  let identity = LayerIdentity()

  init(_ layer: any Layer) { self.layer = layer }

  /// What the layer is called in messages: `conv2d`.
  var kind: String { layer.kind }
}

/// The result of a layer before the model is built.
final class SymbolBox: LuaObject {
  let value: SymbolicValue

  init(_ value: SymbolicValue) { self.value = value }
}

extension SymbolicValue {
  /// All results of its layer, as Lua gets them.
  var boxes: [LuaValue] { results.map { .object(SymbolBox($0)) } }
}

extension Noun {
  static let layer = Noun(
    LayerBox.self, "Layer", "A layer, to be put into a model or called with symbolic values.",
    fields: [
      Field("kind", "string", "What kind of layer it is.") { (box: LayerBox) in box.kind },
      Field("name", "string or nil", "The name it was given.") { (box: LayerBox) in
        box.layer.name
      },
    ],
    methods: [.adapt],
    metamethods: [
      Function(
        "__call", "Applies the layer to symbolic values; twice, it shares its parameters.",
        signature:
          "layer(x) or layer { x, y } -> symbolic value, several for layers of several results",
        method: { (box: LayerBox, context) in
          let inputs = try context.symbols(2)
          return context.results(
            all: try SymbolicValue(box.layer, inputs, identity: box.identity).boxes)
        }),
      Function(
        "__tostring", "Its kind and name.", signature: "tostring(layer)",
        method: { (box: LayerBox, context) in
          context.results("Layer (\(box.layer.name.map { "\(box.kind) '\($0)'" } ?? box.kind))")
        }),
    ])

  static let symbol = Noun(
    SymbolBox.self, "Symbol", "The result of a layer in a model that is not built yet.",
    metamethods: [
      Function(
        "__tostring", "The layer it comes from.", signature: "tostring(symbol)",
        method: { (box: SymbolBox, context) in
          context.results("Symbol (\(box.value.layer.kind))")
        })
    ])
}

extension CallContext {
  /// Whether an argument is a symbolic value or a list of them.
  func hasSymbols(_ index: Int) -> Bool {
    if objectIfAny(index, as: SymbolBox.self) != nil { return true }
    return isTable(index) && (try? table(index))?.symbols != nil
  }

  /// One symbolic value, or a list of them.
  func symbols(_ index: Int) throws -> [SymbolicValue] {
    if let box = objectIfAny(index, as: SymbolBox.self) { return [box.value] }
    guard isTable(index), let symbols = try table(index).symbols else {
      throw expected("symbolic value or list of them", index)
    }
    return symbols
  }
}

extension LuaTable {
  /// The elements, when all of them are symbolic values.
  var symbols: [SymbolicValue]? {
    guard fields.isEmpty, !elements.isEmpty else { return nil }
    let found = elements.compactMap { element in
      if case .object(let object) = element { return (object as? SymbolBox)?.value }
      return nil
    }
    return found.count == elements.count ? found : nil
  }
}
