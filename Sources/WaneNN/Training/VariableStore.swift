import CKernels
import WaneGraph
import WaneTensor

/// The memory of a training run: variables in one flat array, and arrays of the same layout for
/// the optimizer and for each worker's part of the gradient.
final class VariableStore {
  /// Where a variable lies in the flat array of its kind.
  private struct Place {
    let offset: Int
    let dimensions: [Int]
    let isTrained: Bool
  }

  /// Where a trained variable lies, the gap behind it included.
  struct Span {
    let range: Range<Int>
    /// Whether it has at most one axis: a bias, or a scale of a normalization.
    let isVector: Bool
  }

  /// The trained variables in the order of memory.
  let spans: [Span]
  /// The number of floats in the array of trained variables, gaps included.
  let count: Int
  private let trained: Storage
  private let fixed: Storage
  private let state: [Storage]
  private let averages: Storage?
  private let gradients: [Storage]
  private var pieces: [Int: Storage] = [:]
  private var places: [String: Place] = [:]
  /// Variables start at multiples of this many floats: a cache line.
  private static let alignment = 16

  init(
    _ variables: [TrainingForm.Variable], trained names: Set<String>, slots: [Float],
    isAveraged: Bool = false, workers: Int
  ) throws {
    var counts = (trained: 0, fixed: 0)
    var spans: [Span] = []
    for variable in variables {
      let size = (variable.initial.count + Self.alignment - 1) / Self.alignment * Self.alignment
      let isTrained = names.contains(variable.name)
      places[variable.name] = Place(
        offset: isTrained ? counts.trained : counts.fixed,
        dimensions: variable.initial.shape.dimensions, isTrained: isTrained)
      if isTrained {
        spans.append(
          Span(
            range: counts.trained..<counts.trained + size,
            isVector: variable.initial.shape.rank < 2))
        counts.trained += size
      } else {
        counts.fixed += size
      }
    }
    let bytes = counts.trained * 4
    count = counts.trained
    self.spans = spans
    trained = try Self.zeroed(bytes)
    fixed = try Self.zeroed(counts.fixed * 4)
    state = try slots.map { try Self.filled(bytes, with: $0) }
    averages = isAveraged ? try Self.zeroed(bytes) : nil
    gradients = try (0..<workers).map { _ in try Self.zeroed(bytes) }
    for variable in variables { write(variable.initial, to: variable.name) }
  }

  private static func zeroed(_ bytes: Int) throws -> Storage {
    let storage = try Storage(byteCount: bytes, for: "train")
    storage.pointer.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return storage
  }

  private static func filled(_ bytes: Int, with value: Float) throws -> Storage {
    let storage = try zeroed(bytes)
    if value != 0 {
      wane_fill_f32(value, storage.pointer.assumingMemoryBound(to: Float.self), bytes / 4)
    }
    return storage
  }

  private func floats(_ storage: Storage) -> UnsafeMutablePointer<Float> {
    storage.pointer.assumingMemoryBound(to: Float.self)
  }

  /// The trained variables.
  var variables: UnsafeMutablePointer<Float> { floats(trained) }
  /// What the optimizer remembers, one array a slot.
  var slots: [UnsafeMutablePointer<Float>] { state.map(floats) }
  /// The moving averages of the trained variables, when they are wanted.
  var average: UnsafeMutablePointer<Float>? { averages.map(floats) }
  /// Each worker's part of the gradient.
  var partials: [UnsafeMutablePointer<Float>] { gradients.map(floats) }

  /// Where every variable is, for programs to read.
  var pointers: [String: UnsafeMutableRawPointer] {
    places.mapValues { place in
      UnsafeMutableRawPointer(floats(place.isTrained ? trained : fixed) + place.offset)
    }
  }

  /// Where a worker leaves the gradient of one piece of its shard, made when first asked for.
  func pieceGradients(worker: Int) throws -> UnsafeMutablePointer<Float> {
    let storage = try pieces[worker] ?? Self.zeroed(count * 4)
    pieces[worker] = storage
    return floats(storage)
  }

  /// Where the gradient of a trained variable lies in an array of gradients.
  func gradient(_ name: String, in array: UnsafeMutablePointer<Float>)
    -> UnsafeMutablePointer<Float>?
  {
    guard let place = places[name], place.isTrained else { return nil }
    return array + place.offset
  }

  /// The value of a variable, or the moving average of its values.
  func value(_ name: String, averaged: Bool = false) throws -> Tensor {
    guard let place = places[name], var source = pointers[name] else {
      throw WaneError("train", "there is no variable '\(name)'")
    }
    if averaged, place.isTrained, let average { source = .init(average + place.offset) }
    var result = try Tensor(uninitialized: Shape(place.dimensions))
    let bytes = result.byteCount
    try result.withMutableBytes { $0.baseAddress?.copyMemory(from: source, byteCount: bytes) }
    return result
  }

  /// Sets a variable of the same shape.
  func write(_ value: Tensor, to name: String) {
    guard let place = places[name], value.shape.dimensions == place.dimensions else { return }
    value.withBytes { source in
      if let base = source.baseAddress {
        pointers[name]?.copyMemory(from: base, byteCount: source.count)
      }
    }
  }

  /// The arrays that hold what the optimizer remembers, by the name they have in a checkpoint.
  var memories: [(name: String, pointer: UnsafeMutablePointer<Float>)] {
    var result = slots.enumerated().map { ("slot/\($0.offset)", $0.element) }
    if let average { result.append(("average", average)) }
    return result
  }

  /// The gradient of a variable, the parts of the first `shards` workers added up.
  func gradient(_ name: String, shards: Int) throws -> Tensor? {
    guard let place = places[name], place.isTrained else { return nil }
    var result = try Tensor(zeros: Shape(place.dimensions))
    try result.withMutableElements(Float.self) { target in
      for part in partials.prefix(shards) {
        for index in target.indices { target[index] += part[place.offset + index] }
      }
    }
    return result
  }
}
