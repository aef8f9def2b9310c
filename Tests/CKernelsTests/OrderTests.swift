import CKernels
import Testing

extension Kernels {
  @Suite struct Order {
    /// Rows with equal elements, and with numbers that compare badly.
    private func rows(_ columns: Int, _ numbers: inout Numbers) -> [Float] {
      (0..<3 * columns).map { index in
        let number = Float(numbers.integer(-3...3))
        return index % 11 == 7 ? .nan : index % 13 == 5 ? .infinity : number
      }
    }

    @Test(arguments: lengths) func sorts(_ columns: Int) {
      var numbers = Numbers(columns)
      let x = rows(columns, &numbers)
      for isDescending in [false, true] {
        var values = [Float](repeating: 7, count: x.count)
        var positions = [Int32](repeating: 7, count: x.count)
        var alone = positions
        var scratch = [Int32](repeating: 0, count: columns)
        let flag: Int32 = isDescending ? 1 : 0
        wane_sort_f32(x, &values, &positions, &scratch, flag, 1, 3, columns)
        wane_sort_f32(x, nil, &alone, &scratch, flag, 1, 3, columns)
        #expect(positions == alone)
        for r in 0..<3 {
          let row = Array(x[r * columns..<(r + 1) * columns])
          // The order of the numbers, then those that are none, each in the order they stand in.
          let expected =
            row.indices.filter { !row[$0].isNaN }.sorted {
              row[$0] == row[$1] ? $0 < $1 : (row[$0] < row[$1]) != isDescending
            } + row.indices.filter { row[$0].isNaN }
          let part = r * columns..<(r + 1) * columns
          #expect(positions[part].map { Int($0) - 1 } == expected)
          #expect(same(Array(values[part]), expected.map { row[$0] }))
        }
      }
    }

    @Test(arguments: lengths) func sumsUp(_ columns: Int) {
      var numbers = Numbers(columns)
      let x = numbers.floats(2 * columns)
      for isReversed in [false, true] {
        var y = [Float](repeating: 7, count: x.count)
        wane_cumulative_sum_f32(x, &y, isReversed ? 1 : 0, 2, columns)
        var expected: [Double] = []
        for r in 0..<2 {
          for c in 0..<columns {
            let part = isReversed ? c...(columns - 1) : 0...c
            expected.append(part.reduce(0) { $0 + Double(x[r * columns + $1]) })
          }
        }
        #expect(error(y, expected) < 1e-6)
      }
    }

    @Test(arguments: lengths) func takesAndPuts(_ count: Int) {
      var numbers = Numbers(count)
      let (rows, columns) = (3, 5)
      let x = numbers.floats(rows * columns)
      let dy = numbers.floats(rows * count)
      // The last is beyond the row, and taken for nothing.
      let positions = (0..<rows * count).map { _ in Int32(numbers.integer(1...6)) }
      var expected = [Float](repeating: 0, count: dy.count)
      var back = [Double](repeating: 0, count: x.count)
      for index in positions.indices where positions[index] <= 5 {
        let place = index / max(count, 1) * columns + Int(positions[index]) - 1
        expected[index] = x[place]
        back[place] += Double(dy[index])
      }
      atEachLevel { level in
        var y = [Float](repeating: 7, count: dy.count)
        wane_take_along_f32(x, positions, 1, &y, rows, columns, count)
        #expect(y == expected, "\(level)")
      }
      var dx = [Float](repeating: 7, count: x.count)
      wane_put_along_f32(dy, positions, 1, &dx, rows, columns, count)
      #expect(error(dx, back) < 1e-5)
    }

    @Test(arguments: lengths.filter { $0 > 0 }) func findsExtremes(_ columns: Int) {
      var numbers = Numbers(columns)
      let x = rows(columns, &numbers)
      for isSmallest in [false, true] {
        var positions = [Int32](repeating: 7, count: 3)
        wane_extreme_position_f32(x, &positions, isSmallest ? 1 : 0, 1, 3, columns)
        for r in 0..<3 {
          let row = Array(x[r * columns..<(r + 1) * columns])
          let extreme = isSmallest ? row.min() : row.max()
          let expected = row.firstIndex { $0.isNaN } ?? row.firstIndex { $0 == extreme }
          #expect(Int(positions[r]) - 1 == expected)
        }
      }
    }
  }
}
