import Testing
import WaneGraph
import WaneTensor

@testable import WaneNN

/// A loss with its gradient.
struct LossCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Options: Decodable, Sendable {
    var from_logits: Bool?
    var label_smoothing: Double?
    var delta: Double?
    var gamma: Double?
    var alpha: Double?
  }

  let name: String
  let loss: String
  let options: Options
  let prediction: FixtureTensor
  let target: FixtureTensor
  var sample_weight: FixtureTensor?
  var class_weight: [Double]?
  /// Which steps count.
  var mask: FixtureTensor?
  let value: Double
  let prediction_gradient: FixtureTensor

  var testDescription: String { name }

  func made() throws -> Loss {
    var result = Loss(try #require(Loss.Kind(rawValue: loss)))
    result.isFromLogits = options.from_logits
    result.labelSmoothing = Float(options.label_smoothing ?? 0)
    result.delta = Float(options.delta ?? 1)
    result.gamma = Float(options.gamma ?? 2)
    result.alpha = options.alpha.map { Float($0) }
    return result
  }
}

/// A metric over a data set.
struct MeasureCase: Decodable, Sendable, CustomTestStringConvertible {
  struct Options: Decodable, Sendable {
    var k: Int?
    var threshold: Double?
    var average: String?
    var num_thresholds: Int?
  }

  let name: String
  let metric: String
  let options: Options
  let loss: String
  let prediction: FixtureTensor
  let target: FixtureTensor
  let value: FixtureTensor

  var testDescription: String { name }

  /// Whether labels are classes by number.
  var hasClasses: Bool { target.shape.count == 1 }

  func made() throws -> Metric {
    let threshold = options.threshold.map { Float($0) }
    switch metric {
    case "accuracy": return try Metric(.accuracy)
    case "top_k": return try Metric(.top(#require(options.k)))
    case "precision": return try Metric(.precision(threshold: threshold ?? 0.5))
    case "recall": return try Metric(.recall(threshold: threshold ?? 0.5))
    case "f1":
      let average = try #require(options.average.flatMap(Metric.Average.init(rawValue:)))
      return try Metric(.f1(threshold: threshold, average: average))
    case "auc": return try Metric(.areaUnderCurve(thresholds: options.num_thresholds ?? 200))
    case "confusion_matrix": return try Metric(.confusionMatrix)
    case "mae": return try Metric(.meanAbsoluteError)
    case "mse": return try Metric(.meanSquaredError)
    case "r2": return try Metric(.r2)
    default: throw FixtureProblem("there is no metric '\(metric)'")
    }
  }
}
