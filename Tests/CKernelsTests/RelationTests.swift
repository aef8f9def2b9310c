import CKernels
import Testing

extension Kernels {
  @Suite struct Relations {
    @Test(arguments: [(1, 1), (2, 3), (5, 31), (4, 33), (7, 100)])
    func ofRows(_ extents: (Int, Int)) {
      let (rows, width) = extents
      var numbers = Numbers(rows * width)
      let (x, c) = (numbers.floats(rows * width), numbers.floats(rows * rows))
      func row(_ index: Int) -> [Double] {
        x[index * width..<(index + 1) * width].map(Double.init)
      }
      var (distances, products, combined) = ([Double](), [Double](), [Double]())
      for i in 0..<rows {
        for j in 0..<rows {
          let pairs = zip(row(i), row(j))
          products.append(pairs.reduce(0) { $0 + $1.0 * $1.1 })
          let squares = zip(row(i), row(j)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          distances.append(squares.squareRoot())
        }
        for k in 0..<width {
          combined.append((0..<rows).reduce(0) { $0 + Double(c[i * rows + $1]) * row($1)[k] })
        }
      }
      let begin = rows / 2
      var bits: [[Float]]?
      atEachLevel { level in
        var (d, g) = ([Float](repeating: -1, count: rows * rows), [Float]())
        g = d
        var y = [Float](repeating: -1, count: (rows - begin) * width)
        wane_row_distances_f32(x, &d, rows, width)
        wane_row_products_f32(x, &g, rows, width)
        wane_row_combine_f32(c, x, &y, begin, rows, rows, width)
        #expect(error(d, distances) < 1e-5, "\(level)")
        #expect(error(g, products) < 1e-5, "\(level)")
        #expect(error(y, Array(combined[(begin * width)...])) < 1e-5, "\(level)")
        if let bits { #expect(bits == [d, g, y], "\(level)") }
        bits = [d, g, y]
      }
    }
  }
}
