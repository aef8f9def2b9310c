import WaneTensor

extension Noun {
  static let tensor = Noun(
    TensorBox.self, "Tensor", "A block of numbers in rows, with arithmetic on all of them at once.",
    fields: [
      Field("shape", "list of integers", "The extents, outermost first.") {
        (box: TensorBox) in box.tensor.shape.dimensions
      },
      Field("dtype", "string", "The type of the elements: f32, i32, u8, i8, bool, f16 or bf16.") {
        (box: TensorBox) in box.tensor.dtype.description
      },
      Field("rank", "integer", "The number of axes.") {
        (box: TensorBox) in box.tensor.shape.rank
      },
      Field("ndim", "integer", "The number of axes, as NumPy calls it.") {
        (box: TensorBox) in box.tensor.shape.rank
      },
      Field("size", "integer", "The number of elements.") {
        (box: TensorBox) in box.tensor.count
      },
      Field("bytes", "integer", "The bytes of the elements.") {
        (box: TensorBox) in box.tensor.byteCount
      },
    ],
    methods: Function.tensorElements
      + Function.tensorShape.map { $0.orSymbolic(Function.symbolicShape) }
      + Function.tensorRearranging + Function.tensorMath
      + Function.tensorComparison.map { $0.orSymbolic(Function.symbolicComparison) }
      + Function.tensorReduction + Function.tensorOrder + Function.tensorFiles,
    metamethods: Function.tensorOperators.map { $0.orSymbolic(Function.symbolicOperators) }
      + Function.tensorIndexing)
}
