import CKernels
import Testing

extension Kernels {
  @Suite struct Resample {
    /// One image of two rows and three columns, to three rows and four columns.
    @Test(arguments: [1, 3, 17, 64]) func forwardAndBackward(_ channels: Int) {
      let rows: (low: [Int32], high: [Int32], weight: [Float]) = (
        [0, 0, 1], [0, 1, 1], [0, 0.25, 0]
      )
      let columns: (low: [Int32], high: [Int32], weight: [Float]) = (
        [0, 1, 1, 2], [0, 2, 2, 2], [0, 0.5, 0.75, 0]
      )
      var numbers = Numbers(channels)
      let x = numbers.floats(2 * 6 * channels)
      let dy = numbers.floats(2 * 12 * channels)
      // How much each result is made of each element.
      var expected = [Double](repeating: 0, count: dy.count)
      var back = [Double](repeating: 0, count: x.count)
      func share(_ axis: (low: [Int32], high: [Int32], weight: [Float]), _ to: Int, _ from: Int)
        -> Double
      {
        let weight = Double(axis.weight[to])
        return (Int(axis.low[to]) == from ? 1 - weight : 0)
          + (Int(axis.high[to]) == from ? weight : 0)
      }
      for n in 0..<2 {
        for (to, from) in (0..<12).flatMap({ to in (0..<6).map { (to, $0) } }) {
          let part = share(rows, to / 4, from / 3) * share(columns, to % 4, from % 3)
          for c in 0..<channels {
            let (source, target) = ((n * 6 + from) * channels + c, (n * 12 + to) * channels + c)
            expected[target] += part * Double(x[source])
            back[source] += part * Double(dy[target])
          }
        }
      }
      atEachLevel { level in
        rows.low.withUnsafeBufferPointer { rowLow in
          rows.high.withUnsafeBufferPointer { rowHigh in
            rows.weight.withUnsafeBufferPointer { rowWeight in
              columns.low.withUnsafeBufferPointer { low in
                columns.high.withUnsafeBufferPointer { high in
                  columns.weight.withUnsafeBufferPointer { weight in
                    var shape = wane_resample_shape(
                      batch: 2, height: 2, width: 3, channels: channels, out_height: 3,
                      out_width: 4,
                      vertical: wane_resample_axis(
                        low: rowLow.baseAddress, high: rowHigh.baseAddress,
                        weight: rowWeight.baseAddress),
                      horizontal: wane_resample_axis(
                        low: low.baseAddress, high: high.baseAddress, weight: weight.baseAddress))
                    var y = dy
                    wane_resample_f32(&shape, x, &y)
                    #expect(error(y, expected) < 1e-6, "\(level)")
                    var dx = x
                    wane_resample_grad_f32(&shape, dy, &dx)
                    #expect(error(dx, back) < 1e-5, "\(level)")
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}
