import WaneGraph
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The workers that all work started from Lua shares.
enum Threads {
  // A Lua state belongs to one thread at a time, but a program may have several states.
  private final class Shared: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var pool: WorkerPool?
    private var wanted: Int?

    init() {
      lock = .allocate(capacity: 1)
      pthread_mutex_init(lock, nil)
    }

    func withLock<Result>(_ body: (Shared) throws -> Result) rethrows -> Result {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return try body(self)
    }

    var count: Int { wanted ?? Threads.usual }

    func set(_ count: Int) {
      wanted = count
      if pool?.count != count { pool = nil }
    }

    func current() throws -> WorkerPool {
      if let pool, pool.count == count { return pool }
      let made = try WorkerPool(count: count)
      pool = made
      return made
    }
  }

  private static let shared = Shared()

  /// The number of workers unless a script says otherwise: `WANE_THREADS`, or the processors.
  fileprivate static var usual: Int {
    if let text = getenv("WANE_THREADS"), let count = Int(String(cString: text)),
      (1...1024).contains(count)
    {
      return count
    }
    return WorkerPool.processorCount
  }

  /// The number of workers.
  static var count: Int { shared.withLock { $0.count } }

  /// Sets the number of workers for the work that starts from now on.
  static func set(_ count: Int) { shared.withLock { $0.set(count) } }

  /// The workers.
  static func pool() throws -> WorkerPool { try shared.withLock { try $0.current() } }
}

extension Function {
  /// `wane.threads`.
  static let threads = Function(
    "threads", "The number of threads that work is spread over; with an argument, sets it.",
    signature: "threads([count]) -> count",
    example: "wane.threads(1)"
  ) { context in
    if !context.isNone(1) { Threads.set(try context.integer(1, in: 1...1024)) }
    return context.results(Threads.count)
  }
}
