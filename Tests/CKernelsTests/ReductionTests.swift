import CKernels
import Testing

extension Kernels {
  @Suite struct Reductions {
    @Test func sums() {
      for n in lengths + [8191, 8192, 8193, 100_000] {
        var numbers = Numbers(n)
        let a = numbers.floats(n)
        let b = numbers.floats(n)
        var bits: [UInt64]?
        atEachLevel { level in
          let sums = [
            wane_sum_f32(a, n), wane_dot_f32(a, b, n), wane_sum_squares_f32(a, n),
            wane_sum_abs_f32(a, n),
          ]
          let truth = [
            a.reduce(0) { $0 + Double($1) },
            zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) },
            a.reduce(0) { $0 + Double($1) * Double($1) }, a.reduce(0) { $0 + Double(abs($1)) },
          ]
          for (sum, value) in zip(sums, truth) {
            #expect(abs(sum - value) <= 2e-5 * Double(n).squareRoot() + 1e-6, "n \(n) \(level)")
          }
          let patterns = sums.map(\.bitPattern)
          #expect(bits == nil || bits == patterns, "n \(n) \(level)")
          bits = patterns
        }
      }
    }

    @Test func ofRowsAndColumns() {
      for (rows, columns) in [(0, 3), (1, 1), (3, 10), (5, 31), (257, 33), (1030, 64), (7, 129)] {
        var numbers = Numbers(rows * columns)
        let x = numbers.floats(rows * columns)
        var rowSums = [Double](repeating: 0, count: rows)
        var columnSums = [Double](repeating: 0, count: columns)
        for (i, value) in x.enumerated() {
          rowSums[i / columns] += Double(value)
          columnSums[i % columns] += Double(value)
        }
        atEachLevel { level in
          var byRow = [Float](repeating: 7, count: rows)
          var byColumn = [Float](repeating: 7, count: columns)
          wane_row_sum_f32(x, &byRow, rows, columns)
          wane_column_sum_f32(x, &byColumn, rows, columns)
          #expect(error(byRow, rowSums) < 1e-5, "\(rows) x \(columns) \(level)")
          #expect(error(byColumn, columnSums) < 1e-5, "\(rows) x \(columns) \(level)")
        }
      }
    }

    @Test func maximumIsTheFirst() {
      for columns in lengths where columns > 0 {
        var numbers = Numbers(columns)
        let rows = 9
        var x = (0..<rows * columns).map { _ in Float(numbers.integer(0...5)) }
        for i in stride(from: 0, to: x.count, by: 5) { x[i] = .nan }
        for i in 0..<columns { x[i] = .nan }
        atEachLevel { level in
          var maximum = [Float](repeating: 7, count: rows)
          var index = [Int32](repeating: 7, count: rows)
          wane_row_max_f32(x, &maximum, &index, rows, columns)
          for r in 0..<rows {
            var best = -Float.infinity
            var at = 0
            for c in 0..<columns where x[r * columns + c] > best {
              best = x[r * columns + c]
              at = c
            }
            #expect(maximum[r] == best && index[r] == at, "row \(r) of \(columns) \(level)")
          }
        }
      }
    }

    @Test func counts() {
      for n in lengths + [9000] {
        var numbers = Numbers(n)
        var x = (0..<n).map { _ in Float(numbers.integer(-1...1)) }
        atEachLevel { level in
          #expect(wane_count_nonzero_f32(x, n) == x.filter { $0 != 0 }.count, "n \(n) \(level)")
          #expect(wane_all_finite_f32(x, n) == 1, "n \(n) \(level)")
        }
        guard n > 0 else { continue }
        x[n - 1] = n % 2 == 0 ? .nan : -.infinity
        atEachLevel { level in #expect(wane_all_finite_f32(x, n) == 0, "n \(n) \(level)") }
      }
    }
  }
}
