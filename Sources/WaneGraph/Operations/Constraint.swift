import CKernels
import WaneTensor

// How constrained parameters look to training: the free variables, and operations that make of them
// the weights the network sees. Gradients flow back to the variables by the ordinary rules, so a
// constraint holds at every step and nothing has to be repaired afterwards.

/// Weights whose pinned zeros stay zero: `w, mask -> w * mask`.
///
/// The mask gets no gradient.
public struct ApplyMask: Operation {
  public static let name = "apply_mask"

  /// Multiplies by a mask of zeros and ones.
  public init() {}

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 2...2)
    guard inputs[0] == inputs[1] else {
      throw WaneError(Self.name, "mask \(inputs[1]) does not fit \(inputs[0])")
    }
    return [inputs[0]]
  }

  public func isLinear(in operand: Int) -> Bool { operand == 0 }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil, nil] }
    return [try context.add(ApplyMask(), [gradient, context.inputs[1]]), nil]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let x = try context.input(0).floats
    let mask = try context.input(1).floats
    let y = context.output().floats
    let count = context.output().count
    return { _ in wane_mul_f32(x, mask, y, count) }
  }
}

/// Weights that share a few values: `centroids [K] -> w`, `w[i] = centroids[indices[i]]`; or those of their
/// channel, `centroids [C, K] -> w`, `w[i] = centroids[row(i), indices[i]]`.
///
/// The gradient of a centroid is the sum over its members (Han, Mao and Dally, "Deep Compression",
/// 2016).
public struct CodebookLookup: Operation {
  public static let name = "codebook_lookup"
  let indices: Tensor
  let rows: TableRows
  let pinned: Int?
  /// Whether the pinned centroid counts as zero: in gradients of gradients, where it has no part.
  let omitsPinned: Bool

  /// Looks up `indices` (u8) of any shape.
  ///
  /// - Parameters:
  ///   - indices: which centroid stands at each place.
  ///   - axis: the axis of the indices whose positions have a table each; nil when there is one.
  ///   - pinned: the index of a centroid that does not move, in every table: the zero of a masked
  ///     parameter.
  public init(_ indices: Tensor, axis: Int?, pinned: Int?) {
    self.init(
      indices, rows: CentroidTable.rows(of: indices.shape.dimensions, axis: axis), pinned: pinned,
      omitsPinned: false)
  }

  fileprivate init(_ indices: Tensor, rows: TableRows, pinned: Int?, omitsPinned: Bool) {
    self.indices = indices
    self.rows = rows
    self.pinned = pinned
    self.omitsPinned = omitsPinned
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    let dimensions = inputs[0].dimensions
    guard (1...2).contains(dimensions.count),
      rows.count == (dimensions.count == 1 ? 1 : dimensions[0])
    else { throw WaneError(Self.name, "tables \(inputs[0]) for \(rows.count) channels") }
    let highest = indices.with(UInt8.self) { $0.max() ?? 0 }
    guard Int(highest) < inputs[0].channels else {
      throw WaneError(Self.name, "index \(highest) is beyond tables of \(inputs[0].channels)")
    }
    return [.fixed(indices.shape.dimensions)]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let gradient = context.outputGradients[0] else { return [nil] }
    let backward = CodebookGradient(
      indices, rows: rows, tables: context.graph.type(of: context.inputs[0]).dimensions,
      pinned: pinned)
    return [try context.add(backward, [gradient])]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let centroids = try context.input(0).floats
    let w = context.output().floats
    let omitted = omitsPinned ? pinned : nil
    let size = context.inputTypes[0].channels
    return { [indices, rows] _ in
      indices.with(UInt8.self) { indices in
        rows.forEach(indices.count) { index, row in
          let cluster = Int(indices[index])
          w[index] = cluster == omitted ? 0 : centroids[row * size + cluster]
        }
      }
    }
  }
}

/// The gradient of a codebook: the sum over the members of each cluster.
public struct CodebookGradient: Operation {
  public static let name = "codebook_gradient"
  let indices: Tensor
  let rows: TableRows
  /// The extents of the tables.
  let tables: [Int]
  let pinned: Int?

  fileprivate init(_ indices: Tensor, rows: TableRows, tables: [Int], pinned: Int?) {
    self.indices = indices
    self.rows = rows
    self.tables = tables
    self.pinned = pinned
  }

  public init(_ attributes: Attributes) throws { throw notStored(Self.name) }

  public func infer(_ inputs: [ValueType]) throws -> [ValueType] {
    try operands(inputs, 1...1)
    guard inputs[0] == .fixed(indices.shape.dimensions) else {
      throw WaneError(Self.name, "gradient \(inputs[0]) for indices of shape \(indices.shape)")
    }
    return [.fixed(tables)]
  }

  public func isLinear(in operand: Int) -> Bool { true }

  public func gradient(_ context: inout GradientContext) throws -> [Value?] {
    guard let g = context.outputGradients[0] else { return [nil] }
    return [
      try context.add(CodebookLookup(indices, rows: rows, pinned: pinned, omitsPinned: true), [g])
    ]
  }

  public func lower(_ context: inout LoweringContext) throws -> Kernel {
    let dw = try context.input(0).floats
    let result = context.output().floats
    let (count, size) = (context.output().count, tables.last ?? 1)
    return { [indices, rows, pinned] _ in
      wane_fill_f32(0, result, count)
      indices.with(UInt8.self) { indices in
        rows.forEach(indices.count) { index, row in
          result[row * size + Int(indices[index])] += dw[index]
        }
      }
      if let pinned {
        for index in stride(from: pinned, to: count, by: size) { result[index] = 0 }
      }
    }
  }
}

func notStored(_ operation: String) -> WaneError {
  WaneError(operation, "is made for training, and never stored")
}
