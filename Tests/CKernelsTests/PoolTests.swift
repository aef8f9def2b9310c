import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  @Suite struct Pool {
    @Test(arguments: [1, 2, 3, 8]) func everyWorkerRunsOnce(_ threads: Int) throws {
      let pool = try #require(wane_pool_create(Int32(threads)))
      defer { wane_pool_destroy(pool) }
      #expect(wane_pool_threads(pool) == Int32(threads))
      let counts = UnsafeMutablePointer<Int>.allocate(capacity: threads)
      counts.initialize(repeating: 0, count: threads)
      defer { counts.deallocate() }
      for round in 1...300 {
        let status = wane_pool_run(
          pool,
          { context, worker in
            context?.assumingMemoryBound(to: Int.self)[Int(worker)] += 1
          }, counts)
        #expect(status == 0)
        #expect((0..<threads).allSatisfy { counts[$0] == round }, "round \(round)")
        if round % 100 == 0 { usleep(3000) }  // long enough for the workers to sleep
      }
    }

    @Test(arguments: [1, 2, 5]) func barrierSeparatesPhases(_ threads: Int) throws {
      let pool = try #require(wane_pool_create(Int32(threads)))
      defer { wane_pool_destroy(pool) }
      let barrier = try #require(wane_barrier_create(Int32(threads)))
      defer { wane_barrier_destroy(barrier) }
      // Layout: barrier, threads, failures, then one slot a worker.
      let slots = UnsafeMutablePointer<Int>.allocate(capacity: 3 + threads)
      slots.initialize(repeating: 0, count: 3 + threads)
      defer { slots.deallocate() }
      slots[0] = Int(bitPattern: barrier)
      slots[1] = threads
      let status = wane_pool_run(
        pool,
        { context, worker in
          guard let slots = context?.assumingMemoryBound(to: Int.self),
            let barrier = OpaquePointer(bitPattern: slots[0])
          else { return }
          for phase in 1...200 {
            slots[3 + Int(worker)] = phase
            wane_barrier_wait(barrier)
            for other in 0..<slots[1] where slots[3 + other] != phase { slots[2] += 1 }
            wane_barrier_wait(barrier)
          }
        }, slots)
      #expect(status == 0)
      #expect(slots[2] == 0)
    }

    @Test func runInsideARunIsRefused() throws {
      let pool = try #require(wane_pool_create(2))
      defer { wane_pool_destroy(pool) }
      let slots = UnsafeMutablePointer<Int>.allocate(capacity: 3)
      slots.initialize(repeating: 0, count: 3)
      defer { slots.deallocate() }
      slots[0] = Int(bitPattern: pool)
      wane_pool_run(
        pool,
        { context, worker in
          guard let slots = context?.assumingMemoryBound(to: Int.self),
            let pool = OpaquePointer(bitPattern: slots[0])
          else { return }
          slots[1 + Int(worker)] = Int(wane_pool_run(pool, { _, _ in }, nil))
        }, slots)
      #expect(slots[1] == Int(EDEADLK) && slots[2] == Int(EDEADLK))
    }

    @Test func impossibleSizes() {
      #expect(wane_pool_create(0) == nil)
      #expect(wane_pool_create(-1) == nil)
      #expect(wane_pool_create(1 << 20) == nil)
      #expect(wane_barrier_create(0) == nil)
      #expect(wane_cpu_count() >= 1)
      wane_pool_destroy(nil)
      wane_barrier_destroy(nil)
    }
  }
}
