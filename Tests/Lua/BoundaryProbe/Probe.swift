import CLuaBridge
import WaneLua
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A module of test objects and functions that exercises the border and nothing else.
extension Registry {
  static let probe = Registry(
    name: "waneprobe", version: "1",
    namespaces: [
      Namespace(
        "", "Functions that test the border.",
        functions: [.help] + Function.values + Function.failures + Function.callbacks,
        constants: [
          Constant("answer", "A number.", .number(42)),
          Constant("motto", "A text.", .string("wane")),
        ]),
      Namespace(
        "deep.down", "A table inside a table.",
        functions: [
          Function("echo", "Its argument.", signature: "echo(value)") { context in
            context.results(try context.value(1))
          }
        ]),
    ],
    nouns: [.block, .holder], hardware: { "test" })
}

/// For `luaopen_waneprobe`, which is C.
@_cdecl("wane_probe_module")
package func probeModule() -> UnsafePointer<wane_module> { Registry.probe.module }

extension Function {
  static let values = [
    Function("add", "The sum.", signature: "add(a, b) -> number") { context in
      context.results(try context.number(1) + context.number(2))
    },
    Function("block", "Makes a block.", signature: "block(bytes) -> Block") { context in
      context.results(try Block(byteCount: try context.integer(1)))
    },
    Function("holder", "Makes a holder.", signature: "holder(f) -> Holder") { context in
      context.results(Holder(), holding: [try context.function(1)])
    },
    Function("live", "How many objects are alive.", signature: "live() -> integer") { context in
      context.results(Block.live.load(ordering: .relaxed))
    },
    Function("undocumented", "What wane lacks words for.", signature: "undocumented() -> list") {
      context in context.results(Registry.wane.undocumented)
    },
    Function("echo", "Its arguments.", signature: "echo(...)") { context in
      context.results(all: try (0..<context.count).map { try context.value($0 + 1) })
    },
    Function("text", "A string.", signature: "text(length) -> string") { context in
      context.results(String(repeating: "x", count: try context.integer(1, in: 0...100_000_000)))
    },
    Function("bytes", "A string, byte by byte.", signature: "bytes(s) -> list") { context in
      context.results(try context.bytes(1).map(Int.init))
    },
    Function("latin", "A string.", signature: "latin(s) -> string") { context in
      context.results(try context.string(1))
    },
    Function("tree", "A tree with objects.", signature: "tree(bytes) -> table") { context in
      let block = try Block(byteCount: try context.integer(1))
      return context.results(
        ["block": .object(block), "list": [1, 2.5, "three", true], "deep": ["deeper": [[]]]]
          as LuaValue, block)
    },
    Function("numbers", "Shape and sum.", signature: "numbers(list) -> shape, sum, integers") {
      context in
      let numbers = try context.numbers(1)
      return context.results(numbers.shape, numbers.values.reduce(0, +), numbers.areIntegers)
    },
    Function(
      "prune", "Reads options.", signature: "prune(model, options) -> table",
      options: [
        Option("sparsity", "number in [0, 1)", default: "0.5", at: 1, "fraction of zeros"),
        Option("epochs", "integer", default: "1", at: 2, "rounds of training"),
        Option("method", oneOf: ["share", "filters"], default: "share", "what is done"),
        Option("unit", oneOf: ["weight", "block"], or: "n:m", default: "weight", "what goes"),
        Option("clusters", "integer", default: "16", "how many").belonging(to: "method", ["share"]),
        Option("initial", "number", default: "0", "where").belonging(to: "method", ["share"]),
        Option("ratio", "number", default: "0.5", "how much").belonging(to: "method", ["filters"]),
        Option("extent", "integer", default: "4", "how large")
          .belonging(to: "unit", ["block", "n:m"]),
        Option("share_by", oneOf: ["layer", "group"], default: "layer", "what shares"),
        Option("group", "integer", default: "32", "of how many")
          .belonging(to: "share_by", ["group"], isImplied: true),
        Option("weight", "number", default: "1", "of what is learned")
          .belonging(toAnyOf: ["data", "on_epoch"]),
        Option("data", "Block", "where it comes from"),
        Option("axes", "list of integers", "which"),
        Option("progress", "boolean", default: "true", "whether to draw"),
        Option("on_epoch", "function", "a hook"),
      ],
      example: "waneprobe.prune(nil, { sparsity = 0.9 })"
    ) { context in
      let options = try context.options(2)
      let sparsity = try options.number("sparsity", default: 0.5)
      guard sparsity >= 0, sparsity < 1 else {
        throw WaneError("prune", "sparsity must be in [0, 1), got \(sparsity)")
      }
      let epochs = try options.integer("epochs", atLeast: 1, default: 1)
      let data = try options.object("data", as: Block.self, called: "Block")
      let method = try options.choice("method") ?? "share"
      let axes = try options.integers("axes") ?? []
      let result: LuaValue = [
        "sparsity": .number(sparsity), "epochs": .integer(epochs), "method": .string(method),
        "bytes": .integer(data?.byteCount ?? 0),
        "axes": .table(LuaTable(axes.map { .integer($0) })),
      ]
      guard let hook = try options.function("on_epoch") else { return context.results(result) }
      return context.call(hook, sparsity) { $0.results(result, try $0.value(1)) }
    },
  ]

  static let failures = [
    Function("fail", "Throws.", signature: "fail(message)") { context in
      let block = try Block(byteCount: 100)
      throw LuaError.message("\(try context.string(1)) \(block.byteCount)")
    },
    Function("fail_long", "Throws a long message.", signature: "fail_long(length)") { context in
      _ = try Block(byteCount: 100)
      throw LuaError.message(String(repeating: "y", count: try context.integer(1)))
    },
    Function("fail_late", "Throws after results.", signature: "fail_late()") { context in
      _ = context.results(try Block(byteCount: 64), String(repeating: "z", count: 5000))
      throw WaneError("late", "too late")
    },
  ]

  static let callbacks = [
    Function("each", "Calls f(1) to f(n).", signature: "each(n, f) -> list") { context in
      let work = try Repetition(count: context.integer(1), function: context.function(2))
      return try work.step(context)
    },
    Function("now", "Calls f(x) at once.", signature: "now(f, x) -> value, n") { context in
      let block = try Block(byteCount: 64)
      let results = try context.callNow(try context.function(1), block, try context.value(2))
      return context.results(results.first ?? .none, results.count)
    },
    Function("spin", "Works until stopped.", signature: "spin(seconds, options)") { context in
      try spin(context, seconds: try context.number(1))
      return context.results("done")
    },
  ]

  private static func spin(_ context: CallContext, seconds: Double) throws {
    let progress = try context.progress()
    let start = now()
    var step = 0
    while now() - start < seconds {
      step += 1
      progress.reportIfWanted(
        Progress(
          title: "spin 1/1", completed: Int(1000 * (now() - start)), total: Int(seconds * 1000),
          details: "step \(step)"))
      try context.checkInterrupt("model keeps the weights of a step")
    }
    progress.finishStage()
  }

  // Not ContinuousClock: it would bring in the concurrency runtime and libdispatch.
  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The state of `each` while Lua runs.
private final class Repetition {
  private let count: Int
  private let function: LuaFunction
  private var done = 0
  private var results: [LuaValue] = []

  init(count: Int, function: LuaFunction) {
    self.count = count
    self.function = function
    Block.live.add(1, ordering: .relaxed)
  }

  deinit { Block.live.subtract(1, ordering: .relaxed) }

  func step(_ context: CallContext) throws -> CallContext.Outcome {
    if done > 0 { results.append(try context.value(1)) }
    guard done < count else { return context.results(LuaValue.table(LuaTable(results))) }
    done += 1
    return context.call(function, done, then: step)
  }
}
