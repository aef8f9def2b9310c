import WaneTensor

/// The rows that all workers together have of a batched value: those of the whole batch, in order.
struct BatchRows {
  /// Numbers of a row.
  let width: Int
  /// Rows of this worker.
  let rows: Int
  private let own: UnsafeMutablePointer<Float>
  private let member: TeamMember?
  private let sources: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>?
  /// How many rows each worker has, as a float that lives where others can read it.
  private let counts: UnsafeMutablePointer<UnsafeMutablePointer<Float>?>?
  private let count: Storage

  /// Announces this worker's rows of an operand.
  ///
  /// - Throws: when memory cannot be had.
  init(_ context: LoweringContext, _ operand: Int) throws {
    width = context.inputTypes[operand].sampleCount
    rows = context.batch
    let values = try context.input(operand).floats
    let storage = try Storage(byteCount: 4, for: "relations")
    let number = storage.pointer.assumingMemoryBound(to: Float.self)
    number.pointee = Float(rows)
    let key = "\(context.nodeKey)/\(operand)"
    member = context.team
    sources = context.team.map { $0.team.join("\(key)/rows", worker: $0.worker, values) }
    counts = context.team.map { $0.team.join("\(key)/count", worker: $0.worker, number) }
    own = values
    count = storage
  }

  private func rows(of worker: Int) -> Int { Int(counts?[worker]?.pointee ?? 0) }

  /// Where this worker's rows begin in the whole batch.
  var firstRow: Int { (0..<(member?.worker ?? 0)).reduce(0) { $0 + rows(of: $1) } }

  /// Waits until all workers have come here: with their rows made, or with their copies taken.
  func wait() { member?.team.wait() }

  /// Copies the rows of the whole batch, between one `wait` and the next.
  func copy(to target: UnsafeMutablePointer<Float>) {
    guard let member, let sources else {
      target.update(from: own, count: rows * width)
      return
    }
    var to = target
    for worker in 0..<member.team.count {
      guard let source = sources[worker] else { continue }
      let count = rows(of: worker) * width
      to.update(from: source, count: count)
      to += count
    }
  }
}
