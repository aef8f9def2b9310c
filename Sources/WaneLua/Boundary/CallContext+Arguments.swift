import CLuaBridge

extension CallContext {
  /// Whether argument `index` is nil or missing.
  package func isNone(_ index: Int) -> Bool { type(of: index) <= LUA_TNIL }

  /// Whether argument `index` is a table.
  package func isTable(_ index: Int) -> Bool { type(of: index) == LUA_TTABLE }

  /// Whether argument `index` is a number.
  package func isNumber(_ index: Int) -> Bool { type(of: index) == LUA_TNUMBER }

  /// Whether argument `index` is a string.
  package func isString(_ index: Int) -> Bool { type(of: index) == LUA_TSTRING }

  /// Whether argument `index` is a function.
  package func isFunction(_ index: Int) -> Bool { type(of: index) == LUA_TFUNCTION }

  /// A number.
  ///
  /// Throws for anything else, also for a string that looks like one.
  package func number(_ index: Int) throws -> Double {
    guard isNumber(index) else { throw expected("number", index) }
    return LuaNumber.unsigned(lua_tonumberx(state, stackIndex(index), nil))
  }

  /// A number, or `default` if there is no such argument.
  package func number(_ index: Int, default value: Double) throws -> Double {
    isNone(index) ? value : try number(index)
  }

  /// A whole number; `3.0` is one.
  package func integer(_ index: Int) throws -> Int {
    guard isNumber(index) else { throw expected("integer", index) }
    var whole: Int32 = 0
    let value = lua_tointegerx(state, stackIndex(index), &whole)
    guard whole != 0 else {
      let number = LuaNumber.format(lua_tonumberx(state, stackIndex(index), nil))
      throw argumentError(index, "integer expected, got \(number)")
    }
    return Int(value)
  }

  /// A whole number within a range.
  package func integer(_ index: Int, in range: ClosedRange<Int>) throws -> Int {
    let value = try integer(index)
    guard range.contains(value) else {
      let bounds =
        range.upperBound == Int.max
        ? "at least \(range.lowerBound)"
        : "between \(range.lowerBound) and \(range.upperBound)"
      throw argumentError(index, "must be \(bounds), got \(value)")
    }
    return value
  }

  /// A whole number, or `default` if there is no such argument.
  package func integer(_ index: Int, default value: Int) throws -> Int {
    isNone(index) ? value : try integer(index)
  }

  /// A boolean.
  package func boolean(_ index: Int) throws -> Bool {
    guard type(of: index) == LUA_TBOOLEAN else { throw expected("boolean", index) }
    return lua_toboolean(state, stackIndex(index)) != 0
  }

  /// A string of UTF-8 text.
  package func string(_ index: Int) throws -> String {
    guard isString(index) else { throw expected("string", index) }
    guard case .string(let string) = LuaReader(self).string(at: stackIndex(index)) else {
      throw argumentError(index, "text in UTF-8 expected")
    }
    return string
  }

  /// A string of any bytes.
  package func bytes(_ index: Int) throws -> [UInt8] {
    guard isString(index) else { throw expected("string", index) }
    return LuaReader(self).bytes(at: stackIndex(index))
  }

  /// A function, to be called with ``call(_:_:then:)`` or ``callNow(_:_:)``.
  package func function(_ index: Int) throws -> LuaFunction {
    guard isFunction(index) else { throw expected("function", index) }
    return LuaFunction(stackIndex: stackIndex(index))
  }

  /// A function, or an object that may be called like one.
  package func callable(_ index: Int) throws -> LuaFunction {
    guard isFunction(index) || type(of: index) == LUA_TUSERDATA else {
      throw expected("function", index)
    }
    return LuaFunction(stackIndex: stackIndex(index))
  }

  /// An argument as it is, to be handed on.
  package func argument(_ index: Int) -> any LuaConvertible {
    StackValue(stackIndex: stackIndex(index))
  }

  /// An object of a class.
  package func object<Object: LuaObject>(
    _ index: Int, as type: Object.Type = Object.self
  ) throws -> Object {
    var noun: UInt32 = 0
    var closed = false
    if let pointer = wane_object(call, stackIndex(index), &noun, &closed) {
      let object = Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue()
      if let object = object as? Object { return object }
    }
    if closed { throw argumentError(index, "\(registry.nouns[Int(noun)].name) was closed") }
    throw expected(registry.name(of: type), index)
  }

  /// An object of a class, or nil if the argument is something else.
  package func objectIfAny<Object: LuaObject>(
    _ index: Int, as type: Object.Type = Object.self
  ) -> Object? {
    try? object(index, as: type)
  }

  /// Any value as a plain Swift value.
  ///
  /// Tables are copied, within limits.
  package func value(_ index: Int) throws -> LuaValue {
    do {
      return try LuaReader(self).value(at: stackIndex(index))
    } catch let error as LuaReader.Failure {
      throw argumentError(index, error.message)
    }
  }

  /// A table as a plain Swift value.
  package func table(_ index: Int) throws -> LuaTable {
    guard isTable(index), case .table(let table) = try value(index) else {
      throw expected("table", index)
    }
    return table
  }

  /// A number, or nested lists of numbers of equal lengths.
  package func numbers(_ index: Int) throws -> NestedNumbers {
    do {
      return try LuaReader(self).numbers(at: stackIndex(index))
    } catch let error as LuaReader.Failure {
      throw argumentError(index, error.message)
    }
  }

  /// The options table at `index`, checked against the options of the running function.
  ///
  /// A missing table reads like an empty one.
  package func options(_ index: Int) throws -> Options {
    let function = function
    if isNone(index) { return try Options(LuaTable(), of: function.name, function.options) }
    guard isTable(index) else { throw expected("table of options", index) }
    var options = try Options(try table(index), of: function.name, function.options)
    options.argument = index
    return options
  }

  /// `model expected, got table`, as Lua words it.
  package func expected(_ what: String, _ index: Int) -> LuaError {
    let got = index > count ? "no value" : LuaReader(self).typeName(at: stackIndex(index))
    return argumentError(index, "\(what) expected, got \(got)")
  }

  /// The Lua type of argument `index`.
  private func type(of index: Int) -> Int32 {
    index > count ? LUA_TNONE : lua_type(state, stackIndex(index))
  }
}
