import WaneGraph
import WaneNN
import WaneTensor

/// What a model takes: what targets limit and fronts compare.
public enum Quantity: String, CaseIterable, Sendable, Comparable {
  /// Bytes of the file, header and all.
  case bytes
  /// Bytes needed to run one sample, weights included.
  case memory
  /// Multiply-accumulate operations for one sample.
  case macs
  /// Seconds for one sample alone, on one thread of this machine.
  case latency

  /// Orders them as they are listed.
  public static func < (one: Quantity, other: Quantity) -> Bool {
    allCases.firstIndex(of: one) ?? 0 < allCases.firstIndex(of: other) ?? 0
  }

  /// An amount with its unit: `7980 bytes`.
  public func text(_ amount: Double) -> String {
    guard amount.isFinite, abs(amount) < 1e15 else { return "\(amount) \(rawValue)" }
    switch self {
    case .bytes: return "\(Int(amount)) bytes"
    case .memory: return "\(Int(amount)) bytes of memory"
    case .macs: return "\(Int(amount)) MACs"
    case .latency: return "\(DecimalText.fixed(amount * 1e6, 1)) us"
    }
  }
}

/// What a model takes, as far as it was measured.
public typealias Costs = [Quantity: Double]

extension Costs {
  /// `7980 bytes, 21.3 us`.
  var text: String {
    sorted { $0.key < $1.key }.map { $0.key.text($0.value) }.joined(separator: ", ")
  }
}

/// Measures what models take.
public struct CostMeter: Sendable {
  /// The bytes of a model's file.
  public let fileBytes: @Sendable (Graph) throws -> Int
  /// The type of the samples that each input of a model is fed.
  public let dtypes: [DType]
  /// How long to measure a latency.
  public let seconds: Double

  /// Creates a meter.
  ///
  /// - Parameters:
  ///   - dtypes: the type of the samples that each input of a model is fed.
  ///   - seconds: how long to measure a latency.
  ///   - fileBytes: the bytes of a model's file.
  public init(
    feeding dtypes: [DType], seconds: Double = 0.2,
    fileBytes: @escaping @Sendable (Graph) throws -> Int
  ) {
    self.fileBytes = fileBytes
    self.dtypes = dtypes
    self.seconds = seconds
  }

  /// Measures what a model takes.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - quantities: what is measured.
  ///   - poll: called now and then; throws to stop.
  /// - Returns: an amount for each.
  /// - Throws: when the model cannot be compiled, or what `poll` throws.
  public func measure(
    _ model: Graph, _ quantities: some Sequence<Quantity>, poll: () throws -> Void
  ) throws -> Costs {
    var costs: Costs = [:]
    for quantity in quantities {
      switch quantity {
      case .bytes: costs[quantity] = Double(try fileBytes(model))
      case .memory:
        costs[quantity] = Double(
          try InferenceSession.memoryBytes(model.feeding(dtypes, operation: "search")))
      case .macs: costs[quantity] = Double(model.work)
      case .latency:
        let speeds = try Benchmark.measure([model], feeding: dtypes, seconds: seconds, poll: poll)
        costs[quantity] = speeds.first?.latency
      }
    }
    return costs
  }
}

/// Numbers with a fixed count of digits behind the point.
enum DecimalText {
  /// `0.50` for 0.5 and two digits.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
    guard value.isFinite, abs(value) * scale < 9e15 else { return "\(value)" }
    let scaled = Int((abs(value) * scale).rounded())
    let fraction = String(scaled % Int(scale))
    let zeros = String(repeating: "0", count: max(0, digits - fraction.count))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    return digits == 0
      ? "\(sign)\(scaled)" : "\(sign)\(scaled / Int(scale)).\(zeros)\(fraction)"
  }
}
