import Synchronization
import WaneGraph
import WaneTensor

/// Works out values that are asked for in order, some ahead of their time, each on a thread of its
/// own.
///
/// What is held is bounded: the value that is asked for, and `depth` that come after it.
final class ReadAhead<Value: Sendable> {
  /// Works out one value; asks now and then whether it is still wanted.
  typealias Job = @Sendable (Cancellation) throws -> Value

  /// Seconds that somebody waited for a value.
  private(set) var waited = 0.0
  private let depth: Int
  private var coming: [(number: Int, value: Background<Value>)] = []
  private var cancellation = Cancellation()

  /// Reads ahead.
  ///
  /// - Parameter depth: how many values at once.
  init(depth: Int) { self.depth = depth }

  deinit { cancellation.cancel() }

  /// The value of a number.
  ///
  /// - Parameters:
  ///   - number: that after the last one, for the value to be there already.
  ///   - job: what works out the value of a number; nil where there is none.
  /// - Returns: the value; nil where there is none.
  /// - Throws: what the job throws.
  func value(_ number: Int, _ job: (Int) throws -> Job?) throws -> Value? {
    if coming.first?.number != number { drop() }
    let known = coming.last.map { $0.number + 1 } ?? number
    for next in known..<max(known, number.addingClamped(depth + 1)) {
      // What is wanted later may fail later.
      guard let job = next == number ? try job(next) : try? job(next) else { break }
      coming.append((next, Background { [cancellation] in try job(cancellation) }))
    }
    guard let first = coming.first else { return nil }
    coming.removeFirst()
    let start = Clock.seconds()
    defer { waited += Clock.seconds() - start }
    return try first.value.value()
  }

  /// Gives up what was read ahead.
  private func drop() {
    cancellation.cancel()
    coming = []
    cancellation = Cancellation()
  }
}

/// Tells work on another thread that nobody waits for it any more.
final class Cancellation: Sendable {
  private let isCancelled = Atomic(false)

  func cancel() { isCancelled.store(true, ordering: .relaxed) }

  /// Throws when nobody waits.
  func check() throws {
    if isCancelled.load(ordering: .relaxed) {
      throw WaneError("dataset", "reading was given up", kind: .interrupted)
    }
  }
}
