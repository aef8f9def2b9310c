import WaneGraph
import WaneTensor

/// A kernel as a matrix: a row for everything that a weight can be multiplied by, a column for everything
/// it can add to.
///
/// A dense kernel `[I, O]` is that matrix; a convolution's `[KH, KW, C, O]` has a row for each place of
/// the window and channel, channels fastest; a transposed one's is `[KH, KW, O, C]`.
struct KernelMatrix: Sendable {
  let rows: Int
  let columns: Int
  /// Elements from one column to the next.
  private let stride: Int

  /// The matrix of a shape whose columns are an axis, counted from the last one backwards; nil when
  /// there is no such axis or it is empty.
  init?(_ shape: Shape, columnAxis: Int = 1) {
    let trailing = shape.dimensions.suffix(columnAxis)
    guard trailing.count == columnAxis, let columns = trailing.first, shape.count > 0 else {
      return nil
    }
    self.columns = columns
    rows = shape.count / columns
    stride = trailing.dropFirst().reduce(1, *)
  }

  /// The matrix of a layer's kernel.
  init?(_ layer: WeightedLayer, in model: Graph) {
    guard let kernel = model.parameters[layer.kernel] else { return nil }
    let product = layer.nodes.first.flatMap { model.nodes[$0].operation as? MatMul }
    let isTurned = product?.transposesRight == true && kernel.shape.rank > 1
    self.init(kernel.shape, columnAxis: isTurned ? 2 : layer.unitAxis)
  }

  /// The number of weights.
  var count: Int { rows * columns }

  /// The column of the weight at an index.
  func column(_ index: Int) -> Int { index / stride % columns }

  /// The row of the weight at an index.
  func row(_ index: Int) -> Int { index / (stride * columns) * stride + index % stride }
}
