import CLuaBridge

/// A Swift object that Lua can hold.
///
/// Each class of them has one ``Noun`` in the registry.
///
/// Boxes keep the object alive until Lua collects or closes them.
package protocol LuaObject: AnyObject, LuaConvertible {}

extension LuaObject {
  /// What messages call an object where no registry is at hand: a `ModelBox` holds a Model.
  static var nounName: String {
    let name = "\(self)"
    return name.hasSuffix("Box") ? String(name.dropLast(3)) : name
  }
}

/// A Lua function that a running call can use: an argument, or a value met inside one.
///
/// It names a place on the Lua stack and is valid until the call (with its continuations) ends.
/// To keep a function longer, hold it in a box: see ``CallContext/results(_:holding:)``.
package struct LuaFunction: Hashable {
  let stackIndex: Int32
}

/// A value at a place of the Lua stack, of any type.
struct StackValue: LuaConvertible {
  let stackIndex: Int32

  package func write(to call: LuaWriter) { wane_put_stack(call.call, stackIndex) }
}
