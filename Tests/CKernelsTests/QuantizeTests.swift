import CKernels
import Testing

extension Kernels {
  @Suite struct Quantization {
    /// The definition in wane_quantize.h, for one element.
    static func code(_ x: Float, _ scale: Float, _ zero: Int32, _ low: Int32, _ high: Int32)
      -> Int32
    {
      let step = x / scale
      if step.isNaN { return min(max(zero, low), high) }
      let q = Double(step.rounded(.toNearestOrEven)) + Double(zero)
      return Int32(min(max(q, Double(low)), Double(high)))
    }

    /// Calls `body` with a grid over every layout of channels and data on it.
    func eachGrid(
      _ low: Int32, _ high: Int32,
      _ body: (UnsafePointer<wane_grid>, [Float], _ scale: [Float], _ zero: [Int32], String) -> Void
    ) {
      let layouts =
        lengths.map { (1, 1, $0) } + [
          (1, 5, 31), (3, 4, 7), (9, 10, 1), (4, 64, 1), (2, 300, 1), (2, 2, 600), (0, 3, 4),
        ]
      for (outer, channels, inner) in layouts {
        for zeros in [true, false] {
          var numbers = Numbers(outer + channels * inner)
          let scale = numbers.floats(channels, 0.001...0.5)
          let zero = (0..<channels).map { _ in
            zeros ? 0 : Int32(numbers.integer(Int(low)...Int(high)))
          }
          var x = numbers.floats(outer * channels * inner, -40...40)
          for i in stride(from: 0, to: x.count, by: 3) {
            // Ties and bounds: multiples of half a step.
            x[i] = scale[i / inner % channels] * Float(numbers.integer(-600...600)) / 2
          }
          for i in stride(from: 1, to: x.count, by: 7) { x[i] = awkward[i % awkward.count] }
          scale.withUnsafeBufferPointer { scalePointer in
            zero.withUnsafeBufferPointer { zeroPointer in
              var grid = wane_grid(
                scale: scalePointer.baseAddress, zero: zeros ? nil : zeroPointer.baseAddress,
                low: low,
                high: high, outer: outer, channels: channels, inner: inner)
              atEachLevel { level in
                body(&grid, x, scale, zero, "[\(outer), \(channels), \(inner)] \(level)")
              }
            }
          }
        }
      }
    }

    @Test(arguments: [(0, 255), (0, 15), (3, 200)] as [(Int32, Int32)])
    func unsigned(_ low: Int32, _ high: Int32) {
      eachGrid(low, high) { grid, x, scale, zero, place in
        let g = grid.pointee
        let channel = x.indices.map { $0 / g.inner % g.channels }
        let zero = g.zero == nil ? zero.map { _ in Int32(0) } : zero
        let expected = x.indices.map {
          Self.code(x[$0], scale[channel[$0]], zero[channel[$0]], low, high)
        }
        var q = [UInt8](repeating: 7, count: x.count)
        wane_quantize_f32_u8(grid, x, &q)
        #expect(q.map { Int32($0) } == expected, "\(place)")
        var back = [Float](repeating: 7, count: x.count)
        wane_dequantize_u8_f32(grid, q, &back)
        let values = x.indices.map { Float(expected[$0] - zero[channel[$0]]) * scale[channel[$0]] }
        #expect(back == values, "\(place)")
        checkFake(grid, x, values, channel.map { zero[$0] }, channel.map { scale[$0] }, place)
      }
    }

    @Test(arguments: [true, false])
    func scaleGradientsOfRanges(within: Bool) {
      for length in lengths {
        var numbers = Numbers(length)
        let (least, most): (Int32, Int32) = (-20, 107)
        let scale: Float = 0.25
        var x = numbers.floats(length, -40...40)
        for i in stride(from: 0, to: x.count, by: 5) {
          x[i] = scale * Float(numbers.integer(-60...300)) / 2
        }
        if length > 3 { x[3] = .nan }
        let dy = numbers.floats(length, -1...1)
        let expected = zip(x, dy).reduce(0.0) { sum, pair in
          let t = pair.0.isNaN ? 0 : pair.0 / scale
          let code = min(max(t.rounded(.toNearestOrEven), Float(least)), Float(most))
          let isInside = t >= Float(least) && t <= Float(most)
          return sum + Double(pair.1 * (isInside ? (within ? code - t : 0) : code))
        }
        atEachLevel { level in
          let sum = wane_range_scale_grad_f32(x, dy, length, scale, least, most, within ? 1 : 0)
          #expect(abs(Double(sum) - expected) < 1e-3 * Double(length + 1), "\(length) \(level)")
        }
      }
    }

    @Test(arguments: [(-128, 127), (-127, 127), (-7, 7), (-1, 1)] as [(Int32, Int32)])
    func signed(_ low: Int32, _ high: Int32) {
      eachGrid(low, high) { grid, x, scale, zero, place in
        let g = grid.pointee
        let channel = x.indices.map { $0 / g.inner % g.channels }
        let expected = x.indices.map {
          Self.code(x[$0], scale[channel[$0]], zero[channel[$0]], low, high)
        }
        var q = [Int8](repeating: 7, count: x.count)
        wane_quantize_f32_i8(grid, x, &q)
        #expect(q.map { Int32($0) } == expected, "\(place)")
        var back = [Float](repeating: 7, count: x.count)
        wane_dequantize_i8_f32(grid, q, &back)
        let values = x.indices.map { Float(expected[$0] - zero[channel[$0]]) * scale[channel[$0]] }
        #expect(back == values, "\(place)")
        checkFake(grid, x, values, channel.map { zero[$0] }, channel.map { scale[$0] }, place)
      }
    }

    /// Fake quantization gives the dequantized codes; its gradient is cut where the clamp acted.
    func checkFake(
      _ grid: UnsafePointer<wane_grid>, _ x: [Float], _ values: [Float], _ zero: [Int32],
      _ scale: [Float], _ place: String
    ) {
      var y = x
      y.withUnsafeMutableBufferPointer {
        wane_fake_quantize_f32(grid, $0.baseAddress, $0.baseAddress)
      }
      #expect(y == values, "\(place)")
      let (low, high) = (grid.pointee.low, grid.pointee.high)
      let dy = x.indices.map { Float($0 + 1) }
      var dx = [Float](repeating: 7, count: x.count)
      wane_fake_quantize_grad_f32(grid, x, dy, &dx)
      let expected = x.indices.map { i -> Float in
        let q = Self.code(x[i], scale[i], zero[i], low - 1, high + 1)
        return q >= low && q <= high ? dy[i] : 0
      }
      #expect(dx == expected, "\(place)")
    }

    @Test func rangesPassOverNaN() {
      for n in lengths {
        var numbers = Numbers(n)
        var x = numbers.floats(n)
        for i in stride(from: 0, to: n, by: 4) { x[i] = .nan }
        let numbersOnly = x.filter { !$0.isNaN }
        atEachLevel { level in
          var low = Float.infinity
          var high = -Float.infinity
          wane_range_f32(x, n, &low, &high)
          #expect(low == numbersOnly.min() ?? .infinity, "n \(n) \(level)")
          #expect(high == numbersOnly.max() ?? -.infinity, "n \(n) \(level)")
        }
      }
      for (outer, channels, inner) in [(5, 33, 1), (1, 4, 70), (3, 2, 9)] {
        var numbers = Numbers(channels)
        let x = numbers.floats(outer * channels * inner)
        atEachLevel { level in
          var low = [Float](repeating: .infinity, count: channels)
          var high = low.map { -$0 }
          wane_channel_range_f32(x, outer, channels, inner, &low, &high)
          for c in 0..<channels {
            let mine = x.indices.filter { $0 / inner % channels == c }.map { x[$0] }
            #expect(low[c] == mine.min() && high[c] == mine.max(), "channel \(c) \(level)")
          }
        }
      }
    }

    @Test func histogramCountsEveryNumber() {
      for n in lengths + [1000] {
        var numbers = Numbers(n)
        var x = numbers.floats(n, -2...3)
        for i in stride(from: 0, to: n, by: 5) { x[i] = awkward[i % awkward.count] }
        var expected = [UInt64](repeating: 1, count: 10)
        for value in x where !value.isNaN {
          let position = (Double(value) + 1) / (3.0 / 10)
          expected[Int(min(max(position, 0), 9))] += 1
        }
        atEachLevel { level in
          var counts = [UInt64](repeating: 1, count: 10)
          wane_histogram_f32(x, n, -1, 2, &counts, 10)
          #expect(counts == expected, "n \(n) \(level)")
        }
      }
    }

    @Test func bitsComeBack() {
      for bits in 1...8 {
        for n in lengths {
          var numbers = Numbers(n)
          let codes = (0..<n).map { _ in UInt8(truncatingIfNeeded: numbers.bits()) }
          var packed = [UInt8](repeating: 7, count: wane_bits_size(n, Int32(bits)) + 1)
          #expect(packed.count == (n * bits + 7) / 8 + 1)
          #expect(wane_bits_pack(codes, n, Int32(bits), &packed) == 0)
          #expect(packed.last == 7, "\(bits) bits n \(n)")
          for i in 0..<(packed.count - 1) * 8 {
            let bit = i < n * bits ? codes[i / bits] >> UInt8(i % bits) & 1 : 0
            #expect(packed[i / 8] >> UInt8(i % 8) & 1 == bit, "\(bits) bits n \(n)")
          }
          var back = [UInt8](repeating: 7, count: n)
          #expect(wane_bits_unpack(packed, n, Int32(bits), &back) == 0)
          #expect(back == codes.map { $0 & UInt8((1 << bits) - 1) }, "\(bits) bits n \(n)")
        }
      }
      var none: [UInt8] = [0]
      #expect(wane_bits_size(3, 0) == 0 && wane_bits_size(3, 9) == 0 && wane_bits_size(.max, 8) > 0)
      #expect(wane_bits_pack([1], 1, 9, &none) != 0 && wane_bits_unpack([1], 1, 0, &none) != 0)
    }
  }
}
