import CLuaBridge

#if compiler(>=6.2)
  /// Types whose metatype may be captured by the `@Sendable` closures of the registry.
  package typealias RegistryType = SendableMetatype
#else
  /// Before Swift 6.2 every type is one.
  package typealias RegistryType = Any
#endif

/// What a function can give to Lua: as a result, a field, or an argument of a callback.
package protocol LuaConvertible: RegistryType {
  /// Appends exactly one value to the tape of a call.
  func write(to call: LuaWriter)
}

/// The end of a call's tape, where values on their way to Lua are written.
package struct LuaWriter {
  let call: UnsafeMutablePointer<wane_call>
  let registry: Registry

  func write(_ object: any LuaObject, holding held: Int = 0) {
    guard let noun = registry.noun(of: object) else {
      // A class without a noun is a mistake in the registry; Lua sees nil rather than a crash.
      wane_put_nil(call)
      return
    }
    let retained = Unmanaged.passRetained(object as AnyObject).toOpaque()
    wane_put_object(call, noun, retained, held)
  }

  func write(_ string: String) {
    var string = string
    string.withUTF8 { wane_put_string(call, $0.baseAddress, $0.count) }
  }

  func write(_ value: LuaValue) {
    switch value {
    case .none: wane_put_nil(call)
    case .boolean(let value): wane_put_boolean(call, value)
    case .integer(let value): wane_put_integer(call, Int64(value))
    case .number(let value): wane_put_number(call, value)
    case .string(let value): write(value)
    case .bytes(let value):
      value.withUnsafeBytes { wane_put_string(call, $0.baseAddress, $0.count) }
    case .table(let table): write(table)
    case .object(let object): write(object)
    case .function(let function): wane_put_stack(call, function.stackIndex)
    }
  }

  private func write(_ table: LuaTable) {
    wane_put_table(call, table.elements.count, table.fields.count)
    for element in table.elements { write(element) }
    for (key, value) in table.fields {
      write(key)
      write(value)
    }
  }
}

extension Bool: LuaConvertible {
  package func write(to call: LuaWriter) { wane_put_boolean(call.call, self) }
}

extension Int: LuaConvertible {
  package func write(to call: LuaWriter) { wane_put_integer(call.call, Int64(self)) }
}

extension Double: LuaConvertible {
  package func write(to call: LuaWriter) { wane_put_number(call.call, self) }
}

extension Float: LuaConvertible {
  package func write(to call: LuaWriter) { wane_put_number(call.call, Double(self)) }
}

extension String: LuaConvertible {
  package func write(to call: LuaWriter) { call.write(self) }
}

extension LuaValue: LuaConvertible {
  package func write(to call: LuaWriter) { call.write(self) }
}

extension LuaFunction: LuaConvertible {
  package func write(to call: LuaWriter) { wane_put_stack(call.call, stackIndex) }
}

extension LuaObject {
  package func write(to call: LuaWriter) { call.write(self) }
}

extension Optional: LuaConvertible where Wrapped: LuaConvertible {
  package func write(to call: LuaWriter) {
    if let self { self.write(to: call) } else { wane_put_nil(call.call) }
  }
}

extension Array: LuaConvertible where Element: LuaConvertible {
  package func write(to call: LuaWriter) {
    wane_put_table(call.call, count, 0)
    for element in self { element.write(to: call) }
  }
}
