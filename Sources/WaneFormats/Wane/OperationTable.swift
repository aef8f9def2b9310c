import WaneGraph

/// How an operation stands in a file: its number and the attributes it is expected to have.
///
/// Attributes that have their default take no space. Numbers, the order of attributes and the
/// defaults are part of the format: rows and attributes are only added at the end, with a new
/// version of the format.
struct OperationRow: Sendable {
  /// The name of the operation.
  let name: String
  /// The attributes with their defaults, whose cases are the types that the file has.
  let attributes: [(name: String, standard: Attribute)]
}

/// The operations of format version 1; the number of a row is its place, from 1.
///
/// Number 0 stands for an operation that is written out by name.
enum OperationTable {
  private static let window: [(String, Attribute)] = [
    ("size", .ints([2, 2])), ("strides", .ints([2, 2])), ("padding", .string("valid")),
    ("dilation", .ints([1, 1])),
  ]

  private static let recurrence: [(String, Attribute)] = [
    ("units", .int(32)), ("return_sequences", .bool(false)), ("direction", .string("forward")),
  ]

  static let rows: [OperationRow] = [
    OperationRow(name: "parameter", attributes: []),
    OperationRow(
      name: "input",
      attributes: [
        ("dimensions", .ints([28, 28, 1])), ("dtype", .string("f32")), ("index", .int(0)),
      ]),
    OperationRow(
      name: "conv2d",
      attributes: [
        ("size", .ints([3, 3])), ("strides", .ints([1, 1])), ("padding", .string("valid")),
        ("relu", .bool(false)), ("groups", .int(1)), ("dilation", .ints([1, 1])),
      ]),
    OperationRow(name: "dense", attributes: [("relu", .bool(false))]),
    OperationRow(name: "activation", attributes: [("kind", .string("relu"))]),
    OperationRow(name: "max_pool2d", attributes: window),
    OperationRow(name: "avg_pool2d", attributes: window),
    OperationRow(name: "reshape", attributes: [("dimensions", .ints([]))]),
    OperationRow(name: "softmax", attributes: []),
    OperationRow(
      name: "rescale", attributes: [("scale", .float(1 / 255)), ("offset", .float(0))]),
    OperationRow(
      name: "quantize",
      attributes: [("scale", .float(1)), ("zero", .int(0)), ("bits", .int(8))]),
    OperationRow(name: "add", attributes: []),
    OperationRow(
      name: "batch_norm", attributes: [("epsilon", .float(1e-3)), ("momentum", .float(0.99))]),
    OperationRow(name: "dropout", attributes: [("rate", .float(0.5)), ("stream", .int(0))]),
    OperationRow(name: "binary", attributes: [("kind", .string("multiply"))]),
    OperationRow(name: "broadcast_to", attributes: [("dimensions", .ints([]))]),
    OperationRow(name: "cast", attributes: [("dtype", .string("f32"))]),
    OperationRow(name: "clip", attributes: [("low", .float(0)), ("high", .float(6))]),
    OperationRow(name: "compare", attributes: [("kind", .string("gt"))]),
    OperationRow(name: "concat", attributes: [("axis", .int(0))]),
    OperationRow(name: "constant", attributes: [("value", .float(1))]),
    OperationRow(name: "gather", attributes: [("axis", .int(0)), ("first", .int(0))]),
    OperationRow(name: "log_softmax", attributes: []),
    OperationRow(
      name: "matmul",
      attributes: [("transpose_a", .bool(false)), ("transpose_b", .bool(false))]),
    OperationRow(name: "one_hot", attributes: [("classes", .int(10)), ("first", .int(0))]),
    OperationRow(
      name: "pad",
      attributes: [
        ("before", .ints([])), ("after", .ints([])), ("between", .ints([])), ("value", .float(0)),
      ]),
    OperationRow(
      name: "reduce",
      attributes: [
        ("kind", .string("mean")), ("axes", .ints([])), ("batch", .bool(false)),
        ("keep", .bool(false)),
      ]),
    OperationRow(name: "row_product", attributes: []),
    OperationRow(
      name: "slice",
      attributes: [("starts", .ints([])), ("extents", .ints([])), ("steps", .ints([]))]),
    OperationRow(name: "transpose", attributes: [("order", .ints([1, 0]))]),
    OperationRow(name: "unary", attributes: [("kind", .string("square"))]),
    OperationRow(name: "where", attributes: []),
    OperationRow(name: "embedding", attributes: []),
    OperationRow(name: "lstm", attributes: recurrence),
    OperationRow(name: "gru", attributes: recurrence),
    OperationRow(name: "simple_rnn", attributes: recurrence + [("activation", .string("tanh"))]),
    OperationRow(
      name: "attention",
      attributes: [
        ("heads", .int(1)), ("causal", .bool(false)), ("rate", .float(0)), ("stream", .int(0)),
      ]),
    OperationRow(
      name: "conv2d_transpose",
      attributes: [
        ("size", .ints([3, 3])), ("strides", .ints([1, 1])), ("padding", .string("valid")),
        ("dilation", .ints([1, 1])),
      ]),
    OperationRow(
      name: "gaussian_noise", attributes: [("stddev", .float(0.1)), ("stream", .int(0))]),
    OperationRow(name: "prelu", attributes: []),
    OperationRow(
      name: "sample_norm",
      attributes: [
        ("kind", .string("layer_norm")), ("groups", .int(1)), ("epsilon", .float(1e-3)),
        ("scale", .bool(true)), ("center", .bool(true)),
      ]),
    OperationRow(
      name: "spatial_dropout", attributes: [("rate", .float(0.5)), ("stream", .int(0))]),
    OperationRow(name: "standardize", attributes: []),
    OperationRow(
      name: "up_sample2d",
      attributes: [("factors", .ints([2, 2])), ("interpolation", .string("nearest"))]),
    OperationRow(name: "cumsum", attributes: [("reversed", .bool(false))]),
    OperationRow(
      name: "extreme_position", attributes: [("smallest", .bool(false)), ("first", .int(1))]),
    OperationRow(name: "flip", attributes: [("axes", .ints([0]))]),
    OperationRow(name: "sort", attributes: [("descending", .bool(false)), ("first", .int(1))]),
    OperationRow(name: "dynamic_quantize", attributes: [("bits", .int(8))]),
    OperationRow(name: "masked", attributes: []),
  ]

  private static let numbers = Dictionary(
    rows.enumerated().map { ($1.name, $0 + 1) }, uniquingKeysWith: { first, _ in first })

  /// The number of an operation.
  static func number(of name: String) -> Int? { numbers[name] }

  /// The row of a number that is not 0.
  static func row(_ number: Int) -> OperationRow? {
    rows.indices.contains(number - 1) ? rows[number - 1] : nil
  }
}
