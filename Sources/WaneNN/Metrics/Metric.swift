import WaneGraph
import WaneTensor

/// What is measured of a model's predictions, with the definitions of Keras 3.
public struct Metric: Equatable, Sendable {
  /// What is measured.
  public enum Kind: Equatable, Sendable {
    /// The share of samples, or of yes-or-no answers, that are right.
    case accuracy
    /// The share of samples whose class is among the `count` likeliest.
    case top(Int)
    /// The share of what is predicted that is so.
    case precision(threshold: Float)
    /// The share of what is so that is predicted.
    case recall(threshold: Float)
    /// The harmonic mean of both; without a threshold, the likeliest class is predicted.
    case f1(threshold: Float?, average: Average)
    /// The area under the curve of true against false positive rates.
    case areaUnderCurve(thresholds: Int)
    /// How often samples of one class (row) were taken for another (column).
    case confusionMatrix
    /// The mean absolute difference.
    case meanAbsoluteError
    /// The mean squared difference.
    case meanSquaredError
    /// The share of the variance that is explained.
    case r2
  }

  /// How values of classes become one.
  public enum Average: String, CaseIterable, Sendable {
    /// Their mean.
    case macro
    /// Counts are added up first.
    case micro
    /// The mean weighted by how often each class occurs.
    case weighted
  }

  /// What a metric came to.
  public enum Value: Sendable {
    case number(Double)
    case matrix(Tensor)
  }

  /// What is measured.
  public let kind: Kind
  /// What it is called in results.
  public let name: String

  /// Creates a metric.
  ///
  /// - Throws: when a number is out of range.
  public init(_ kind: Kind, name: String? = nil) throws {
    func check(_ threshold: Float?, _ usual: String) throws {
      guard let threshold, !(0...1).contains(threshold) else { return }
      throw WaneError(usual, "threshold must be in [0, 1], got \(threshold)")
    }
    let usual: String
    switch kind {
    case .accuracy: usual = "accuracy"
    case .top(let count):
      usual = "top_\(count)"
      guard count > 0 else { throw WaneError("top_k", "k must be at least 1, got \(count)") }
    case .precision(let threshold):
      usual = "precision"
      try check(threshold, usual)
    case .recall(let threshold):
      usual = "recall"
      try check(threshold, usual)
    case .f1(let threshold, _):
      usual = "f1"
      try check(threshold, usual)
    case .areaUnderCurve(let thresholds):
      usual = "auc"
      guard (2...100_000).contains(thresholds) else {
        throw WaneError(usual, "num_thresholds must be in 2..100000, got \(thresholds)")
      }
    case .confusionMatrix: usual = "confusion_matrix"
    case .meanAbsoluteError: usual = "mae"
    case .meanSquaredError: usual = "mse"
    case .r2: usual = "r2"
    }
    self.kind = kind
    self.name = name ?? usual
  }
}

/// What metrics need to know of predictions and labels.
public struct PredictionForm: Equatable, Sendable {
  /// What turns outputs into probabilities.
  enum Probabilities: Equatable, Sendable {
    case asTheyAre
    case softmax
    case sigmoid
  }

  /// Numbers of a row.
  let columns: Int
  /// Rows of a sample: the steps of a sequence, each of which is judged by itself.
  let rowsPerSample: Int
  /// Rows that a number of a mask stands for.
  let rowsPerStep: Int
  /// Whether labels are classes by number; else they are `columns` numbers.
  let labelsAreClasses: Bool
  /// Whether each number is an answer of its own rather than one class of several.
  let areAnswers: Bool
  let probabilities: Probabilities

  /// What a model's output is, given the loss it is trained with.
  public init(
    _ graph: Graph, output: WaneGraph.Value, labels: Tensor, loss: Loss, isMasked: Bool = false
  ) throws {
    let type = graph.type(of: output)
    let isByRow = loss.comparesClasses || labels.dtype == .i32 || isMasked
    columns = isByRow ? type.channels : type.sampleCount
    rowsPerSample = columns == 0 ? 0 : type.sampleCount / columns
    rowsPerStep = rowsPerSample / max(type.dimensions.first ?? 1, 1)
    labelsAreClasses = labels.dtype == .i32
    areAnswers = loss.comparesAnswers || columns == 1
    let areLogits = loss.isFromLogits ?? !graph.endsInProbabilities(output)
    if areLogits, loss.comparesClasses {
      probabilities = .softmax
    } else if areLogits, loss.comparesAnswers {
      probabilities = .sigmoid
    } else {
      probabilities = .asTheyAre
    }
  }

  /// Throws when a metric cannot be taken.
  func check(_ metrics: [Metric]) throws {
    for metric in metrics {
      switch metric.kind {
      case .top(let count):
        guard !areAnswers, count <= columns else {
          throw WaneError(metric.name, "the model tells \(columns) classes apart")
        }
      case .meanAbsoluteError, .meanSquaredError, .r2:
        guard !labelsAreClasses || columns == 1 else {
          throw WaneError(metric.name, "labels are classes, the outputs are \(columns) numbers")
        }
      case .confusionMatrix:
        guard !areAnswers || columns == 1, columns <= 4096 else {
          throw WaneError(metric.name, "the outputs are \(columns) answers, not one class")
        }
      default: break
      }
    }
  }
}
