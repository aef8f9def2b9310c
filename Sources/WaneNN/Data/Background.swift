import CKernels

/// A value that is worked out on a thread of its own.
final class Background<Value: Sendable> {
  private let job: BackgroundJob<Value>
  private var thread: OpaquePointer?

  /// Starts the work.
  ///
  /// Where no thread can be had, it is done when the value is asked for.
  init(_ work: @escaping @Sendable () throws -> Value) {
    job = BackgroundJob(work)
    // The job outlives its thread, which is waited for.
    thread = wane_background_start(
      { context in
        guard let context else { return }
        Unmanaged<BackgroundErrand>.fromOpaque(context).takeUnretainedValue().run()
      }, Unmanaged.passUnretained(job as BackgroundErrand).toOpaque())
  }

  deinit { wane_background_join(thread) }

  /// Waits for the value.
  ///
  /// - Throws: what the work threw.
  func value() throws -> Value {
    wane_background_join(thread)
    thread = nil
    return try job.value()
  }
}

/// What the thread is given; it has no parameter, as the C function that it is called from.
private class BackgroundErrand: @unchecked Sendable {
  func run() {}
}

/// What both threads see: written by the worker, read after it was waited for.
private final class BackgroundJob<Value: Sendable>: BackgroundErrand, @unchecked Sendable {
  private let work: @Sendable () throws -> Value
  private var result: Result<Value, any Error>?

  init(_ work: @escaping @Sendable () throws -> Value) { self.work = work }

  override func run() { result = Result { try work() } }

  func value() throws -> Value {
    if let result { return try result.get() }
    return try work()
  }
}
