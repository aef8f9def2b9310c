import WaneGraph
import WaneNN
import WaneTensor

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// How well some numbers stand for others.
struct Fidelity {
  private var signal = 0.0
  private var noise = 0.0
  private var other = 0.0
  private var product = 0.0

  /// Takes in numbers and what stands for them.
  mutating func add(_ reference: UnsafeBufferPointer<Float>, _ values: UnsafeBufferPointer<Float>) {
    for (a, b) in zip(reference, values) {
      let (a, b) = (Double(a), Double(b))
      signal += a * a
      other += b * b
      product += a * b
      noise += (a - b) * (a - b)
    }
  }

  /// Takes in tensors of floats.
  mutating func add(_ reference: Tensor, _ values: Tensor) {
    reference.with(Float.self) { reference in
      values.with(Float.self) { add(reference, $0) }
    }
  }

  /// The signal-to-noise ratio in decibels: `10 log10(sum a^2 / sum (a - b)^2)`; infinite where
  /// nothing differs.
  var decibels: Double {
    noise > 0 ? 10 * log10(max(signal, .leastNonzeroMagnitude) / noise) : .infinity
  }

  /// The share of the signal's energy that noise has.
  var relativeNoise: Double { signal > 0 ? noise / signal : noise > 0 ? .infinity : 0 }

  /// The cosine of the angle between both, taken as vectors; 1 where both are zero.
  var cosine: Double {
    signal > 0 && other > 0
      ? min(product / (signal * other).squareRoot(), 1) : signal == other ? 1 : 0
  }
}

extension Graph {
  /// What the layers with some kernels give, before their activations; an empty list for a kernel that
  /// no layer has.
  func outputs(ofLayersWith kernels: [String]) -> [[Value]] {
    let layers = Dictionary(weightedLayers().map { ($0.kernel, $0.nodes) }) { first, _ in first }
    return kernels.map { (layers[$0] ?? []).map { Value(node: $0) } }
  }
}

/// How far what layers give differs between two forms of a model.
struct LayerFidelity {
  /// One a layer, in the order of the kernels.
  private(set) var outputs: [Fidelity]
  /// Samples that are looked at.
  private static let mostSamples = 256

  /// Runs both on samples.
  ///
  /// - Parameters:
  ///   - kernels: the kernels of the layers.
  ///   - reference: the model to compare with.
  ///   - model: the model that stands for it.
  ///   - samples: what both run on, or the first of them.
  ///   - verb: who asks, for messages.
  ///   - context: the threads, and somebody who waits.
  /// - Throws: when samples do not fit, or the user stops.
  init(
    _ kernels: [String], in reference: Graph, and model: Graph, on samples: Dataset, _ verb: String,
    _ context: CompressionContext
  ) throws {
    outputs = kernels.map { _ in Fidelity() }
    let samples = try samples.slice(0..<min(samples.count, Self.mostSamples))
    let (wanted, given) = (
      reference.outputs(ofLayersWith: kernels), model.outputs(ofLayersWith: kernels)
    )
    // A layer that stands in several places counts with all of them.
    let owners = zip(wanted, given).enumerated().flatMap { index, pair in
      zip(pair.0, pair.1).map { (layer: index, reference: $0, value: $1) }
    }
    guard !owners.isEmpty else { return }
    let expected = try ValueProbe(
      reference, owners.map(\.reference), on: samples, verb, context, title: "\(verb) report")
    let probe = try ValueProbe(model, owners.map(\.value), on: samples, verb, context)
    for batch in expected.batches {
      let pairs = zip(try expected.run(batch), try probe.run(batch))
      for (owner, (wanted, given)) in zip(owners, pairs) {
        outputs[owner.layer].add(wanted, given)
      }
    }
  }
}
