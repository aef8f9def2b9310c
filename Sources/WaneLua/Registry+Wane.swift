import CLuaBridge
import WaneGraph

/// The module `wane`: every namespace and noun that Lua sees.
extension Registry {
  package static let wane = Registry(
    name: "wane", version: "0.1",
    namespaces: [
      Namespace(
        "", "Small, fast neural networks.",
        functions: [
          .help, .load, .compare, .sensitivity, .advise, .pipeline, .optimize, .reestimate,
          .threads,
          .machine,
        ]
          + Verb.all.map(\.function),
        constants: [Constant("version", "The version of Wane.", .string("0.1"))]),
      .layers, .optimizers, .differentiation, .losses, .trainers,
    ] + Namespace.data + Namespace.tensors,
    nouns: [
      .tensor, .model, .dataset, .batches, .stream, .streamBatches, .layer, .symbol, .optimizer,
      .report, .pipeline,
      .comparison, .profile, .sensitivity, .advice, .front, .symbolicTensor, .gradient, .trainer,
    ],
    sources: LuaSources.all,
    hardware: {
      let threads = Threads.count
      return "\(threads) \(threads == 1 ? "thread" : "threads"), \(Machine.instructionSet)"
    })
}

/// For `luaopen_wane`, which is C.
@_cdecl("wane_lua_module")
package func waneLuaModule() -> UnsafePointer<wane_module> { Registry.wane.module }
