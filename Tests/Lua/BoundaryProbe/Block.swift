import CKernels
import Synchronization
import WaneLua

/// A test object: a block of memory from Wane's allocator, one byte of every page written.
final class Block: LuaObject {
  /// Blocks and other probe objects that are alive, in the whole process.
  static let live = Atomic<Int>(0)

  let byteCount: Int
  private let memory: UnsafeMutableRawPointer

  init(byteCount: Int) throws {
    guard byteCount >= 0, let memory = wane_memory_allocate(byteCount) else {
      throw LuaError.message("block: not enough memory for \(byteCount) bytes")
    }
    self.memory = memory
    self.byteCount = byteCount
    for offset in stride(from: 0, to: byteCount, by: 4096) {
      memory.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self)
    }
    Self.live.add(1, ordering: .relaxed)
  }

  deinit {
    wane_memory_release(memory, byteCount)
    Self.live.subtract(1, ordering: .relaxed)
  }
}

/// A test object that holds a Lua function.
final class Holder: LuaObject {
  init() { Block.live.add(1, ordering: .relaxed) }
  deinit { Block.live.subtract(1, ordering: .relaxed) }
}

extension Noun {
  static let block = Noun(
    Block.self, "Block", "Some memory.",
    fields: [
      Field("bytes", "integer", "Its size.") { (block: Block) in block.byteCount },
      Field("kilobytes", "number", "Its size.") { (block: Block) in Double(block.byteCount) / 1024
      },
      Field("twin", "Block", "Another one of the same size.") { (block: Block) in
        try Block(byteCount: block.byteCount)
      },
      Field("broken", "nothing", "Fails.") { (_: Block) -> Int in throw LuaError.message("broken")
      },
    ],
    methods: [
      Function("size", "Its size.", signature: "size() -> integer") { (block: Block, context) in
        context.results(block.byteCount)
      },
      Function("get", "A byte.", signature: "get(index) -> integer") { (block: Block, context) in
        let index = try context.integer(2)
        guard index >= 1, index <= block.byteCount else {
          throw context.argumentError(2, "index \(index) is out of range 1..\(block.byteCount)")
        }
        return context.results(index)
      },
      Function("itself", "The same.", signature: "itself() -> Block") { (_: Block, context) in
        context.results(argument: 1)
      },
      Function("alias", "The same in a new box.", signature: "alias() -> Block") {
        (block: Block, context) in context.results(block)
      },
    ],
    metamethods: [
      Function("__len", "Its size.", signature: "#block") { (block: Block, context) in
        context.results(block.byteCount)
      },
      Function("__add", "A block as large as both.", signature: "a + b") { context in
        func size(_ index: Int) throws -> Int {
          if context.isNumber(index) { return try context.integer(index) }
          let block: Block = try context.object(index)
          return block.byteCount
        }
        return context.results(try Block(byteCount: try size(1) + size(2)))
      },
      Function("__index", "Ten times the index.", signature: "block[i]") { context in
        context.results(context.isNumber(2) ? LuaValue.integer(try context.integer(2) * 10) : .none)
      },
      Function("__tostring", "Words.", signature: "tostring(block)") { (block: Block, context) in
        context.results("Block of \(block.byteCount) bytes")
      },
    ],
    names: { (block: Block, _) in ["layer_one", "layer_two", "size_\(block.byteCount)"] })

  static let holder = Noun(
    Holder.self, "Holder", "A box that holds a function.",
    methods: [
      Function("invoke", "Calls it.", signature: "invoke(...)") { (_: Holder, context) in
        guard let held = context.held(by: 1) else { return context.results() }
        return context.call(held, try context.value(2)) { context in
          context.results(all: try (0..<context.count).map { try context.value($0 + 1) })
        }
      }
    ])
}
