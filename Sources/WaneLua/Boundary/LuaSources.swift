/// The modules of `stdlib/wane`, which are written in Lua, as bytes inside the library: `wane.so`
/// always has them, in the version that fits, wherever it is installed.
enum LuaSources {
  /// Name for `require`, and code.
  ///
  /// A new file in `stdlib/wane` goes here and in Package.swift.
  static let all: [(name: String, code: [UInt8])] = [
    ("wane.pretty", PackageResources.pretty_lua)
  ]
}
