import CKernels
import WaneTensor

/// Keeps a kernel to its operands, its results and the scratch memory it asked for, in programs that
/// are compiled with AddressSanitizer.
///
/// Buffers share one block of memory without gaps, so that a kernel which writes beyond its own would
/// change another one's and nobody would see it.
struct MemoryWatch {
  /// What one kernel may touch.
  struct Part {
    /// The buffers of operands and results; none where nobody watches.
    let buffers: [UnsafeRawBufferPointer]
    /// Bytes of scratch memory from its start.
    let scratchBytes: Int
  }

  /// Whether there is anything to watch with.
  static var isOn: Bool { wane_memory_is_guarded() != 0 }

  private let blocks: [Storage]

  init(arena: Storage, scratch: Storage) { blocks = [arena, scratch] }

  /// Forbids everything but that.
  func allow(_ part: Part) {
    for block in blocks { wane_memory_forbid(block.pointer, block.byteCount) }
    for buffer in part.buffers where !buffer.isEmpty {
      if let start = buffer.baseAddress { wane_memory_allow(start, buffer.count) }
    }
    wane_memory_allow(blocks[1].pointer, min(part.scratchBytes, blocks[1].byteCount))
  }

  /// Ends the watch over a kernel.
  func allowAll() {
    for block in blocks { wane_memory_allow(block.pointer, block.byteCount) }
  }
}
