import CKernels
import Testing

extension Kernels {
  @Suite struct CodeEntropy {
    @Test(arguments: [1, 3, 127] as [Int32]) func countsAndSlopes(_ highest: Int32) {
      Quantization().eachGrid(-highest, highest) { grid, x, scale, _, place in
        guard grid.pointee.zero == nil else { return }
        let g = grid.pointee
        let symbols = Int(2 * highest + 1)
        var counts = [Double](repeating: 1, count: symbols)
        wane_code_counts_f32(grid, x, &counts)
        var expected = [Double](repeating: 1, count: symbols)
        let slope = (0..<symbols - 1).map { Float($0 * $0 % 7) - 3 }
        var dx = [Float](repeating: 7, count: x.count)
        wane_code_slopes_f32(grid, x, slope, &dx)
        for i in x.indices {
          let s = scale[i / g.inner % g.channels]
          let step = (x[i] / s).isNaN ? 0 : x[i] / s
          let at = min(max(step, Float(-highest)), Float(highest))
          let cell = min(Int(at.rounded(.down)), Int(highest) - 1)
          expected[cell + Int(highest)] += Double(1 - (at - Float(cell)))
          expected[cell + Int(highest) + 1] += Double(at - Float(cell))
          let inside = abs(step) <= Float(highest)
          #expect(dx[i] == (inside ? slope[cell + Int(highest)] / s : 0), "\(place) \(i)")
        }
        #expect(counts == expected, "\(place)")
      }
    }
  }
}
