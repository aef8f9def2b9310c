import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// Softmax and the losses against plain double arithmetic, gradients included.
  @Suite struct Losses {
    static let rows = 5

    static func logSoftmax(_ x: ArraySlice<Float>, temperature: Double = 1) -> [Double] {
      let scaled = x.map { Double($0) / temperature }
      let largest = scaled.max() ?? 0
      let sum = scaled.reduce(0) { $0 + exp($1 - largest) }
      return scaled.map { $0 - largest - log(sum) }
    }

    func eachWidth(_ body: (Int, inout Numbers, String) -> Void) {
      for columns in lengths where columns > 0 {
        atEachLevel { level in
          var numbers = Numbers(columns)
          body(columns, &numbers, "columns \(columns) \(level)")
        }
      }
    }

    @Test func softmaxAndItsGradient() {
      eachWidth { columns, numbers, place in
        let n = Self.rows * columns
        let x = numbers.floats(n, -90...90)
        let dy = numbers.floats(n)
        var y = x
        var logY = x
        y.withUnsafeMutableBufferPointer {
          wane_softmax_f32($0.baseAddress, $0.baseAddress, Self.rows, columns)
        }
        wane_log_softmax_f32(x, &logY, Self.rows, columns)
        var dx = [Float](repeating: 0, count: n)
        var logDx = dx
        wane_softmax_grad_f32(y, dy, &dx, Self.rows, columns)
        wane_log_softmax_grad_f32(logY, dy, &logDx, Self.rows, columns)
        for r in 0..<Self.rows {
          let row = r * columns..<(r + 1) * columns
          let logs = Self.logSoftmax(x[row])
          let p = logs.map { exp($0) }
          let g = dy[row].map { Double($0) }
          let dot = zip(p, g).reduce(0) { $0 + $1.0 * $1.1 }
          let sum = g.reduce(0, +)
          #expect(error(Array(y[row]), p) < 2e-6, "\(place)")
          #expect(error(Array(logY[row]), logs) < 2e-6, "\(place)")
          #expect(error(Array(dx[row]), zip(p, g).map { $0 * ($1 - dot) }) < 1e-5, "\(place)")
          #expect(error(Array(logDx[row]), zip(p, g).map { $1 - $0 * sum }) < 2e-5, "\(place)")
        }
      }
    }

    @Test func crossEntropyOfIndices() {
      eachWidth { columns, numbers, place in
        let n = Self.rows * columns
        let x = numbers.floats(n)
        let labels = (0..<Self.rows).map { _ in Int32(numbers.integer(0...columns - 1)) }
        var loss = [Float](repeating: 0, count: Self.rows)
        var lossAlone = loss
        var gradient = [Float](repeating: 0, count: n)
        let correct = wane_cross_entropy_index_f32(
          x, labels, &loss, &gradient, 0.25, Self.rows, columns)
        wane_cross_entropy_index_f32(x, labels, &lossAlone, nil, 1, Self.rows, columns)
        var expectedCorrect = 0
        for r in 0..<Self.rows {
          let row = r * columns..<(r + 1) * columns
          let logs = Self.logSoftmax(x[row])
          let label = Int(labels[r])
          #expect(error([loss[r], lossAlone[r]], [-logs[label], -logs[label]]) < 2e-6, "\(place)")
          let expected = logs.indices.map { 0.25 * (exp(logs[$0]) - ($0 == label ? 1 : 0)) }
          #expect(error(Array(gradient[row]), expected) < 1e-6, "\(place)")
          expectedCorrect +=
            x[row].firstIndex(of: x[row].max() ?? 0) == row.lowerBound + label ? 1 : 0
        }
        #expect(correct == Int64(expectedCorrect), "\(place)")
      }
    }

    @Test(arguments: [-1, 10, Int32.max, Int32.min]) func labelOutOfRange(_ bad: Int32) {
      let x = [Float](repeating: 0, count: 30)
      var loss: [Float] = [7, 7, 7]
      let status = wane_cross_entropy_index_f32(x, [3, bad, 0], &loss, nil, 1, 3, 10)
      #expect(status == -2)
      #expect(loss[1] == 7 && loss[2] == 7)
    }

    @Test func crossEntropyOfDistributions() {
      eachWidth { columns, numbers, place in
        let n = Self.rows * columns
        let x = numbers.floats(n)
        let t = numbers.floats(n, 0...1)
        var loss = [Float](repeating: 0, count: Self.rows)
        var gradient = [Float](repeating: 0, count: n)
        wane_cross_entropy_dense_f32(x, t, &loss, &gradient, 0.5, Self.rows, columns)
        for r in 0..<Self.rows {
          let row = r * columns..<(r + 1) * columns
          let logs = Self.logSoftmax(x[row])
          let targets = t[row].map { Double($0) }
          let sum = targets.reduce(0, +)
          #expect(
            error([loss[r]], [-zip(targets, logs).reduce(0) { $0 + $1.0 * $1.1 }]) < 3e-6,
            "\(place)")
          let expected = zip(logs, targets).map { 0.5 * (exp($0) * sum - $1) }
          #expect(error(Array(gradient[row]), expected) < 5e-6, "\(place)")
        }
      }
    }

    @Test(arguments: [1, 4, 20]) func distillation(_ temperature: Double) {
      eachWidth { columns, numbers, place in
        let n = Self.rows * columns
        let student = numbers.floats(n)
        let teacher = numbers.floats(n)
        var loss = [Float](repeating: 0, count: Self.rows)
        var gradient = student
        gradient.withUnsafeMutableBufferPointer {
          wane_distillation_f32(
            $0.baseAddress, teacher, Float(temperature), &loss, $0.baseAddress, 0.5, Self.rows,
            columns)
        }
        for r in 0..<Self.rows {
          let row = r * columns..<(r + 1) * columns
          let p = Self.logSoftmax(teacher[row], temperature: temperature)
          let q = Self.logSoftmax(student[row], temperature: temperature)
          let divergence = zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
          #expect(
            abs(Double(loss[r]) - temperature * temperature * divergence)
              < 2e-6 * temperature * temperature, "\(place)")
          let expected = zip(p, q).map { 0.5 * temperature * (exp($1) - exp($0)) }
          #expect(error(Array(gradient[row]), expected) < 1e-5, "\(place)")
        }
      }
    }

    @Test func squaredError() {
      eachWidth { columns, numbers, place in
        let n = Self.rows * columns
        let x = numbers.floats(n)
        let t = numbers.floats(n)
        var loss = [Float](repeating: 0, count: Self.rows)
        var gradient = [Float](repeating: 0, count: n)
        wane_squared_error_f32(x, t, &loss, &gradient, 0.5, Self.rows, columns)
        let differences = zip(x, t).map { Double($0) - Double($1) }
        let losses = (0..<Self.rows).map { r in
          differences[r * columns..<(r + 1) * columns].reduce(0) { $0 + $1 * $1 } / Double(columns)
        }
        #expect(error(loss, losses) < 1e-6, "\(place)")
        #expect(error(gradient, differences.map { $0 / Double(columns) }) < 1e-6, "\(place)")
      }
    }
  }
}
