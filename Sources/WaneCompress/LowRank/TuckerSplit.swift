import WaneTensor

/// A kernel as a smaller one between two of single places: Tucker's decomposition of its channels.
///
///     W[i, j, c, o]  ~  sum over p, q:  A[c, p] G[i, j, p, q] B[q, o]
///
/// A and B start from the leading eigenvectors of the products over inputs and over outputs (De Lathauwer,
/// De Moor and Vandewalle, "A multilinear singular value decomposition", 2000), whose core says for every
/// two ranks what they keep. The chosen ranks are then improved in turns (orthogonal iteration, by the same,
/// 2000).
struct TuckerSplit: KernelDecomposition {
  let ways: [SplitWay]
  private let geometry: KernelGeometry
  /// The kernel `[places, C, O]`.
  private let values: [Float]
  /// The sum of squares.
  private let whole: Double
  /// Eigenvectors of the inputs and the outputs, one a row.
  private let (inputVectors, outputVectors): ([Float], [Float])

  /// Extents tried along an axis; between them a rank makes little difference.
  private static let ranksAnAxis = 64
  /// Turns after which nothing visible is won; most kernels take three.
  private static let turns = 10

  /// Decomposes a kernel `[KH, KW, C, O]`.
  init(_ values: [Float], _ geometry: KernelGeometry, poll: () throws -> Void) throws {
    let g = geometry
    let places = g.height * g.width
    let turned = Self.turned(values, places, g.inputs, g.outputs)
    let outputs = try SymmetricEigen(
      squaring: values, rows: places * g.inputs, columns: g.outputs, poll: poll)
    let inputs = try SymmetricEigen(
      squaring: turned, rows: places * g.outputs, columns: g.inputs, poll: poll)
    self.geometry = geometry
    self.values = values
    whole = values.reduce(0) { $0 + Double($1) * Double($1) }
    inputVectors = inputs.vectors.map { Float($0) }
    outputVectors = outputs.vectors.map { Float($0) }
    let core = try Self.core(
      values, g, inputVectors, g.inputs, outputVectors, g.outputs)
    ways = Self.ways(core, g, whole: whole)
  }

  /// What every two ranks keep: the sum of the squares of the core's first rows and columns.
  private static func ways(_ core: [Float], _ g: KernelGeometry, whole: Double) -> [SplitWay] {
    let places = g.height * g.width
    var kept = [Double](repeating: 0, count: (g.inputs + 1) * (g.outputs + 1))
    let width = g.outputs + 1
    for p in 0..<g.inputs {
      for q in 0..<g.outputs {
        var square = 0.0
        for place in 0..<places {
          let value = Double(core[(place * g.inputs + p) * g.outputs + q])
          square += value * value
        }
        kept[(p + 1) * width + q + 1] =
          square + kept[p * width + q + 1] + kept[(p + 1) * width + q] - kept[p * width + q]
      }
    }
    return ranks(g.inputs).flatMap { p in
      ranks(g.outputs).map { q in
        let (first, middle, last) = (g.inputs * p, places * p * q, q * g.outputs)
        return SplitWay(
          form: .tucker, ranks: [p, q], weights: first + middle + last,
          work: first * g.before + (middle + last) * g.after,
          energy: whole > 0 ? min(kept[p * width + q] / whole, 1) : 1)
      }
    }
  }

  private static func ranks(_ extent: Int) -> [Int] {
    let steps = min(extent, ranksAnAxis)
    return (1...max(steps, 1)).map { $0 * extent / max(steps, 1) }
  }

  func kernels(_ way: SplitWay, poll: () throws -> Void) throws -> (
    kernels: [SplitKernel], energy: Double
  ) {
    let g = geometry
    let (p, q) = (way.ranks[0], way.ranks[1])
    let places = g.height * g.width
    let turned = Self.turned(values, places, g.inputs, g.outputs)
    var a = Array(inputVectors.prefix(p * g.inputs))
    var b = Array(outputVectors.prefix(q * g.outputs))
    var last = way.energy * whole
    for _ in 0..<Self.turns {
      try poll()
      // The best inputs for these outputs, then the best outputs for these inputs.
      let narrowed = try Self.project(values, rows: places * g.inputs, b, q, g.outputs)
      let inputs = try SymmetricEigen(
        squaring: Self.turned(narrowed, places, g.inputs, q), rows: places * q,
        columns: g.inputs, poll: poll)
      a = inputs.vectors.prefix(p * g.inputs).map { Float($0) }
      let reduced = try Self.project(turned, rows: places * g.outputs, a, p, g.inputs)
      let outputs = try SymmetricEigen(
        squaring: Self.turned(reduced, places, g.outputs, p), rows: places * p,
        columns: g.outputs, poll: poll)
      b = outputs.vectors.prefix(q * g.outputs).map { Float($0) }
      let kept = outputs.values.prefix(q).reduce(0, +)
      let isSettled = kept - last <= 1e-6 * whole
      last = kept
      if isSettled { break }
    }
    let core = try Self.core(values, g, a, p, b, q)
    let energy = core.reduce(0) { $0 + Double($1) * Double($1) }
    return (
      [
        SplitKernel(
          name: "reduce", part: .point, shape: [1, 1, g.inputs, p],
          values: Self.turned(a, 1, p, g.inputs)),
        SplitKernel(
          name: "core", part: .window, shape: [g.height, g.width, p, q], values: core),
        SplitKernel(name: "expand", part: .point, shape: [1, 1, q, g.outputs], values: b),
      ], whole > 0 ? min(energy / whole, 1) : 1
    )
  }

  func approximation(_ way: SplitWay) throws -> [Float] {
    let g = geometry
    let (p, q) = (way.ranks[0], way.ranks[1])
    let places = g.height * g.width
    let a = Array(inputVectors.prefix(p * g.inputs))
    let b = Array(outputVectors.prefix(q * g.outputs))
    let core = try Self.core(values, g, a, p, b, q)
    let wide = try Self.project(
      core, rows: places * p, Self.turned(b, 1, q, g.outputs), g.outputs, q)
    let high = try Self.project(
      Self.turned(wide, places, p, g.outputs), rows: places * g.outputs,
      Self.turned(a, 1, p, g.inputs), g.inputs, p)
    return Self.turned(high, places, g.outputs, g.inputs)
  }

  /// `[places, C, O]` in terms of `p` vectors of inputs and `q` of outputs: `[places, p, q]`.
  private static func core(
    _ values: [Float], _ g: KernelGeometry, _ a: [Float], _ p: Int, _ b: [Float], _ q: Int
  ) throws -> [Float] {
    let places = g.height * g.width
    let narrowed = try project(values, rows: places * g.inputs, b, q, g.outputs)
    let reduced = try project(
      turned(narrowed, places, g.inputs, q), rows: places * q, a, p, g.inputs)
    return turned(reduced, places, q, p)
  }

  /// Rows of `width` numbers times each of `count` vectors.
  private static func project(
    _ values: [Float], rows: Int, _ vectors: [Float], _ count: Int, _ width: Int
  ) throws -> [Float] {
    try Tensor(values, Shape([rows, width]))
      .matrixProduct(Tensor(turned(vectors, 1, count, width), Shape([width, count])))
      .array(Float.self)
  }

  /// Matrices `[rows, columns]` with rows and columns exchanged.
  private static func turned(_ values: [Float], _ count: Int, _ rows: Int, _ columns: Int)
    -> [Float]
  {
    MatrixSplit.swapped(values, count, rows, columns, 1)
  }
}
