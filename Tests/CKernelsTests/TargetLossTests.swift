import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// Losses against targets in plain double arithmetic, gradients against finite differences of it.
  @Suite struct TargetLosses {
    /// A kernel, and one row's loss.
    struct Case: Sendable, CustomTestStringConvertible {
      let name: String
      let x: ClosedRange<Float>
      let t: ClosedRange<Float>
      let kernel:
        @Sendable (
          [Float], [Float], inout [Float], UnsafeMutablePointer<Float>?, _ rows: Int, _ columns: Int
        ) -> Void
      let loss: @Sendable ([Double], [Double]) -> Double
      var testDescription: String { name }
    }

    static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

    static func entropy(_ x: Double, _ t: Double) -> Double {
      max(x, 0) - x * t + log(1 + exp(-abs(x)))
    }

    static let cases: [Case] = [
      Case(name: "absolute error", x: -4...4, t: -4...4) {
        wane_absolute_error_f32($0, $1, &$2, $3, $4, $5)
      } loss: { x, t in
        mean(zip(x, t).map { abs($0 - $1) })
      },
      Case(name: "huber", x: -4...4, t: -4...4) {
        wane_huber_f32($0, $1, 1.5, &$2, $3, $4, $5)
      } loss: { x, t in
        mean(
          zip(x, t).map { x, t in
            let e = abs(x - t)
            return e <= 1.5 ? e * e / 2 : 1.5 * e - 1.125
          })
      },
      Case(name: "hinge", x: -4...4, t: -1...1) {
        wane_hinge_f32($0, $1, &$2, $3, $4, $5)
      } loss: { x, t in
        mean(zip(x, t).map { max(1 - $1 * $0, 0) })
      },
      Case(name: "binary cross entropy", x: -20...20, t: 0...1) {
        wane_binary_cross_entropy_f32($0, $1, &$2, $3, $4, $5)
      } loss: { x, t in
        mean(zip(x, t).map { entropy($0, $1) })
      },
      Case(name: "binary focal", x: -3...3, t: 0...1) {
        wane_binary_focal_f32($0, $1, 1.5, 0.3, &$2, $3, $4, $5)
      } loss: { x, t in
        mean(
          zip(x, t).map { x, t in
            let p = 1 / (1 + exp(-x))
            let q = p * t + (1 - p) * (1 - t)
            return pow(1 - q, 1.5) * entropy(x, t) * (t * 0.3 + (1 - t) * 0.7)
          })
      },
      Case(name: "focal", x: -3...3, t: 0...1) {
        wane_focal_f32($0, $1, 2, 0.25, &$2, $3, $4, $5)
      } loss: { x, t in
        let largest = x.max() ?? 0
        let sum = x.reduce(0) { $0 + exp($1 - largest) }
        return zip(x, t).reduce(0) { total, pair in
          let logP = pair.0 - largest - log(sum)
          return total - 0.25 * pair.1 * pow(1 - exp(logP), 2) * logP
        }
      },
      Case(name: "divergence", x: 0.1...0.9, t: 0.1...0.9) {
        wane_divergence_f32($0, $1, &$2, $3, $4, 1, $5)
      } loss: { x, t in
        zip(x, t).reduce(0) { $0 + $1.1 * log($1.1 / $1.0) }
      },
      Case(name: "cosine similarity", x: 0.2...2, t: -2...2) {
        wane_cosine_similarity_f32($0, $1, &$2, $3, $4, 1, $5)
      } loss: { x, t in
        let (xx, tt) = (x.reduce(0) { $0 + $1 * $1 }, t.reduce(0) { $0 + $1 * $1 })
        return -zip(x, t).reduce(0) { $0 + $1.0 * $1.1 } / (xx * tt).squareRoot()
      },
    ]

    @Test(arguments: cases) func agrees(_ item: Case) {
      let rows = 3
      for columns in [1, 2, 31, 32, 33, 257] {
        atEachLevel { level in
          let place = "\(item.name), columns \(columns) \(level)"
          var numbers = Numbers(columns)
          let x = numbers.floats(rows * columns, item.x)
          let t = numbers.floats(rows * columns, item.t)
          var loss = [Float](repeating: 0, count: rows)
          var gradient = x
          item.kernel(x, t, &loss, &gradient, rows, columns)
          var alone = loss
          item.kernel(x, t, &alone, nil, rows, columns)
          #expect(same(alone, loss), "\(place): without the gradient")
          for row in 0..<rows {
            let range = row * columns..<(row + 1) * columns
            let (a, b) = (x[range].map { Double($0) }, t[range].map { Double($0) })
            let expected = item.loss(a, b)
            #expect(abs(Double(loss[row]) - expected) < 1e-5 * max(1, abs(expected)), "\(place)")
            for column in Set([0, columns / 2, columns - 1]) {
              let h = 1e-6
              var (up, down) = (a, a)
              up[column] += h
              down[column] -= h
              let slope = (item.loss(up, b) - item.loss(down, b)) / (2 * h)
              let actual = Double(gradient[row * columns + column])
              #expect(
                abs(actual - slope) < 2e-5 * max(1, abs(slope)), "\(place) [\(row), \(column)]")
            }
          }
        }
      }
    }

    @Test func edges() {
      var loss: [Float] = [0, 0]
      var gradient: [Float] = [9, 9]
      wane_absolute_error_f32([1, 2], [1, 3], &loss, &gradient, 2, 1)
      #expect(loss == [0, 1] && gradient == [0, -1])
      wane_hinge_f32([0.5, 0.5], [0, 1], &loss, &gradient, 2, 1)
      #expect(loss == [1.5, 0.5] && gradient == [1, -1])
      // Certain and right: no loss, no slope, no NaN.
      wane_binary_focal_f32([90, -90], [1, 0], 2, -1, &loss, &gradient, 2, 1)
      #expect(loss == [0, 0] && gradient == [0, 0])
      wane_cosine_similarity_f32([0, 0], [1, 1], &loss, &gradient, 1, 1, 2)
      #expect(loss[0] == 0 && gradient.allSatisfy { $0.isFinite })
      wane_divergence_f32([0, 1], [0, 1], &loss, &gradient, 1, 1, 2)
      #expect(abs(loss[0]) < 1e-6 && gradient[0] == 0)
    }
  }
}
