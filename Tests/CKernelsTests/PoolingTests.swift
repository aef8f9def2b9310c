import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  @Suite struct Pooling {
    static func random(_ numbers: inout Numbers) -> wane_pooling_shape {
      var s = wane_pooling_shape()
      s.batch = Int32(numbers.integer(0...3))
      s.channels = Int32([1, 3, 8, 31, 64, 70][numbers.integer(0...5)])
      (s.height, s.width) = (Int32(numbers.integer(1...9)), Int32(numbers.integer(1...9)))
      if numbers.integer(0...2) == 0, s.height > 1, s.width > 1 {
        (s.kernel_height, s.kernel_width, s.stride_height, s.stride_width) = (2, 2, 2, 2)
      } else {
        s.kernel_height = Int32(numbers.integer(1...4))
        s.kernel_width = Int32(numbers.integer(1...4))
        s.stride_height = Int32(numbers.integer(1...3))
        s.stride_width = Int32(numbers.integer(1...3))
        s.pad_top = Int32(numbers.integer(0...Int(s.kernel_height) - 1))
        s.pad_left = Int32(numbers.integer(0...Int(s.kernel_width) - 1))
      }
      s.out_height = max(1, (s.height + s.pad_top - 1) / s.stride_height)
      s.out_width = max(1, (s.width + s.pad_left - 1) / s.stride_width)
      if numbers.integer(0...1) == 0 {  // "valid": no window hangs over the far edge
        s.out_height = max(1, (s.height + s.pad_top - s.kernel_height) / s.stride_height + 1)
        s.out_width = max(1, (s.width + s.pad_left - s.kernel_width) / s.stride_width + 1)
      }
      return s
    }

    /// For every output element: the flat input indices of its window and their positions in it.
    static func windows(_ s: wane_pooling_shape) -> [[(index: Int, position: Int)]] {
      var result: [[(index: Int, position: Int)]] = []
      for n in 0..<Int(s.batch) {
        for oy in 0..<Int(s.out_height) {
          for ox in 0..<Int(s.out_width) {
            for c in 0..<Int(s.channels) {
              var window: [(index: Int, position: Int)] = []
              for ky in 0..<Int(s.kernel_height) {
                for kx in 0..<Int(s.kernel_width) {
                  let y = oy * Int(s.stride_height) - Int(s.pad_top) + ky
                  let x = ox * Int(s.stride_width) - Int(s.pad_left) + kx
                  guard y >= 0, y < s.height, x >= 0, x < s.width else { continue }
                  window.append(
                    (
                      ((n * Int(s.height) + y) * Int(s.width) + x) * Int(s.channels) + c,
                      ky * Int(s.kernel_width) + kx
                    ))
                }
              }
              result.append(window)
            }
          }
        }
      }
      return result
    }

    func eachShape(_ body: (wane_pooling_shape, inout Numbers, String) -> Void) {
      for seed in 0..<200 {
        var numbers = Numbers(seed)
        let shape = Self.random(&numbers)
        var copy = shape
        #expect(wane_pooling_check(&copy) == 0, "seed \(seed)")
        let state = numbers
        atEachLevel { level in
          numbers = state
          body(shape, &numbers, "seed \(seed) \(shape) \(level)")
        }
      }
    }

    @Test func maximumForwardAndBackward() {
      eachShape { shape, numbers, place in
        var s = shape
        let inputs = Int(s.batch * s.height * s.width * s.channels)
        let windows = Self.windows(s)
        let x = (0..<inputs).map { _ in Float(numbers.integer(0...3)) }  // many ties
        let dy = numbers.floats(windows.count)
        var y = [Float](repeating: 7, count: windows.count)
        var alone = y
        var index = [UInt16](repeating: 7, count: windows.count)
        wane_max_pool_f32(&s, x, &y, &index)
        wane_max_pool_f32(&s, x, &alone, nil)
        var dx = [Float](repeating: 7, count: inputs)
        wane_max_pool_grad_f32(&s, index, dy, &dx)
        var selected = [Float](repeating: 7, count: windows.count)
        wane_max_pool_selection_f32(&s, index, x, &selected)
        #expect(selected == y, "\(place)")
        var expectedDx = [Double](repeating: 0, count: inputs)
        var right = true
        for (i, window) in windows.enumerated() {
          let best = window.map { x[$0.index] }.max() ?? 0
          guard let first = window.first(where: { x[$0.index] == best }) else { continue }
          right = right && y[i] == best && alone[i] == best && Int(index[i]) == first.position
          expectedDx[first.index] += Double(dy[i])
        }
        #expect(right, "\(place)")
        #expect(error(dx, expectedDx) < 1e-5, "\(place)")
        let bytes = x.map { UInt8($0) }
        var y8 = [UInt8](repeating: 7, count: windows.count)
        wane_max_pool_u8(&s, bytes, &y8)
        #expect(y8.map { Float($0) } == y, "\(place)")
      }
    }

    @Test func averageForwardAndBackward() {
      eachShape { shape, numbers, place in
        var s = shape
        let inputs = Int(s.batch * s.height * s.width * s.channels)
        let windows = Self.windows(s)
        let x = numbers.floats(inputs)
        let dy = numbers.floats(windows.count)
        let bytes = (0..<inputs).map { _ in UInt8(numbers.integer(0...255)) }
        var y = [Float](repeating: 7, count: windows.count)
        var y8 = [UInt8](repeating: 7, count: windows.count)
        var dx = [Float](repeating: 7, count: inputs)
        wane_average_pool_f32(&s, x, &y)
        wane_average_pool_u8(&s, bytes, &y8)
        wane_average_pool_grad_f32(&s, dy, &dx)
        var expected: [Double] = []
        var expected8: [UInt8] = []
        var expectedDx = [Double](repeating: 0, count: inputs)
        for (i, window) in windows.enumerated() {
          let count = Double(window.count)
          expected.append(window.reduce(0) { $0 + Double(x[$1.index]) } / count)
          let sum = window.reduce(0) { $0 + Int(bytes[$1.index]) }
          expected8.append(UInt8((Double(sum) / count).rounded(.toNearestOrEven)))
          for element in window { expectedDx[element.index] += Double(dy[i]) / count }
        }
        #expect(error(y, expected) < 1e-5, "\(place)")
        #expect(y8 == expected8, "\(place)")
        #expect(error(dx, expectedDx) < 1e-5, "\(place)")
      }
    }

    /// The float quotient that the rounding starts from is right for every sum and count.
    @Test func averagesOfLargeWindowsAreExact() {
      for (height, width) in [(256, 256), (255, 255), (3, 7), (1, 255), (251, 241)] {
        var numbers = Numbers(height * width)
        var s = wane_pooling_shape(
          batch: 1, height: Int32(height), width: Int32(width), channels: 3,
          kernel_height: Int32(height), kernel_width: Int32(width), stride_height: 1,
          stride_width: 1,
          pad_top: 0, pad_left: 0, out_height: 1, out_width: 1)
        for round in 0..<20 {
          let low = numbers.integer(0...255)
          let bytes = (0..<height * width * 3).map { _ in
            UInt8(round % 2 == 0 ? 255 : numbers.integer(low...255))
          }
          var y: [UInt8] = [0, 0, 0]
          wane_average_pool_u8(&s, bytes, &y)
          for c in 0..<3 {
            let sum = stride(from: c, to: bytes.count, by: 3).reduce(0) { $0 + Int(bytes[$1]) }
            let (quotient, remainder) = sum.quotientAndRemainder(dividingBy: height * width)
            let twice = 2 * remainder
            let up = twice > height * width || (twice == height * width && quotient % 2 == 1)
            #expect(Int(y[c]) == quotient + (up ? 1 : 0))
          }
        }
      }
    }

    @Test func shapesThatCannotRunAreRefused() {
      let good = wane_pooling_shape(
        batch: 1, height: 4, width: 4, channels: 1, kernel_height: 2, kernel_width: 2,
        stride_height: 2,
        stride_width: 2, pad_top: 0, pad_left: 0, out_height: 2, out_width: 2)
      let spoil: [(inout wane_pooling_shape) -> Void] = [
        { $0.height = 0 }, { $0.channels = 0 }, { $0.batch = -1 }, { $0.stride_width = 0 },
        { $0.pad_top = 2 }, { $0.pad_left = -1 }, { $0.out_height = 3 },
        { $0.kernel_height = .max },
        { ($0.kernel_height, $0.kernel_width) = (300, 300) },
        { ($0.stride_height, $0.out_height) = (.max, .max) },
      ]
      var shape = good
      #expect(wane_pooling_check(&shape) == 0)
      for change in spoil {
        shape = good
        change(&shape)
        #expect(wane_pooling_check(&shape) == EINVAL, "\(shape)")
      }
    }
  }
}
