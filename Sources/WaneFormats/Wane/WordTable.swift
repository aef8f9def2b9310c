/// Words that models are full of.
///
/// In a file they are numbers.
///
/// The order is part of the format: new words go to the end, with a new version of the format.
enum WordTable {
  static let words = [
    // The first 32 take one byte.
    "input", "conv2d", "max_pool2d", "avg_pool2d", "flatten", "dense", "dropout", "batch_norm",
    "activation", "add", "rescaling", "rescale", "softmax", "relu", "sigmoid", "tanh",
    "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "mean", "variance",
    "valid", "same", "u8", "f32", "quantize", "", "name", "created_by",
    // The rest take two.
    "reshape", "depthwise_conv2d", "separable_conv2d", "conv1d", "global_avg_pool2d",
    "global_max_pool2d",
    "layer_norm", "group_norm", "concat", "multiply", "upsample2d", "zero_pad2d", "embedding",
    "lstm", "gru", "rnn", "attention", "multi_head_attention", "transformer", "block", "stage",
    "head", "encoder", "decoder", "query", "key", "value", "output", "projection", "scale",
    "offset", "weight", "recurrent_kernel", "gelu", "swish", "leaky_relu", "relu6", "hard_swish",
    "elu", "linear", "softplus", "i32", "i8", "bool", "labels", "description", "license",
    "preprocessing",
  ]

  private static let numbers = Dictionary(
    words.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })

  /// The word of that number.
  static func word(_ number: Int) -> String? {
    words.indices.contains(number) ? words[number] : nil
  }

  /// The number of a word.
  static func number(of word: String) -> Int? { numbers[word] }

  /// The parts of a name such as `dense_1`, when putting them together gives the name again.
  static func numbered(_ name: String) -> (word: Int, number: Int)? {
    guard let underscore = name.lastIndex(of: "_"),
      let word = numbers[String(name[..<underscore])],
      let number = Int(name[name.index(after: underscore)...]),
      (0...Int(Int32.max)).contains(number),
      "\(words[word])_\(number)" == name
    else { return nil }
    return (word, number)
  }
}
