import CKernels
import Testing
import WaneTensor

// Counters and injected failures belong to the whole process, so each of these has one of its own.
#if compiler(>=6.2)
  @Suite struct MemoryTests {
    @Test func everyTensorMayFail() async {
      await #expect(processExitsWith: .success) {
        let source = try Tensor([1, 2, 3] as [Float])
        let alias = source
        wane_memory_fail_after(0)
        defer { wane_memory_fail_after(-1) }
        var copy = alias
        let attempts: [() throws -> Void] = [
          { _ = try Tensor(zeros: Shape([4])) },
          { _ = try Tensor([1, 2] as [Float]) },
          { _ = try alias.copied() },
          { try copy.withMutableElements(Float.self) { $0[0] = 7 } },
        ]
        for attempt in attempts {
          do {
            try attempt()
            throw WaneError("test", "was not refused")
          } catch let error as WaneError where error.kind == .memory {}
        }
        guard source.array(Float.self) == [1, 2, 3] else { throw WaneError("test", "was changed") }
      }
    }

    @Test func tensorsGiveTheirMemoryBack() async {
      await #expect(processExitsWith: .success) {
        let before = wane_memory_live_bytes()
        for size in 1...200 {
          let tensor = try Tensor(zeros: Shape([size * 37]))
          _ = try tensor.rows(0..<1).copied()
        }
        guard wane_memory_live_bytes() == before else { throw WaneError("test", "leaks") }
      }
    }
  }
#endif
