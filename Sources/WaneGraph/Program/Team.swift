import CKernels
import WaneTensor

/// The workers that run the shards of one batch side by side, and what they exchange.
public final class Team: @unchecked Sendable {
  /// The number of workers.
  public let count: Int
  /// The place in each worker's memory of every value that is reduced, by node.
  private var exchange: [String: Exchange] = [:]
  private let barrier: OpaquePointer

  /// A table of one pointer a worker.
  private final class Exchange {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
    init(count: Int) {
      pointers = .allocate(capacity: count)
      pointers.initialize(repeating: nil, count: count)
    }
    deinit { pointers.deallocate() }
  }

  /// Creates a team.
  ///
  /// - Throws: a `.memory` error.
  public init(count: Int) throws {
    guard let barrier = wane_barrier_create(Int32(count)) else {
      throw WaneError.outOfMemory("team", bytes: 64)
    }
    self.count = count
    self.barrier = barrier
  }

  deinit { wane_barrier_destroy(barrier) }

  /// Announces where a worker keeps a value, and returns the table of all workers' places, which is
  /// complete once every worker has compiled its program.
  func join(_ key: String, worker: Int, _ pointer: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<UnsafeMutablePointer<Float>?>
  {
    let table = exchange[key] ?? Exchange(count: count)
    exchange[key] = table
    table.pointers[worker] = pointer
    return table.pointers
  }

  /// Waits until every worker has come here.
  func wait() { wane_barrier_wait(barrier) }
}

/// One worker's membership in a team.
public struct TeamMember {
  /// The team.
  public let team: Team
  /// Which of its workers, from 0.
  public let worker: Int

  /// Creates a membership.
  public init(_ team: Team, worker: Int) {
    self.team = team
    self.worker = worker
  }
}
