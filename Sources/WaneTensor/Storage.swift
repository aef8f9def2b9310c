import CKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of memory, 64-byte aligned, freed when its last owner goes: from the tensor pool, or a
/// mapped file.
///
/// Not `Sendable` by itself: whoever shares one between threads keeps writers apart.
public final class Storage: @unchecked Sendable {
  /// The first byte.
  public let pointer: UnsafeMutableRawPointer
  /// The number of bytes that may be used.
  public let byteCount: Int
  private let isMapped: Bool

  /// Takes memory from the pool; its contents are undefined.
  ///
  /// - Throws: a `.memory` error when it cannot be had.
  public init(byteCount: Int, for operation: String) throws {
    guard byteCount >= 0, let pointer = wane_memory_allocate(max(byteCount, 1)) else {
      throw WaneError.outOfMemory(operation, bytes: byteCount)
    }
    self.pointer = pointer
    self.byteCount = byteCount
    isMapped = false
  }

  /// Takes over what `mmap` gave.
  init(mapped pointer: UnsafeMutableRawPointer, byteCount: Int) {
    self.pointer = pointer
    self.byteCount = byteCount
    isMapped = true
  }

  deinit {
    if isMapped {
      munmap(pointer, byteCount)
    } else {
      wane_memory_release(pointer, max(byteCount, 1))
    }
  }
}
