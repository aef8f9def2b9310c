import CKernels
import Testing

extension Kernels {
  @Suite struct Normalization {
    static let shapes = [(1, 1), (2, 3), (127, 31), (128, 64), (129, 65), (700, 33)]

    @Test func momentsAreSoundFarFromZero() {
      for (rows, channels) in Self.shapes {
        var numbers = Numbers(rows)
        let x = numbers.floats(rows * channels).map { $0 + 1000 }
        var means = [Double](repeating: 0, count: channels)
        var squares = means
        for (i, value) in x.enumerated() { means[i % channels] += Double(value) / Double(rows) }
        for (i, value) in x.enumerated() {
          let deviation = Double(value) - means[i % channels]
          squares[i % channels] += deviation * deviation
        }
        atEachLevel { level in
          // Two shards and their combination.
          let cut = rows / 3
          var mean = [Float](repeating: 7, count: channels)
          var square = mean
          var otherMean = mean
          var otherSquare = mean
          wane_batch_norm_moments_f32(x, &mean, &square, cut, channels)
          wane_batch_norm_moments_f32(
            Array(x[(cut * channels)...]), &otherMean, &otherSquare, rows - cut, channels)
          wane_batch_norm_combine_f32(
            &mean, &square, cut, otherMean, otherSquare, rows - cut, channels)
          #expect(error(mean, means) < 3e-7, "\(rows) x \(channels) \(level)")
          #expect(error(square, squares) < 1e-4, "\(rows) x \(channels) \(level)")
        }
      }
    }

    @Test func forwardAndBackward() {
      for (rows, channels) in Self.shapes {
        var numbers = Numbers(rows)
        let n = rows * channels
        let x = numbers.floats(n)
        let dy = numbers.floats(n)
        let mean = numbers.floats(channels)
        let inverse = numbers.floats(channels, 0.5...2)
        let gamma = numbers.floats(channels)
        let beta = numbers.floats(channels)
        let scale = zip(gamma, inverse).map { $0 * $1 }
        var dgammas = [Double](repeating: 0, count: channels)
        var dbetas = dgammas
        for i in 0..<n {
          let c = i % channels
          let centred = (Double(x[i]) - Double(mean[c])) * Double(inverse[c])
          dgammas[c] += Double(dy[i]) * centred
          dbetas[c] += Double(dy[i])
        }
        var dxs: [Double] = []
        for i in 0..<n {
          let c = i % channels
          let centred = (Double(x[i]) - Double(mean[c])) * Double(inverse[c])
          let inner = Double(dy[i]) - (dbetas[c] + centred * dgammas[c]) / Double(rows)
          dxs.append(Double(gamma[c]) * Double(inverse[c]) * inner)
        }
        atEachLevel { level in
          let place = "\(rows) x \(channels) \(level)"
          var y = [Float](repeating: 7, count: n)
          wane_batch_norm_apply_f32(x, mean, scale, beta, &y, rows, channels)
          #expect(
            y
              == x.indices.map {
                (x[$0] - mean[$0 % channels]) * scale[$0 % channels] + beta[$0 % channels]
              },
            "\(place)")
          var dgamma = [Float](repeating: 7, count: channels)
          var dbeta = dgamma
          wane_batch_norm_grad_sums_f32(x, dy, mean, inverse, &dgamma, &dbeta, rows, channels)
          #expect(error(dgamma, dgammas) < 1e-4 && error(dbeta, dbetas) < 1e-4, "\(place)")
          var dx = dy
          dx.withUnsafeMutableBufferPointer {
            wane_batch_norm_grad_f32(
              x, $0.baseAddress, mean, inverse, gamma, dgamma, dbeta, rows, $0.baseAddress, rows,
              channels)
          }
          #expect(error(dx, dxs) < 2e-5, "\(place)")
        }
      }
    }
  }
}
