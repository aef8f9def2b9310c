import WaneGraph
import WaneNN
import WaneTensor

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How far what a model answers moves when the weights of one layer alone are rounded.
///
/// Of a model that ends in a softmax, the mean relative entropy of its answers (as Cai et al., "ZeroQ",
/// 2020), else the energy of the difference as a share of that of the answers. Both need no labels, and
/// for small errors those of several layers add up.
struct BitSensitivity {
  private let model: Graph
  private let samples: Dataset
  private let context: CompressionContext
  private let verb: String
  /// For each output, whether it comes of a softmax, and what it is.
  private let references: [(isSoftmax: Bool, answers: Tensor)]
  /// Samples that are looked at.
  private static let mostSamples = 256

  /// Runs a model on samples, or the first of them.
  ///
  /// - Throws: when samples do not fit, or the user stops.
  init(_ model: Graph, on samples: Dataset, _ verb: String, _ context: CompressionContext) throws {
    self.model = model
    self.samples = try samples.slice(0..<min(samples.count, Self.mostSamples))
    self.context = context
    self.verb = verb
    let answers = try Self.answers(model, self.samples, verb, context)
    references = zip(model.outputs, answers).map { output, answers in
      (model.producer(of: model.unmasked(output).value).operation is Softmax, answers)
    }
  }

  private static func answers(
    _ model: Graph, _ samples: Dataset, _ verb: String, _ context: CompressionContext
  ) throws -> [Tensor] {
    let probe = try ValueProbe(model, model.outputs, on: samples, verb, context)
    let batches = try probe.batches.map { try probe.run($0) }
    return try model.outputs.indices.map { output in
      try Tensor.concatenated(batches.map { $0[output] }, axis: 0)
    }
  }

  /// How far the answers are from those of the model.
  ///
  /// - Parameter kernel: the kernel that takes the place of the model's.
  /// - Returns: 0 where nothing changes.
  /// - Throws: when the user stops.
  func loss(with kernel: Parameter) throws -> Double {
    var changed = model
    try changed.set(kernel)
    return loss(try Self.answers(changed, samples, verb, context))
  }

  /// How far some answers are from those of the model, added up over its outputs.
  func loss(_ answers: [Tensor]) -> Double {
    zip(references, answers).reduce(0) { sum, pair in
      sum + Self.loss(pair.1, from: pair.0.answers, isSoftmax: pair.0.isSoftmax)
    }
  }

  private static func loss(_ answers: Tensor, from reference: Tensor, isSoftmax: Bool) -> Double {
    guard isSoftmax else {
      var fidelity = Fidelity()
      fidelity.add(reference, answers)
      return fidelity.relativeNoise
    }
    let columns = reference.shape.dimensions.last ?? 1
    var sum = 0.0
    reference.with(Float.self) { p in
      answers.with(Float.self) { q in
        for (p, q) in zip(p, q) where p > 0 {
          sum += Double(p) * (log(Double(p)) - log(max(Double(q), 1e-12)))
        }
      }
    }
    return max(0, sum * Double(columns) / Double(max(reference.count, 1)))
  }
}
