import WaneTensor

/// A kernel as the product of two, each a matrix.
///
///     svd          W[i j c, o]   ~  A[i j c, r] B[r, o]
///     spatial_svd  W[i c, j o]   ~  A[i c, r] B[r, j o]
struct MatrixSplit: KernelDecomposition {
  let ways: [SplitWay]
  private let geometry: KernelGeometry
  private let form: Decomposition
  private let factorization: Factorization

  /// Decomposes a kernel `[KH, KW, C, O]`.
  init(
    _ values: [Float], _ geometry: KernelGeometry, isSpatial: Bool, poll: () throws -> Void
  ) throws {
    self.geometry = geometry
    let g = geometry
    form = isSpatial ? .spatial : .svd
    let rows = isSpatial ? g.height * g.inputs : g.height * g.width * g.inputs
    let columns = isSpatial ? g.width * g.outputs : g.outputs
    let matrix =
      isSpatial
      ? Self.swapped(values, g.height, g.width, g.inputs, g.outputs) : values
    let found = try Factorization(matrix, rows: rows, columns: columns, poll: poll)
    factorization = found
    let form = form
    ways = found.shares.enumerated().map { index, share in
      let rank = index + 1
      return SplitWay(
        form: form, ranks: [rank], weights: rank * (rows + columns),
        work: rank * (rows * (isSpatial ? g.between : g.after) + columns * g.after), energy: share)
    }
  }

  /// What a smaller side than the largest that is decomposed has.
  static func smallerSide(_ g: KernelGeometry, isSpatial: Bool) -> Int {
    isSpatial
      ? min(g.height * g.inputs, g.width * g.outputs)
      : min(g.height * g.width * g.inputs, g.outputs)
  }

  func kernels(_ way: SplitWay, poll: () throws -> Void) -> (
    kernels: [SplitKernel], energy: Double
  ) {
    let rank = way.ranks[0]
    let (left, right) = factorization.factors(rank: rank)
    let g = geometry
    let kernels =
      form == .spatial
      ? [
        SplitKernel(
          name: "vertical", part: .column, shape: [g.height, 1, g.inputs, rank], values: left),
        SplitKernel(
          name: "horizontal", part: .row, shape: [1, g.width, rank, g.outputs],
          values: Self.swapped(right, 1, rank, g.width, g.outputs)),
      ]
      : [
        SplitKernel(
          name: "reduce", part: .window, shape: [g.height, g.width, g.inputs, rank], values: left),
        SplitKernel(
          name: "expand", part: .point, shape: [1, 1, rank, g.outputs], values: right),
      ]
    return (kernels, way.energy)
  }

  func approximation(_ way: SplitWay) throws -> [Float] {
    let rank = way.ranks[0]
    let (left, right) = factorization.factors(rank: rank)
    let product = try Tensor(left, Shape([factorization.rows, rank]))
      .matrixProduct(Tensor(right, Shape([rank, factorization.columns]))).array(Float.self)
    let g = geometry
    return form == .spatial
      ? Self.swapped(product, g.height, g.inputs, g.width, g.outputs) : product
  }

  /// An array `[a, b, c, d]` as `[a, c, b, d]`.
  static func swapped(_ values: [Float], _ a: Int, _ b: Int, _ c: Int, _ d: Int) -> [Float] {
    var result: [Float] = []
    result.reserveCapacity(values.count)
    for i in 0..<a {
      for k in 0..<c {
        for j in 0..<b {
          let start = ((i * b + j) * c + k) * d
          result.append(contentsOf: values[start..<start + d])
        }
      }
    }
    return result
  }
}
