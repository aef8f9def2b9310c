import CKernels
import Testing

extension Kernels {
  @Suite struct GroupNorm {
    /// Samples, positions, channels, groups.
    static let shapes = [(2, 1, 1, 1), (3, 1, 37, 1), (2, 5, 6, 3), (1, 7, 66, 2), (2, 3, 4, 4)]

    @Test(arguments: shapes, [true, false])
    func forwardAndBackward(_ extents: (Int, Int, Int, Int), _ isCentred: Bool) {
      let (samples, positions, channels, groups) = extents
      let count = samples * positions * channels
      var shape = wane_group_norm_shape(
        samples: samples, positions: positions, channels: channels, groups: groups, epsilon: 0.25,
        centred: isCentred ? 1 : 0)
      var numbers = Numbers(count)
      let (x, dy) = (numbers.floats(count), numbers.floats(count))
      let (gamma, beta) = (numbers.floats(channels), numbers.floats(channels))

      let width = channels / groups
      var members: [Int: [Int]] = [:]
      for i in 0..<count {
        let group = i / (positions * channels) * groups + i % channels / width
        members[group, default: []].append(i)
      }
      var (y, dx) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
      var (dgamma, dbeta) = ([Double](repeating: 0, count: channels), [Double]())
      dbeta = dgamma
      for indices in members.values {
        let n = Double(indices.count)
        let mean = isCentred ? indices.reduce(0) { $0 + Double(x[$1]) } / n : 0
        let squares = indices.reduce(0) {
          $0 + (Double(x[$1]) - mean) * (Double(x[$1]) - mean)
        }
        let inverse = 1 / (squares / n + 0.25).squareRoot()
        func hat(_ i: Int) -> Double { (Double(x[i]) - mean) * inverse }
        func h(_ i: Int) -> Double { Double(dy[i]) * Double(gamma[i % channels]) }
        let shift = isCentred ? indices.reduce(0) { $0 + h($1) } / n : 0
        let slope = indices.reduce(0) { $0 + h($1) * hat($1) } / n
        for i in indices {
          y[i] = hat(i) * Double(gamma[i % channels]) + Double(beta[i % channels])
          dx[i] = inverse * (h(i) - shift - hat(i) * slope)
          dgamma[i % channels] += Double(dy[i]) * hat(i)
          dbeta[i % channels] += Double(dy[i])
        }
      }
      var bits: [Float]?
      atEachLevel { level in
        var result = x
        result.withUnsafeMutableBufferPointer {
          wane_group_norm_f32(&shape, UnsafePointer($0.baseAddress), gamma, beta, $0.baseAddress)
        }
        #expect(error(result, y) < 5e-6, "\(level)")
        var (back, factors, terms) = (dy, gamma, beta)
        back.withUnsafeMutableBufferPointer {
          wane_group_norm_grad_f32(
            &shape, x, gamma, UnsafePointer($0.baseAddress), $0.baseAddress, &factors, &terms)
        }
        #expect(error(back, dx) < 1e-5, "\(level)")
        #expect(error(factors, dgamma) < 1e-5 && error(terms, dbeta) < 1e-5, "\(level)")
        let all = result + back + factors + terms
        #expect(bits == nil || same(bits ?? [], all), "\(level)")
        bits = all
      }
    }
  }
}
