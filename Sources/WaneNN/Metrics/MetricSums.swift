import CKernels
import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Metrics over a data set that is seen a few samples at a time.
///
/// Everything a metric needs is a sum over samples, so that what several workers saw is added up.
final class MetricSums {
  /// The metrics.
  let metrics: [Metric]
  private let form: PredictionForm
  /// The sums of all metrics, one after the other.
  private var sums: [Double]
  /// Where the sums of each metric begin.
  private let starts: [Int]
  private var scratch: [Float] = []

  init(_ metrics: [Metric], _ form: PredictionForm) throws {
    try form.check(metrics)
    self.metrics = metrics
    self.form = form
    var count = 0
    var starts: [Int] = []
    for metric in metrics {
      starts.append(count)
      count += metric.kind.sumCount(columns: form.columns)
    }
    self.starts = starts
    sums = [Double](repeating: 0, count: count)
  }

  /// Forgets what was seen.
  func reset() {
    for index in sums.indices { sums[index] = 0 }
  }

  /// Adds what another has seen of the same metrics.
  func add(_ other: MetricSums) {
    for index in sums.indices { sums[index] += other.sums[index] }
  }

  /// Takes samples in.
  ///
  /// - Parameters:
  ///   - outputs: what the model gave, the columns of the form for each row.
  ///   - labels: a class a row, or as many floats as outputs.
  ///   - mask: for each step 0 where its rows do not count; nil when all do.
  ///   - samples: the number of samples.
  func add(
    outputs: UnsafePointer<Float>, labels: UnsafeRawPointer, mask: UnsafePointer<Float>? = nil,
    samples: Int
  ) {
    let rows = samples * form.rowsPerSample
    guard let mask else { return add(rows: 0..<rows, outputs, labels) }
    // Runs of rows that count.
    let steps = form.rowsPerStep == 0 ? 0 : rows / form.rowsPerStep
    var start = 0
    while start < steps {
      guard mask[start] != 0 else {
        start += 1
        continue
      }
      var end = start + 1
      while end < steps, mask[end] != 0 { end += 1 }
      add(rows: start * form.rowsPerStep..<end * form.rowsPerStep, outputs, labels)
      start = end
    }
  }

  private func add(
    rows: Range<Int>, _ outputs: UnsafePointer<Float>, _ labels: UnsafeRawPointer
  ) {
    let count = rows.count * form.columns
    let outputs = outputs + rows.lowerBound * form.columns
    let labels = labels + rows.lowerBound * 4 * (form.labelsAreClasses ? 1 : form.columns)
    var x = outputs
    sums.withUnsafeMutableBufferPointer { sums in
      if scratch.count < count, form.probabilities != .asTheyAre {
        scratch = [Float](repeating: 0, count: count)
      }
      scratch.withUnsafeMutableBufferPointer { scratch in
        if let base = scratch.baseAddress {
          switch form.probabilities {
          case .asTheyAre: break
          case .softmax: wane_softmax_f32(outputs, base, rows.count, form.columns)
          case .sigmoid: wane_sigmoid_f32(outputs, base, count)
          }
          if form.probabilities != .asTheyAre { x = UnsafePointer(base) }
        }
        guard let base = sums.baseAddress else { return }
        let samples = Samples(form: form, x: x, labels: labels, rows: rows.count)
        for (metric, start) in zip(metrics, starts) { samples.add(to: base + start, metric.kind) }
      }
    }
  }

  /// What the metrics come to.
  func values() throws -> [(name: String, value: Metric.Value)] {
    try zip(metrics, starts).map { metric, start in
      let count = metric.kind.sumCount(columns: form.columns)
      return (
        metric.name, try metric.kind.value(Array(sums[start..<start + count]), form.columns)
      )
    }
  }
}

/// Predictions and labels at hand.
private struct Samples {
  let form: PredictionForm
  let x: UnsafePointer<Float>
  let labels: UnsafeRawPointer
  let rows: Int

  /// The target of an element: of classes, 1 at the class.
  func target(_ row: Int, _ column: Int) -> Float {
    if form.labelsAreClasses {
      let label = labels.assumingMemoryBound(to: Int32.self)[row]
      return form.columns == 1 ? Float(label) : (Int(label) == column ? 1 : 0)
    }
    return labels.assumingMemoryBound(to: Float.self)[row * form.columns + column]
  }

  /// The class a row is of.
  func wanted(_ row: Int) -> Int {
    if form.labelsAreClasses { return Int(labels.assumingMemoryBound(to: Int32.self)[row]) }
    let row = labels.assumingMemoryBound(to: Float.self) + row * form.columns
    return form.columns == 1 ? (row[0] > 0.5 ? 1 : 0) : largest(row)
  }

  /// The class a row is taken for.
  func predicted(_ row: Int) -> Int {
    let row = x + row * form.columns
    return form.columns == 1 ? (row[0] > 0.5 ? 1 : 0) : largest(row)
  }

  private func largest(_ row: UnsafePointer<Float>) -> Int {
    var index: Int32 = 0
    wane_row_max_f32(row, nil, &index, 1, form.columns)
    return Int(index)
  }

  func add(to sums: UnsafeMutablePointer<Double>, _ kind: Metric.Kind) {
    let columns = form.columns
    switch kind {
    case .accuracy:
      if form.areAnswers {
        for row in 0..<rows {
          for column in 0..<columns
          where (x[row * columns + column] > 0.5) == (target(row, column) > 0.5) {
            sums[0] += 1
          }
        }
        sums[1] += Double(rows * columns)
      } else {
        for row in 0..<rows where predicted(row) == wanted(row) { sums[0] += 1 }
        sums[1] += Double(rows)
      }
    case .top(let count):
      for row in 0..<rows {
        let label = wanted(row)
        guard (0..<columns).contains(label) else { continue }
        let values = x + row * columns
        var above = 0
        for column in 0..<columns where values[column] > values[label] { above += 1 }
        if above < count { sums[0] += 1 }
      }
      sums[1] += Double(rows)
    case .precision(let threshold), .recall(let threshold):
      for row in 0..<rows {
        for column in 0..<columns {
          count(sums, target(row, column), x[row * columns + column] > threshold)
        }
      }
    case .f1(let threshold, _):
      for row in 0..<rows {
        let likeliest = threshold == nil ? predicted(row) : 0
        for column in 0..<columns {
          let isPredicted: Bool
          if let threshold {
            isPredicted = x[row * columns + column] > threshold
          } else {
            isPredicted = columns == 1 ? likeliest == 1 : likeliest == column
          }
          count(sums + 3 * column, target(row, column), isPredicted)
        }
      }
    case .areaUnderCurve(let thresholds):
      for row in 0..<rows {
        for column in 0..<columns {
          let answer = x[row * columns + column]
          // What is no number is no sign of the class.
          let p = answer.isNaN ? 0 : min(max(answer, 0), 1)
          // How many of the thresholds, evenly spread over 0...1, lie below.
          let bucket = max(Int((p * Float(thresholds - 1)).rounded(.up)) - 1, 0)
          let weight = Double(target(row, column))
          sums[bucket] += weight
          sums[thresholds + bucket] += 1 - weight
        }
      }
    case .confusionMatrix:
      let classes = max(columns, 2)
      for row in 0..<rows {
        let (label, guess) = (wanted(row), predicted(row))
        if (0..<classes).contains(label) { sums[label * classes + guess] += 1 }
      }
    case .meanAbsoluteError, .meanSquaredError:
      for row in 0..<rows {
        for column in 0..<columns {
          let error = Double(x[row * columns + column]) - Double(target(row, column))
          sums[0] += kind == .meanAbsoluteError ? abs(error) : error * error
        }
      }
      sums[1] += Double(rows * columns)
    case .r2:
      for row in 0..<rows {
        for column in 0..<columns {
          let wanted = Double(target(row, column))
          let error = Double(x[row * columns + column]) - wanted
          let own = sums + 4 * column
          own[0] += wanted
          own[1] += wanted * wanted
          own[2] += error * error
          own[3] += 1
        }
      }
    }
  }

  /// Counts true positives, false positives, and false negatives.
  private func count(
    _ sums: UnsafeMutablePointer<Double>, _ target: Float, _ isPredicted: Bool
  ) {
    let weight = Double(target)
    if isPredicted {
      sums[0] += weight
      sums[1] += 1 - weight
    } else {
      sums[2] += weight
    }
  }
}

extension Metric.Kind {
  /// How many sums it needs.
  fileprivate func sumCount(columns: Int) -> Int {
    switch self {
    case .accuracy, .top, .meanAbsoluteError, .meanSquaredError: 2
    case .precision, .recall: 3
    case .f1: 3 * columns
    case .areaUnderCurve(let thresholds): 2 * thresholds
    case .confusionMatrix: max(columns, 2) * max(columns, 2)
    case .r2: 4 * columns
    }
  }

  /// What its sums come to; 0 where there is nothing to divide by.
  fileprivate func value(_ sums: [Double], _ columns: Int) throws -> Metric.Value {
    func ratio(_ a: Double, _ b: Double) -> Double { b == 0 ? 0 : a / b }
    switch self {
    case .accuracy, .top, .meanAbsoluteError, .meanSquaredError:
      return .number(ratio(sums[0], sums[1]))
    case .precision: return .number(ratio(sums[0], sums[0] + sums[1]))
    case .recall: return .number(ratio(sums[0], sums[0] + sums[2]))
    case .f1(_, let average):
      func harmonic(_ hits: Double, _ false1: Double, _ false2: Double) -> Double {
        ratio(2 * hits, 2 * hits + false1 + false2)
      }
      let classes = (0..<columns).map { sums[3 * $0..<3 * $0 + 3].map { $0 } }
      switch average {
      case .macro:
        return .number(
          ratio(classes.reduce(0) { $0 + harmonic($1[0], $1[1], $1[2]) }, Double(columns)))
      case .micro:
        let total = (0..<3).map { index in classes.reduce(0) { $0 + $1[index] } }
        return .number(harmonic(total[0], total[1], total[2]))
      case .weighted:
        let support = classes.reduce(0) { $0 + $1[0] + $1[2] }
        let sum = classes.reduce(0) { $0 + harmonic($1[0], $1[1], $1[2]) * ($1[0] + $1[2]) }
        return .number(ratio(sum, support))
      }
    case .areaUnderCurve(let thresholds): return .number(area(sums, thresholds))
    case .confusionMatrix:
      let classes = max(columns, 2)
      return .matrix(
        try Tensor(sums.map { Int32(clamping: Int64($0)) }, Shape([classes, classes])))
    case .r2:
      // A column whose targets are all alike has no variance to explain and counts 0.
      let scores = (0..<columns).map { column in
        let own = sums[4 * column..<4 * column + 4].map { $0 }
        let total = own[1] - own[0] * own[0] / max(own[3], 1)
        return total > 0 ? 1 - own[2] / total : 0
      }
      return .number(ratio(scores.reduce(0, +), Double(columns)))
    }
  }

  /// The area under the line through the points of all thresholds.
  private func area(_ sums: [Double], _ thresholds: Int) -> Double {
    var (trues, falses) = (0.0, 0.0)
    var points: [(x: Double, y: Double)] = [(0, 0)]
    for bucket in (0..<thresholds).reversed() {
      trues += sums[bucket]
      falses += sums[thresholds + bucket]
      points.append((falses, trues))
    }
    guard trues > 0, falses > 0 else { return 0 }
    let area = zip(points, points.dropFirst()).reduce(0) {
      $0 + ($1.1.x - $1.0.x) * ($1.1.y + $1.0.y) / 2
    }
    return area / (trues * falses)
  }
}
