import CLuaBridge

/// For the REPL: what a value on a Lua stack is, outside of any call.
extension Registry {
  /// The noun of the object at a stack index.
  package func noun(at index: Int32, in state: OpaquePointer) -> Noun? {
    var noun: UInt32 = 0
    guard wane_boxed_object(state, module, index, &noun) != nil else { return nil }
    return nouns[Int(noun)]
  }

  /// The names inside the object at a stack index that a function may be given, such as a model's
  /// layers.
  package func names(in index: Int32, of state: OpaquePointer, for function: String) -> [String] {
    var noun: UInt32 = 0
    guard let pointer = wane_boxed_object(state, module, index, &noun) else { return [] }
    let object = Unmanaged<AnyObject>.fromOpaque(pointer).takeUnretainedValue()
    return (object as? any LuaObject).map { nouns[Int(noun)].names($0, function) } ?? []
  }

  /// The member that the function at a stack index is.
  package func member(at index: Int32, in state: OpaquePointer) -> Member? {
    let number = wane_member_number(state, module, index)
    return members.indices.contains(Int(number)) ? members[Int(number)] : nil
  }
}
