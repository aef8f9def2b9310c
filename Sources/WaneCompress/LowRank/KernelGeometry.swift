import WaneGraph
import WaneTensor

/// The extents of a kernel and at how many places it is applied.
struct KernelGeometry {
  /// Height and width of the window; ones for a dense layer.
  let (height, width): (Int, Int)
  /// Channels that are read and made.
  let (inputs, outputs): (Int, Int)
  /// Places of the operand, of what a window one wide makes of it, and of the result, for one sample.
  private(set) var (before, between, after) = (0, 0, 0)

  /// The geometry of a convolution without groups, or a dense layer, wherever it stands.
  init(_ layer: WeightedLayer, _ kernel: Parameter, in model: Graph) {
    let dimensions = kernel.shape.dimensions
    let (size, matrix) = (dimensions.dropLast(2), dimensions.suffix(2))
    (height, width) = (size.first ?? 1, size.last ?? 1)
    (inputs, outputs) = (matrix.first ?? 1, matrix.last ?? 1)
    for index in layer.nodes {
      let node = model.nodes[index]
      let operand = model.type(of: node.inputs[0]).dimensions
      let places = node.outputs[0].dimensions.dropLast()
      after += places.reduce(1, *)
      before += operand.dropLast().reduce(1, *)
      // As high as the result and as wide as the operand.
      between += places.count == 2 ? places[0] * operand[1] : places.reduce(1, *)
    }
  }

  /// Weights of the kernel.
  var weights: Int { height * width * inputs * outputs }
  /// Multiply-accumulate operations for one sample.
  var work: Int { weights * after }
  /// Whether each result depends on one place alone.
  var isPointwise: Bool { height == 1 && width == 1 }
}
