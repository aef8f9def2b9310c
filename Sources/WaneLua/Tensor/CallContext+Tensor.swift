import CLuaBridge
import WaneTensor

/// How functions of tensors read what scripts give them. Axes and positions count from 1, or from
/// -1 backwards.
extension CallContext {
  /// A tensor, a number, or nested lists of numbers.
  func operand(_ index: Int) throws -> Operand {
    if let scalar = scalarIfNumber(index) { return .scalar(scalar) }
    if isTable(index) { return .tensor(try tensorOfNumbers(index, nil)) }
    guard index <= count, lua_type(state, stackIndex(index)) == LUA_TUSERDATA else {
      throw expected("Tensor or number", index)
    }
    return .tensor(try tensor(index))
  }

  /// One side of an operator, for which Lua has no word but `__add`.
  func operand(_ index: Int, of operation: String) throws -> Operand {
    do {
      return try operand(index)
    } catch LuaError.argument(_, let message) {
      throw LuaError.message("\(operation): \(message)")
    }
  }

  /// A number with its kind.
  ///
  /// Nil for anything else. A boolean reads as 0 or 1.
  func scalarIfNumber(_ index: Int) -> Scalar? {
    guard index <= count else { return nil }
    let place = stackIndex(index)
    switch lua_type(state, place) {
    case LUA_TNUMBER:
      return lua_isinteger(state, place) != 0
        ? .integer(Int(lua_tointegerx(state, place, nil)))
        : .real(LuaNumber.unsigned(lua_tonumberx(state, place, nil)))
    case LUA_TBOOLEAN: return .integer(lua_toboolean(state, place) != 0 ? 1 : 0)
    default: return nil
    }
  }

  /// A number with its kind.
  func scalar(_ index: Int) throws -> Scalar {
    guard let scalar = scalarIfNumber(index) else { throw expected("number", index) }
    return scalar
  }

  /// A tensor of the numbers or booleans in nested lists, f32 or bool unless a type is given.
  func tensorOfNumbers(_ index: Int, _ dtype: DType?) throws -> Tensor {
    let name = function.name
    do {
      let numbers = try numbers(index)
      return try Tensor(
        values: numbers.values, Shape(numbers.shape), dtype ?? .f32, for: name)
    } catch let error as LuaError {
      guard let truths = try NestedTruths(value(index)) else { throw error }
      return try Tensor(
        values: truths.values, Shape(truths.shape), dtype ?? .bool, for: name)
    }
  }

  /// An axis of a shape, counted from 0.
  func axis(_ index: Int, of shape: Shape) throws -> Int {
    try axis(position: try integer(index), of: shape)
  }

  /// An axis of a shape, counted from 0, or `default` (in Lua's count) if there is no such
  /// argument.
  func axis(_ index: Int, of shape: Shape, default position: Int) throws -> Int {
    try axis(position: isNone(index) ? position : integer(index), of: shape)
  }

  /// An axis in Lua's count, counted from 0.
  func axis(position: Int, of shape: Shape) throws -> Int {
    let found = position < 0 ? position + shape.rank : position - 1
    guard shape.dimensions.indices.contains(found) else {
      throw WaneError(
        function.name,
        shape.rank == 0
          ? "a scalar has no axes, got axis \(position)"
          : "axis must be in 1..\(shape.rank) or -\(shape.rank)..-1 for shape \(shape), "
            + "got \(position)")
    }
    return found
  }

  /// One axis or a list of them, counted from 0; nil if there is no such argument.
  func axes(_ index: Int, of shape: Shape) throws -> [Int]? {
    if isNone(index) { return nil }
    guard isTable(index) else { return [try axis(index, of: shape)] }
    return try integers(inTable: index).map { try axis(position: $0, of: shape) }
  }

  /// A list of whole numbers: one table, or the arguments from `index` up to the last number.
  func integers(from index: Int) throws -> [Int] {
    if isTable(index) { return try integers(inTable: index) }
    var result: [Int] = []
    var next = index
    while next <= count, isNumber(next) || next == index {
      result.append(try integer(next))
      next += 1
    }
    return result
  }

  private func integers(inTable index: Int) throws -> [Int] {
    try Self.integers(try table(index).elements) { argumentError(index, $0) }
  }

  /// Whole numbers of a list that was read.
  static func integers(
    _ elements: [LuaValue], error: (String) -> LuaError
  ) throws -> [Int] {
    try elements.map { element in
      switch element {
      case .integer(let value): return value
      case .number(let value):
        if let whole = Int(exactly: value) { return whole }
        fallthrough
      default: throw error("list of integers expected, got \(element.shortDescription) in it")
      }
    }
  }
}

/// Nested lists of booleans, row-major; nil for anything else.
struct NestedTruths {
  private(set) var shape: [Int] = []
  private(set) var values: [Double] = []

  init?(_ value: LuaValue) {
    var level = value
    while case .table(let table) = level {
      guard let first = table.elements.first else { return nil }
      shape.append(table.elements.count)
      level = first
    }
    guard collect(value, depth: 0) else { return nil }
  }

  private mutating func collect(_ value: LuaValue, depth: Int) -> Bool {
    switch value {
    case .boolean(let truth):
      values.append(truth ? 1 : 0)
      return depth == shape.count
    case .table(let table):
      guard depth < shape.count, table.elements.count == shape[depth] else { return false }
      return table.elements.allSatisfy { collect($0, depth: depth + 1) }
    default: return false
    }
  }
}
