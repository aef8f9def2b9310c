import CKernels
import WaneTensor

/// How the samples of a batch lie to each other, as a student is to learn it.
public enum RelationKind: String, CaseIterable, Sendable {
  /// Distances of pairs, in units of their mean (Park et al., Relational Knowledge Distillation,
  /// 2019).
  case distance
  /// Inner products of pairs, each sample's brought to length one (Tung and Mori,
  /// Similarity-Preserving Knowledge Distillation, 2019).
  case similarity
}

/// What the relations between a student's samples lack of a teacher's: a scalar over the whole
/// batch of B samples.
///
/// With rows x of the student and t of the teacher:
///
///     distance:    mean over pairs i != j of huber(|x_i - x_j| / mean - |t_i - t_j| / mean)
///     similarity:  sum over i, j of (G_ij / |G_i| - H_ij / |H_i|)^2 / B^2, G = x x', H = t t'
///
/// Operands: student and teacher, one block a sample, of any extents. The teacher gets no gradient.
/// Where the batch is cut into shards, every shard sees the rows of all.
public struct RelationLoss: Operation {
  public static let name = "relation_loss"
  /// The most samples that are related: memory grows with the square.
  public static let mostSamples = 4096
  /// What is compared.
  public let kind: RelationKind

  /// Creates a relation loss.
  public init(_ kind: RelationKind) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    self.init(try relationKind(attributes, Self.name))
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public var spansShards: Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    try requireRows(inputs, Self.name)
    return [.fixed([])]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    return [
      try context.add(RelationGradient(kind), [gradient, context.inputs[0], context.inputs[1]]),
      nil,
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let relation = try Relation(kind, &context, student: 0, teacher: 1)
    let loss = context.output().floats
    return { run in
      relation.gather(run.scratch)
      loss.pointee = relation.loss(run.scratch)
      // Nobody may overwrite rows that a neighbour still reads.
      relation.leave()
    }
  }
}

/// The gradient of `RelationLoss` with respect to the student: `dloss, student, teacher -> dstudent`.
public struct RelationGradient: Operation {
  public static let name = "relation_gradient"
  let kind: RelationKind

  init(_ kind: RelationKind) { self.kind = kind }

  public init(_ attributes: Attributes) throws {
    self.init(try relationKind(attributes, Self.name))
  }

  public var attributes: [String: Attribute] { ["kind": .string(kind.rawValue)] }

  public var spansShards: Bool { true }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 3...3)
    try requireRows(Array(inputs[1...]), Self.name)
    return [inputs[1]]
  }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    throw WaneError(
      RelationLoss.name, "has no second derivative: every sample moves the relations of all")
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let relation = try Relation(kind, &context, student: 1, teacher: 2)
    let upstream = try context.input(0).floats
    let result = context.output().floats
    return { run in
      relation.gather(run.scratch)
      relation.gradient(run.scratch, times: upstream.pointee, result)
      relation.leave()
    }
  }
}

private func relationKind(_ attributes: Attributes, _ operation: String) throws -> RelationKind {
  let text = try attributes.string("kind")
  guard let kind = RelationKind(rawValue: text) else {
    throw WaneError(operation, "there is no relation '\(text)'")
  }
  return kind
}

private func requireRows(_ inputs: [ValueType], _ operation: String) throws {
  for input in inputs {
    guard input.isBatched, input.dtype == .f32 else {
      throw WaneError(operation, "relates samples of f32 values, got \(input)")
    }
  }
}

/// The arithmetic of relations, on the rows of a whole batch.
private struct Relation {
  private let kind: RelationKind
  private let student: BatchRows
  private let teacher: BatchRows
  private let rows: Int

  init(_ kind: RelationKind, _ context: inout LoweringContext, student: Int, teacher: Int) throws {
    rows = context.totalBatch
    guard rows <= RelationLoss.mostSamples else {
      throw WaneError(
        "relations",
        "a batch of \(rows) samples is too large, at most \(RelationLoss.mostSamples) are related")
    }
    self.kind = kind
    self.student = try BatchRows(context, student)
    self.teacher = try BatchRows(context, teacher)
    let (width, total) = self.student.width.addingReportingOverflow(self.teacher.width)
    let floats = rows.multipliedReportingOverflow(by: width)
    guard !total, !floats.overflow, floats.partialValue < 1 << 40 else {
      throw WaneError("relations", "samples of \(width) numbers are too large")
    }
    context.reserveScratch(4 * (floats.partialValue + 2 * rows * rows))
  }

  private func places(_ scratch: UnsafeMutableRawPointer) -> (
    x: UnsafeMutablePointer<Float>, t: UnsafeMutablePointer<Float>,
    a: UnsafeMutablePointer<Float>, b: UnsafeMutablePointer<Float>
  ) {
    let x = scratch.assumingMemoryBound(to: Float.self)
    let t = x + rows * student.width
    let a = t + rows * teacher.width
    return (x, t, a, a + rows * rows)
  }

  /// Brings the rows of all shards together, and relates them.
  func gather(_ scratch: UnsafeMutableRawPointer) {
    let (x, t, a, b) = places(scratch)
    student.wait()
    student.copy(to: x)
    teacher.copy(to: t)
    switch kind {
    case .distance:
      wane_row_distances_f32(x, a, rows, student.width)
      wane_row_distances_f32(t, b, rows, teacher.width)
    case .similarity:
      wane_row_products_f32(x, a, rows, student.width)
      wane_row_products_f32(t, b, rows, teacher.width)
    }
  }

  /// Waits until all shards have taken their copies.
  func leave() { student.wait() }

  private func sum(_ values: UnsafePointer<Float>, _ count: Int) -> Double {
    var total = 0.0
    for index in 0..<count { total += Double(values[index]) }
    return total
  }

  private func length(_ row: UnsafePointer<Float>) -> Float {
    var total = 0.0
    for index in 0..<rows { total += Double(row[index]) * Double(row[index]) }
    return Float(total.squareRoot())
  }

  /// One over a positive number, else 0: samples that are all the same have no relations.
  private func inverse(_ value: Double) -> Float { value > 0 ? Float(1 / value) : 0 }

  /// One over the mean of the distances.
  private func scale(_ distances: UnsafePointer<Float>, pairs: Double) -> Float {
    inverse(sum(distances, rows * rows) / pairs)
  }

  func loss(_ scratch: UnsafeMutableRawPointer) -> Float {
    let (_, _, a, b) = places(scratch)
    let pairs = Double(rows * max(rows - 1, 1))
    var total = 0.0
    switch kind {
    case .distance:
      let (mine, theirs) = (scale(a, pairs: pairs), scale(b, pairs: pairs))
      for index in 0..<rows * rows {
        let difference = Double(a[index] * mine - b[index] * theirs)
        total +=
          abs(difference) < 1 ? difference * difference / 2 : abs(difference) - 0.5
      }
      return Float(total / pairs)
    case .similarity:
      for row in 0..<rows {
        let (g, h) = (a + row * rows, b + row * rows)
        let (mine, theirs) = (inverse(Double(length(g))), inverse(Double(length(h))))
        for index in 0..<rows {
          let difference = Double(g[index] * mine - h[index] * theirs)
          total += difference * difference
        }
      }
      return Float(total / Double(rows * rows))
    }
  }

  func gradient(
    _ scratch: UnsafeMutableRawPointer, times upstream: Float,
    _ result: UnsafeMutablePointer<Float>
  ) {
    let (x, _, a, b) = places(scratch)
    switch kind {
    case .distance: distanceGradient(a, b, upstream)
    case .similarity: similarityGradient(a, b, upstream)
    }
    let first = student.firstRow
    wane_row_combine_f32(b, x, result, first, first + student.rows, rows, student.width)
  }

  /// Leaves in `b` what each row of the gradient takes of each row of the student.
  ///
  /// With psi = d / mean and h the slope of the Huber loss at a pair:
  ///
  ///     dL/dd_ij = (h_ij - mean(h psi)) / (pairs mean),  dL/dx_i = sum_j 2 dL/dd_ij (x_i - x_j) / d_ij
  private func distanceGradient(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ upstream: Float
  ) {
    let pairs = Double(rows * max(rows - 1, 1))
    let (mine, theirs) = (scale(a, pairs: pairs), scale(b, pairs: pairs))
    var product = 0.0
    for index in 0..<rows * rows {
      let psi = a[index] * mine
      b[index] = min(max(psi - b[index] * theirs, -1), 1)
      product += Double(b[index] * psi)
    }
    let mean = Float(product / pairs)
    let factor = 2 * upstream * mine / Float(pairs)
    for row in 0..<rows {
      let (d, c) = (a + row * rows, b + row * rows)
      var diagonal: Float = 0
      for index in 0..<rows {
        let part = d[index] > 0 ? factor * (c[index] - mean) / d[index] : 0
        diagonal += part
        c[index] = -part
      }
      c[row] += diagonal
    }
  }

  /// The same for similarities: A + A' with A = dL/dG.
  ///
  ///     dL/dG_i = 2 (I - g g') (g - h) / (B^2 |G_i|), g = G_i / |G_i|, h = H_i / |H_i|
  private func similarityGradient(
    _ a: UnsafeMutablePointer<Float>, _ b: UnsafeMutablePointer<Float>, _ upstream: Float
  ) {
    let factor = 2 * upstream / Float(rows * rows)
    for row in 0..<rows {
      let (g, h) = (a + row * rows, b + row * rows)
      let (mine, theirs) = (inverse(Double(length(g))), inverse(Double(length(h))))
      var along = 0.0
      for index in 0..<rows {
        h[index] = g[index] * mine - h[index] * theirs
        along += Double(h[index] * g[index] * mine)
      }
      for index in 0..<rows {
        h[index] = factor * mine * (h[index] - Float(along) * g[index] * mine)
      }
    }
    for row in 0..<rows {
      b[row * rows + row] *= 2
      for column in 0..<row {
        let both = b[row * rows + column] + b[column * rows + row]
        b[row * rows + column] = both
        b[column * rows + row] = both
      }
    }
  }
}
