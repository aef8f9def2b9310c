import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  @Suite struct Augmentation {
    static func image(_ height: Int, _ width: Int, _ channels: Int, seed: Int) -> [Float] {
      var numbers = Numbers(seed)
      return (0..<height * width * channels).map { _ in Float(numbers.integer(0...255)) }
    }

    static func options() -> wane_augmentation {
      var options = wane_augmentation()
      (options.zoom_low, options.zoom_high) = (1, 1)
      options.fill = Int32(WANE_FILL_REFLECT)
      return options
    }

    /// The pixel at a whole place, by the rule for places outside.
    static func pixel(
      _ x: [Float], _ i: Int, _ j: Int, _ c: Int, _ h: Int, _ w: Int, _ channels: Int, _ fill: Int32
    ) -> Double {
      func place(_ i: Int, _ n: Int) -> Int? {
        if (0..<n).contains(i) { return i }
        switch fill {
        case Int32(WANE_FILL_ZERO): return nil
        case Int32(WANE_FILL_NEAREST): return i < 0 ? 0 : n - 1
        default:
          let inside = ((i % (2 * n)) + 2 * n) % (2 * n)
          return inside < n ? inside : 2 * n - 1 - inside
        }
      }
      guard let i = place(i, h), let j = place(j, w) else { return 0 }
      return Double(x[(i * w + j) * channels + c])
    }

    /// Every level against plain arithmetic in double precision.
    @Test func warpsAsTheFormulaSays() {
      for (h, w, channels) in [(1, 1, 1), (5, 7, 3), (8, 8, 1), (3, 17, 4)] {
        for seed in 0..<12 {
          var options = Self.options()
          (options.flip_horizontal, options.flip_vertical) = (1, Int32(seed % 2))
          (options.shift_height, options.shift_width) = (0.4, 0.3)
          options.rotate = seed % 3 == 0 ? 0 : 40
          (options.zoom_low, options.zoom_high) = seed % 4 == 0 ? (1, 1) : (0.5, 1.5)
          options.cutout = seed % 2 == 0 ? 0 : 0.5
          options.fill = Int32(seed % 3)
          let x = Self.image(h, w, channels, seed: seed)
          var warp = wane_warp()
          wane_augment_draw(&options, 9, 2, UInt64(seed), Int32(h), Int32(w), &warp)
          var expected = [Double](repeating: 0, count: x.count)
          for i in 0..<h {
            for j in 0..<w {
              if (warp.cut_top..<warp.cut_bottom).contains(Int32(i)),
                (warp.cut_left..<warp.cut_right).contains(Int32(j))
              {
                continue
              }
              let sy = warp.yy * Float(i) + warp.yx * Float(j) + warp.y0
              let sx = warp.xy * Float(i) + warp.xx * Float(j) + warp.x0
              let (v, u) = (Double(sy - floorf(sy)), Double(sx - floorf(sx)))
              let (top, left) = (Int(floorf(sy)), Int(floorf(sx)))
              for c in 0..<channels {
                func at(_ i: Int, _ j: Int) -> Double {
                  Self.pixel(x, i, j, c, h, w, channels, options.fill)
                }
                let upper = at(top, left) * (1 - u) + at(top, left + 1) * u
                let lower = at(top + 1, left) * (1 - u) + at(top + 1, left + 1) * u
                expected[(i * w + j) * channels + c] = upper * (1 - v) + lower * v
              }
            }
          }
          let bytes = x.map { UInt8($0) }
          atEachLevel { level in
            var y = [Float](repeating: -1, count: x.count)
            wane_warp_f32(x, Int32(h), Int32(w), Int32(channels), &warp, &y)
            #expect(error(y, expected) < 1e-4, "\(h)x\(w)x\(channels) seed \(seed) \(level)")
            var z = [UInt8](repeating: 7, count: x.count)
            wane_warp_u8(bytes, Int32(h), Int32(w), Int32(channels), &warp, &z)
            #expect(
              zip(z, expected).allSatisfy { abs(Double($0) - $1) <= 0.501 },
              "\(h)x\(w)x\(channels) seed \(seed) \(level)")
          }
        }
      }
    }

    /// Both flips and whole shifts move pixels and change none.
    @Test func flipsAndShiftsAreExact() {
      let (h, w) = (6, 5)
      let x = (0..<h * w).map { Float($0) }
      var found: Set<String> = []
      for position in 0..<64 {
        var options = Self.options()
        (options.flip_horizontal, options.flip_vertical) = (1, 1)
        var warp = wane_warp()
        wane_augment_draw(&options, 1, 0, UInt64(position), Int32(h), Int32(w), &warp)
        var y = x
        wane_warp_f32(x, Int32(h), Int32(w), 1, &warp, &y)
        let (up, left) = (y[0] == x[(h - 1) * w] || y[0] == x[h * w - 1], y[0] != y[1] - 1)
        for i in 0..<h {
          for j in 0..<w {
            #expect(y[i * w + j] == x[(up ? h - 1 - i : i) * w + (left ? w - 1 - j : j)])
          }
        }
        found.insert("\(up) \(left)")
      }
      #expect(found.count == 4)
    }

    @Test func drawsDependOnSeedEpochAndPositionAlone() {
      var options = Self.options()
      options.rotate = 90
      func draw(_ seed: UInt64, _ epoch: UInt64, _ position: UInt64) -> Float {
        var warp = wane_warp()
        wane_augment_draw(&options, seed, epoch, position, 8, 8, &warp)
        return warp.yx
      }
      #expect(draw(1, 2, 3) == draw(1, 2, 3))
      #expect(draw(1, 2, 3) != draw(2, 2, 3))
      #expect(draw(1, 2, 3) != draw(1, 3, 3))
      #expect(draw(1, 2, 3) != draw(1, 2, 4))
      // Another option leaves the draw as it was.
      let before = draw(1, 2, 3)
      options.shift_height = 0.5
      #expect(draw(1, 2, 3) == before)
    }

    /// Mean and variance of Beta(a, a): 1/2 and 1 / (8 a + 4); the larger share is given.
    @Test func mixesByABetaDistribution() {
      for alpha in [0.2, 1, 4] as [Float] {
        var options = Self.options()
        options.mixup = alpha
        let n = 20_000
        var (squares, partners) = (0.0, 0.0)
        for position in 0..<n {
          var (partner, weight): (Int32, Float) = (-1, 0)
          wane_augment_draw_mix(&options, 5, 1, UInt64(position), 100, &partner, &weight)
          #expect((0..<100).contains(partner) && (0.5...1).contains(weight))
          squares += Double(weight - 0.5) * Double(weight - 0.5)
          partners += Double(partner)
        }
        let variance = 1 / (8 * Double(alpha) + 4)
        #expect(abs(squares / Double(n) / variance - 1) < 0.05, "alpha \(alpha)")
        #expect(abs(partners / Double(n) - 49.5) < 1)
      }
    }

    @Test func mixesAtAllLevels() {
      for n in lengths {
        let (a, b) = (Self.image(1, n, 1, seed: 1), Self.image(1, n, 1, seed: 2))
        let expected = zip(a, b).map { Double($0) * 0.75 + Double($1) * 0.25 }
        atEachLevel { level in
          var y = a
          wane_mix_f32(&y, b, 0.75, Int64(n))
          #expect(error(y, expected) < 1e-6, "n \(n) \(level)")
          var z = a.map { UInt8($0) }
          wane_mix_u8(&z, b.map { UInt8($0) }, 0.75, Int64(n))
          #expect(zip(z, expected).allSatisfy { abs(Double($0) - $1) <= 0.501 }, "n \(n) \(level)")
        }
      }
    }

    @Test func noiseIsNormalAndCutToBytes() {
      var y = [Float](repeating: 10, count: 40_000)
      wane_noise_f32(3, 1, 2, 0.5, &y, Int64(y.count))
      let mean = y.reduce(0, +) / Float(y.count)
      let variance = y.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(y.count)
      #expect(abs(mean - 10) < 0.02 && abs(variance - 0.25) < 0.01)
      var z = [UInt8](repeating: 250, count: 1000)
      wane_noise_u8(3, 1, 2, 0.1, &z, 1000)
      #expect(z.contains(255) && z.allSatisfy { $0 > 100 } && Set(z).count > 20)
      // Samples do not share their noise.
      var other = [Float](repeating: 10, count: 40_000)
      wane_noise_f32(3, 1, 3, 0.5, &other, Int64(other.count))
      #expect(other[0] != y[0])
    }

    /// The half-pixel rule, in double precision.
    @Test func resizesAtAllLevels() {
      let (h, w, channels) = (5, 7, 3)
      let x = Self.image(h, w, channels, seed: 3)
      for (newHeight, newWidth) in [(5, 7), (10, 14), (1, 1), (3, 20), (13, 2)] {
        func place(_ i: Int, _ n: Int, _ newN: Int) -> (Int, Int, Double) {
          let x = (Double(i) + 0.5) * Double(n) / Double(newN) - 0.5
          let low = Int(x.rounded(.down))
          return (max(low, 0), min(low + 1, n - 1), x - x.rounded(.down))
        }
        var expected: [Double] = []
        for i in 0..<newHeight {
          let (top, bottom, v) = place(i, h, newHeight)
          for j in 0..<newWidth {
            let (left, right, u) = place(j, w, newWidth)
            for c in 0..<channels {
              func at(_ i: Int, _ j: Int) -> Double { Double(x[(i * w + j) * channels + c]) }
              let upper = at(top, left) * (1 - u) + at(top, right) * u
              let lower = at(bottom, left) * (1 - u) + at(bottom, right) * u
              expected.append(upper * (1 - v) + lower * v)
            }
          }
        }
        atEachLevel { level in
          var y = [UInt8](repeating: 7, count: expected.count)
          wane_resize_u8(
            x.map { UInt8($0) }, Int32(h), Int32(w), Int32(channels), &y, Int32(newHeight),
            Int32(newWidth))
          #expect(
            zip(y, expected).allSatisfy { abs(Double($0) - $1) <= 0.51 },
            "\(newHeight)x\(newWidth) \(level)")
        }
      }
    }
  }
}
