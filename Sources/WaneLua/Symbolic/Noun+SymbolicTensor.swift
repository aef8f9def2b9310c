import WaneTensor

extension Noun {
  /// What a traced function is called with.
  static let symbolicTensor = Noun(
    SymbolicTensorBox.self, "SymbolicTensor",
    "What a function that is differentiated or made a layer or loss is called with: a tensor "
      + "without values, whose methods are those of tensors.",
    fields: [
      Field("shape", "list of integers", "The extents, outermost first; -1 for the batch.") {
        (box: SymbolicTensorBox) in box.type.extents
      },
      Field("dtype", "string", "The type of the elements.") {
        (box: SymbolicTensorBox) in box.type.dtype.description
      },
      Field("rank", "integer", "The number of axes.") {
        (box: SymbolicTensorBox) in box.type.rank
      },
      Field("ndim", "integer", "The number of axes, as NumPy calls it.") {
        (box: SymbolicTensorBox) in box.type.rank
      },
    ],
    methods: Function.symbolicElements + Function.symbolicShape + Function.symbolicMath
      + Function.symbolicComparison + Function.symbolicReduction + Function.symbolicOrder
      + Function.symbolicRearranging,
    metamethods: Function.symbolicOperators + Function.symbolicIndexing)
}
