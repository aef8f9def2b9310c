import CLuaBridge

/// Reads Lua values into Swift with API that cannot raise: metamethods are not called, and nothing
/// is allocated inside Lua.
///
/// Guards against cycles, depth and size.
struct LuaReader {
  /// Why a value cannot be read.
  struct Failure: Error {
    let message: String
  }

  private static let deepest = 64
  private static let mostValues = 1 << 24

  private let context: CallContext
  let state: OpaquePointer
  private var path: [UnsafeRawPointer?] = []
  private var valuesLeft = mostValues

  init(_ context: CallContext) {
    self.context = context
    state = context.state
  }

  /// The value at a stack index.
  func value(at index: Int32) throws -> LuaValue {
    var reader = self
    return try reader.read(index)
  }

  /// The string at a stack index, which must be one.
  func string(at index: Int32) -> LuaValue {
    var length = 0
    guard let start = lua_tolstring(state, index, &length) else { return .none }
    let bytes = UnsafeRawBufferPointer(start: start, count: length)
    if let string = String(validating: bytes, as: UTF8.self) { return .string(string) }
    return .bytes([UInt8](bytes))
  }

  /// The bytes of the string at a stack index, which must be one.
  func bytes(at index: Int32) -> [UInt8] {
    var length = 0
    guard let start = lua_tolstring(state, index, &length) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: length))
  }

  /// What kind of value stands at a stack index, for messages.
  func typeName(at index: Int32) -> String {
    var noun: UInt32 = 0
    var closed = false
    if wane_object(context.call, index, &noun, &closed) != nil || closed {
      return context.registry.nouns[Int(noun)].name
    }
    return String(cString: lua_typename(state, lua_type(state, index)))
  }

  private mutating func read(_ index: Int32) throws -> LuaValue {
    switch lua_type(state, index) {
    case LUA_TNONE, LUA_TNIL: return .none
    case LUA_TBOOLEAN: return .boolean(lua_toboolean(state, index) != 0)
    case LUA_TNUMBER:
      return lua_isinteger(state, index) != 0
        ? .integer(Int(lua_tointegerx(state, index, nil)))
        : .number(LuaNumber.unsigned(lua_tonumberx(state, index, nil)))
    case LUA_TSTRING: return string(at: index)
    case LUA_TTABLE: return .table(try readTable(lua_absindex(state, index)))
    case LUA_TFUNCTION: return .function(LuaFunction(stackIndex: lua_absindex(state, index)))
    default:
      var noun: UInt32 = 0
      var closed = false
      if let pointer = wane_object(context.call, index, &noun, &closed) {
        let object = Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue()
        if let object = object as? any LuaObject { return .object(object) }
      }
      let name = typeName(at: index)
      throw Failure(message: closed ? "\(name) was closed" : "a \(name) is of no use here")
    }
  }

  /// Walks a table with `lua_next`.
  ///
  /// A function found in it stays on the stack, below the key that the walk continues from, so that
  /// it can be called later.
  private mutating func readTable(_ index: Int32) throws -> LuaTable {
    let identity = lua_topointer(state, index)
    guard !path.contains(identity) else { throw Failure(message: "table contains itself") }
    guard path.count < Self.deepest, lua_checkstack(state, 8) != 0 else {
      throw Failure(message: "tables are nested more than \(Self.deepest) deep")
    }
    path.append(identity)
    defer { path.removeLast() }

    var table = LuaTable()
    let length = Int(lua_rawlen(state, index))
    guard length <= valuesLeft else {
      throw Failure(message: "table has more than \(Self.mostValues) values")
    }
    table.elements = Array(repeating: .none, count: length)
    var elementsSeen = 0
    lua_pushnil(state)
    while lua_next(state, index) != 0 {
      guard valuesLeft > 0 else {
        throw Failure(message: "table has more than \(Self.mostValues) values")
      }
      valuesLeft -= 1
      let keyIndex = lua_absindex(state, -2)
      let value = try read(keyIndex + 1)
      if lua_type(state, keyIndex) == LUA_TSTRING {
        guard case .string(let name) = string(at: keyIndex) else {
          throw Failure(message: "table has a key that is not text in UTF-8")
        }
        table.fields[name] = value
      } else {
        guard lua_isinteger(state, keyIndex) != 0 else {
          let kind = String(cString: lua_typename(state, lua_type(state, keyIndex)))
          throw Failure(message: "table has a key that is a \(kind)")
        }
        let position = Int(lua_tointegerx(state, keyIndex, nil))
        guard position >= 1, position <= table.elements.count else {
          throw Failure(message: "list has a hole before [\(position)]")
        }
        table.elements[position - 1] = value
        elementsSeen += 1
      }
      continueWalk(from: keyIndex)
      guard lua_checkstack(state, 8) != 0 else {
        throw Failure(message: "table has too many functions")
      }
    }
    guard elementsSeen == table.elements.count else {
      throw Failure(message: "list of \(table.elements.count) has a hole")
    }
    return table
  }

  /// Brings the key back to the top.
  ///
  /// If the value left a function above it, all of that stays.
  private func continueWalk(from keyIndex: Int32) {
    let isFunction = lua_type(state, keyIndex + 1) == LUA_TFUNCTION
    if isFunction || lua_gettop(state) > keyIndex + 1 {
      lua_pushvalue(state, keyIndex)
    } else {
      lua_settop(state, keyIndex)
    }
  }
}
