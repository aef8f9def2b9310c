import CKernels
import Foundation
import Testing

extension Kernels {
  @Suite struct Recurrent {
    static let shapes = [(1, 1), (2, 3), (3, 16), (2, 33), (5, 65)]

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    @Test func lstmStepsThereAndBack() {
      for (rows, units) in Self.shapes {
        var numbers = Numbers(units)
        let n = rows * units
        let sums = numbers.floats(4 * n)
        let bias = numbers.floats(4 * units, -1...1)
        let before = numbers.floats(n, -2...2)
        let dstate = numbers.floats(n, -1...1)
        let dcell = numbers.floats(n, -1...1)
        /// The state and cell for other sums and cells, to differentiate.
        func step(_ sums: [Double], _ before: [Double]) -> (states: [Double], cells: [Double]) {
          var (states, cells) = (before, before)
          for r in 0..<rows {
            for u in 0..<units {
              func sum(_ gate: Int) -> Double {
                sums[(r * 4 + gate) * units + u] + Double(bias[gate * units + u])
              }
              let kept: Double = Self.sigmoid(sum(1)) * before[r * units + u]
              let cell: Double = kept + Self.sigmoid(sum(0)) * tanh(sum(2))
              cells[r * units + u] = cell
              states[r * units + u] = Self.sigmoid(sum(3)) * tanh(cell)
            }
          }
          return (states, cells)
        }
        func loss(_ sums: [Double], _ before: [Double]) -> Double {
          let (states, cells) = step(sums, before)
          return product(states, dstate) + product(cells, dcell)
        }
        let expected = step(sums.map(Double.init), before.map(Double.init))
        atEachLevel { level in
          let place = "\(rows) x \(units) \(level)"
          var gates = sums
          var cell = [Float](repeating: 7, count: n)
          var state = cell
          wane_lstm_step_f32(&gates, bias, before, &cell, &state, rows, units)
          #expect(error(cell, expected.cells) < 1e-6, "\(place)")
          #expect(error(state, expected.states) < 1e-6, "\(place)")
          var change = dcell
          var dsums = [Float](repeating: 7, count: 4 * n)
          wane_lstm_step_grad_f32(gates, before, cell, dstate, &change, &dsums, rows, units)
          #expect(
            error(dsums, slopes(sums) { loss($0, before.map(Double.init)) }) < 2e-6, "\(place)")
          #expect(
            error(change, slopes(before) { loss(sums.map(Double.init), $0) }) < 2e-6, "\(place)")
        }
      }
    }

    @Test func gruStepsThereAndBack() {
      for (rows, units) in Self.shapes {
        var numbers = Numbers(units)
        let n = rows * units
        let sums = numbers.floats(3 * n)
        let inner = numbers.floats(3 * n)
        let bias = numbers.floats(6 * units, -1...1)
        let before = numbers.floats(n, -1...1)
        let dstate = numbers.floats(n, -1...1)
        func step(_ sums: [Double], _ inner: [Double], _ before: [Double]) -> [Double] {
          (0..<n).map { index in
            let (r, u) = (index / units, index % units)
            func input(_ gate: Int) -> Double {
              sums[(r * 3 + gate) * units + u] + Double(bias[gate * units + u])
            }
            func state(_ gate: Int) -> Double {
              inner[(r * 3 + gate) * units + u] + Double(bias[(3 + gate) * units + u])
            }
            let z: Double = Self.sigmoid(input(0) + state(0))
            let reset: Double = Self.sigmoid(input(1) + state(1))
            let candidate: Double = tanh(input(2) + reset * state(2))
            return z * before[index] + (1 - z) * candidate
          }
        }
        func loss(_ sums: [Double], _ inner: [Double], _ before: [Double]) -> Double {
          product(step(sums, inner, before), dstate)
        }
        let (s, i, b) = (
          sums.map(Double.init), inner.map(Double.init), before.map(Double.init)
        )
        atEachLevel { level in
          let place = "\(rows) x \(units) \(level)"
          var gates = sums
          var carry = [Float](repeating: 7, count: n)
          var state = carry
          wane_gru_step_f32(&gates, inner, bias, before, &carry, &state, rows, units)
          #expect(error(state, step(s, i, b)) < 1e-6, "\(place)")
          var direct = dstate
          var dsums = [Float](repeating: 7, count: 3 * n)
          var dinner = dsums
          wane_gru_step_grad_f32(gates, carry, before, &direct, &dsums, &dinner, rows, units)
          #expect(error(dsums, slopes(sums) { loss($0, i, b) }) < 4e-6, "\(place)")
          #expect(error(dinner, slopes(inner) { loss(s, $0, b) }) < 4e-6, "\(place)")
          #expect(error(direct, slopes(before) { loss(s, i, $0) }) < 4e-6, "\(place)")
        }
      }
    }

    private func product(_ a: [Double], _ b: [Float]) -> Double {
      zip(a, b).map { $0 * Double($1) }.reduce(0, +)
    }

    /// Central differences of a function at every position.
    private func slopes(_ at: [Float], _ function: ([Double]) -> Double) -> [Double] {
      var point = at.map(Double.init)
      return point.indices.map { index in
        let middle = point[index]
        defer { point[index] = middle }
        point[index] = middle + 1e-5
        let above = function(point)
        point[index] = middle - 1e-5
        return (above - function(point)) / 2e-5
      }
    }

    @Test func rowsAreCopiedAddedAndTurned() {
      for (rows, columns) in Self.shapes {
        var numbers = Numbers(rows)
        let x = numbers.floats(rows * (columns + 2))
        atEachLevel { level in
          var y = [Float](repeating: 1, count: rows * (columns + 3))
          var expected = y
          wane_copy_rows_f32(x, columns + 2, &y, columns + 3, rows, columns)
          wane_add_rows_f32(x, columns + 2, &y, columns + 3, rows, columns)
          for r in 0..<rows {
            for c in 0..<columns {
              expected[r * (columns + 3) + c] = x[r * (columns + 2) + c] * 2
            }
          }
          #expect(y == expected, "\(rows) x \(columns) \(level)")
        }
        let matrix = numbers.floats(rows * columns)
        var turned = [Float](repeating: 0, count: rows * columns)
        wane_transpose_f32(matrix, &turned, rows, columns)
        for r in 0..<rows {
          for c in 0..<columns { #expect(turned[c * rows + r] == matrix[r * columns + c]) }
        }
      }
    }

    @Test func embeddingsRefuseIndicesBeyondTheTable() {
      let table: [Float] = [0, 1, 10, 11, 20, 21]
      var y = [Float](repeating: 7, count: 6)
      #expect(wane_embedding_i32_f32(table, 3, 2, [2, 0, 1], 3, &y) == 0)
      #expect(y == [20, 21, 0, 1, 10, 11])
      #expect(wane_embedding_i32_f32(table, 3, 2, [2, -1, 3], 3, &y) == 1)
      #expect(y == [20, 21, 0, 0, 0, 0])
      #expect(wane_embedding_u8_f32(table, 3, 2, [1, 3, 2], 3, &y) == 1)
      #expect(y == [10, 11, 0, 0, 20, 21])
      atEachLevel { level in
        var sums = [Float](repeating: 7, count: 6)
        wane_embedding_grad_i32_f32(
          [2, 0, 2, -1, 9], [1, 2, 3, 4, 5, 6, 7, 8, 9, 9], 5, &sums, 3, 2)
        #expect(sums == [3, 4, 0, 0, 6, 8], "\(level)")
        wane_embedding_grad_u8_f32([1, 1, 200], [1, 2, 3, 4, 5, 6], 3, &sums, 3, 2)
        #expect(sums == [0, 0, 4, 6, 0, 0], "\(level)")
      }
    }
  }
}
