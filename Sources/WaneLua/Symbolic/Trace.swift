import WaneGraph
import WaneTensor

/// A graph that grows while a Lua function is called with symbolic tensors.
final class Trace {
  /// What becomes of tensors and numbers that the function takes from around it.
  enum Surroundings {
    /// Inputs of the graph: the graph does not depend on their values.
    case inputs
    /// Parameters that are not trained, named after a layer, and constants.
    case constants(layer: String)
  }

  /// The graph.
  var graph: Graph
  /// What was taken from around the function, as fed to the inputs that stand for it.
  private(set) var captured: [Tensor] = []
  /// The path of the nodes.
  let layer: String
  /// Makes a parameter of the layer that is being built.
  var makeParameter: ((ParameterRequest) throws -> Value)?
  /// How many samples the models that the function calls are given, if it calls any with whole tensors.
  var batch: Int?
  /// The parameters of those models, by model and name; the models live as long as the trace.
  private var parameters: [ObjectIdentifier: (model: ModelBox, values: [String: Value])] = [:]
  private let surroundings: Surroundings
  private var isOpen = true

  init(_ graph: Graph = Graph(), surroundings: Surroundings = .inputs) {
    self.graph = graph
    self.surroundings = surroundings
    if case .constants(let layer) = surroundings { self.layer = layer } else { layer = "" }
  }

  /// Whether numbers are part of the graph.
  var keepsNumbers: Bool {
    if case .constants = surroundings { return true }
    return false
  }

  /// Ends the trace: its symbolic tensors mean nothing any more.
  func close() { isOpen = false }

  /// Throws when the function has returned.
  func check() throws {
    guard isOpen else {
      throw LuaError.message(
        "a symbolic tensor is of no use after the function that it was given to has returned")
    }
  }

  /// Appends a node with one result.
  func add(_ operation: any Operation, _ inputs: Value...) throws -> Value {
    try graph.add(one: operation, inputs, layer: layer)
  }

  /// The type of a value.
  func type(_ value: Value) -> ValueType { graph.type(of: value) }

  /// An input that is fed with a tensor.
  func input(_ tensor: Tensor) throws -> Value {
    captured.append(tensor)
    return try add(
      Input(index: captured.count - 1, type: .fixed(tensor.shape.dimensions, tensor.dtype)))
  }

  /// The value that stands for a tensor or number from outside.
  func value(of operand: Operand) throws -> Value {
    switch (surroundings, operand) {
    case (.inputs, .scalar(let scalar)):
      return try input(Tensor(scalar: Float(scalar.double)))
    case (.inputs, .tensor(let tensor)): return try input(tensor)
    case (.constants, .scalar(let scalar)): return try constant(Float(scalar.double))
    case (.constants(let layer), .tensor(let tensor)):
      var number = 1
      while graph.parameters["\(layer)/constant_\(number)"] != nil { number += 1 }
      let parameter = try Parameter(
        "\(layer)/constant_\(number)", tensor.converted(to: .f32), isTrainable: false)
      let value = try graph.add(parameter: parameter, layer: layer)
      return tensor.dtype == .f32 ? value : try add(Cast(tensor.dtype), value)
    }
  }

  /// A parameter of a model that the function calls, the same value whenever it is read.
  func value(of parameter: Parameter, in model: ModelBox) throws -> Value {
    let key = ObjectIdentifier(model)
    if let known = parameters[key]?.values[parameter.name] { return known }
    let value = try value(of: .tensor(parameter.decoded()))
    parameters[key, default: (model, [:])].values[parameter.name] = value
    return value
  }

  /// A number that is part of the function.
  func constant(_ number: Float) throws -> Value {
    guard number.isFinite else {
      throw WaneError("trace", "a number must be finite, got \(number)")
    }
    return try add(WaneGraph.Constant(number))
  }

  /// The value in f32.
  func float(_ value: Value) throws -> Value {
    type(value).dtype == .f32 ? value : try add(Cast(.f32), value)
  }

  /// Whether elements are not 0.
  func truth(_ value: Value) throws -> Value {
    type(value).dtype == .bool
      ? value : try add(Compare(.notEqual), float(value), constant(0))
  }

  /// A product with a number, or a sum.
  func scaled(_ value: Value, by factor: Float, plus term: Float = 0) throws -> Value {
    try add(Rescale(scale: factor, offset: term), float(value))
  }

  /// A reduction along axes counted from 0, the batch first.
  func reduce(_ kind: Reduction, _ x: Value, _ axes: [Int], keepingAxes: Bool) throws -> Value {
    let isBatched = type(x).isBatched
    let own = axes.map { isBatched ? $0 - 1 : $0 }
    return try add(
      Reduce(
        kind, axes: own.filter { $0 >= 0 }, overBatch: own.contains(-1), keepingAxes: keepingAxes),
      float(x))
  }
}

/// A value of a trace as Lua holds it.
final class SymbolicTensorBox: LuaObject {
  let trace: Trace
  let value: Value

  init(_ trace: Trace, _ value: Value) {
    self.trace = trace
    self.value = value
  }

  var type: ValueType { trace.type(value) }
}

extension ValueType {
  /// The number of axes, the batch included.
  var rank: Int { dimensions.count + (isBatched ? 1 : 0) }

  /// The extents as Lua sees them: -1 for the batch.
  var extents: [Int] { (isBatched ? [-1] : []) + dimensions }
}
