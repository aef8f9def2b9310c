import CKernels
import COneDNN
import WaneTensor

/// Threads that run the shards of a batch.
public final class WorkerPool: @unchecked Sendable {
  /// The number of workers, the calling thread among them.
  public let count: Int
  private let pool: OpaquePointer

  /// Starts workers.
  ///
  /// - Throws: when threads cannot be had.
  public init(count: Int) throws {
    guard (1...1024).contains(count), let pool = wane_pool_create(Int32(count)) else {
      throw WaneError("threads", "\(count) threads cannot be started", kind: .memory)
    }
    self.count = count
    self.pool = pool
  }

  deinit { wane_pool_destroy(pool) }

  /// The number of processors this process may use.
  public static var processorCount: Int { Int(wane_cpu_count()) }

  /// Calls `body` once for each worker, at the same time, and returns when all have returned.
  public func run(_ body: (_ worker: Int) -> Void) throws {
    if count == 1 {
      _ = wane_dnn_thread_init()
      return body(0)
    }
    try withoutActuallyEscaping(body) { body in
      let job = Job(body)
      let status = wane_pool_run(
        pool,
        { context, worker in
          guard let context else { return }
          _ = wane_dnn_thread_init()
          Unmanaged<Job>.fromOpaque(context).takeUnretainedValue().body(Int(worker))
        }, Unmanaged.passUnretained(job).toOpaque())
      job.body = { _ in }
      guard status == 0 else { throw WaneError("threads", "the workers are busy") }
    }
  }

  /// What the workers are given.
  private final class Job {
    var body: (Int) -> Void
    init(_ body: @escaping (Int) -> Void) { self.body = body }
  }
}
