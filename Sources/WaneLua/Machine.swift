import WaneGraph
import WaneTensor

extension Function {
  /// `wane.machine`.
  static let machine = Function(
    "machine", "What this machine has and can do; measures its arithmetic peak when asked.",
    signature: "machine([options]) -> table",
    options: [
      Option("peak", "boolean", default: "false", "measures float operations a second of a thread")
    ],
    example: "print(wane.machine().instructions)"
  ) { context in
    let options = try context.options(1)
    var fields: [String: LuaValue] = [
      "threads": .integer(Threads.count), "instructions": .string(Machine.instructionSet),
      "library": .string(Machine.denseMathLibrary),
      "tensor_bytes": .integer(Machine.liveTensorBytes),
      "peak_tensor_bytes": .integer(Machine.peakTensorBytes),
    ]
    if try options.boolean("peak", default: false) {
      fields["peak_flops"] = .number(try Machine.peakFloatOperations())
    }
    return context.results(LuaValue.table(LuaTable(fields: fields)))
  }
}
