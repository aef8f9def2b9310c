import WaneGraph
import WaneNN
import WaneTensor

/// How alike two values of a model are over samples.
struct Resemblance {
  /// The values of some samples, each feature less its mean.
  private struct Features {
    let samples: Int
    let values: [Float]

    init(_ tensor: Tensor) {
      samples = tensor.shape[0]
      let width = tensor.count / max(samples, 1)
      var values = tensor.array(Float.self)
      for feature in 0..<width {
        var sum = 0.0
        for sample in 0..<samples { sum += Double(values[sample * width + feature]) }
        let mean = Float(sum / Double(samples))
        for sample in 0..<samples { values[sample * width + feature] -= mean }
      }
      self.values = values
    }

    /// The products of every two samples.
    func gram() throws -> [Float] {
      let width = values.count / max(samples, 1)
      var turned = [Float](repeating: 0, count: values.count)
      for sample in 0..<samples {
        for feature in 0..<width {
          turned[feature * samples + sample] = values[sample * width + feature]
        }
      }
      return try Tensor(values, Shape([samples, width]))
        .matrixProduct(Tensor(turned, Shape([width, samples]))).array(Float.self)
    }
  }

  /// Samples that are compared; the error of a correlation is about the reciprocal of their root.
  private static let samples = 256

  /// The values, as they are compared.
  private let tensors: [Tensor]

  /// Runs a model for some of its values.
  ///
  /// - Throws: when samples do not fit the model, or the user interrupts.
  init(
    _ values: [Value], in model: Graph, _ data: Dataset, _ context: CompressionContext, verb: String
  ) throws {
    let inputs = try data.slice(0..<min(Self.samples, data.count)).inputs(for: model, verb)
    var probe = model
    probe.outputs = values
    let session = try InferenceSession(
      probe.feeding(inputs.map(\.dtype), operation: verb), pool: context.pool)
    tensors = try session.run(inputs, poll: context.poll)
  }

  /// Pearson's correlation coefficient of two values of one shape, features centred.
  func correlation(_ a: Int, _ b: Int) -> Double {
    Self.cosine(Features(tensors[a]).values, Features(tensors[b]).values)
  }

  /// The linear centred kernel alignment of two values of any shapes (Kornblith et al., "Similarity of
  /// neural network representations revisited", 2019): 1 when one is the other turned or scaled.
  func alignment(_ a: Int, _ b: Int) throws -> Double {
    try Self.cosine(Features(tensors[a]).gram(), Features(tensors[b]).gram())
  }

  private static func cosine(_ x: [Float], _ y: [Float]) -> Double {
    var (xy, xx, yy) = (0.0, 0.0, 0.0)
    for (a, b) in zip(x, y) {
      xy += Double(a) * Double(b)
      xx += Double(a) * Double(a)
      yy += Double(b) * Double(b)
    }
    return xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : 0
  }
}
