import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  /// The integer kernels, bit for bit, against the sum written out.
  @Suite struct Integer {
    struct Case {
      var shape: wane_integer_shape
      var x: [UInt8]
      var weights: [Int8]
      var bias: [Int32]
      var multiplier: [Float]
      var layer: wane_integer_layer

      var outputs: Int { Int(shape.out_channels == 0 ? shape.channels : shape.out_channels) }
      var outputCount: Int {
        Int(shape.batch) * Int(shape.out_height) * Int(shape.out_width) * outputs
      }

      init(_ shape: wane_integer_shape, _ numbers: inout Numbers) {
        self.shape = shape
        x = (0..<Int(shape.batch) * Int(shape.height) * Int(shape.width) * Int(shape.channels)).map
        {
          _ in numbers.integer(0...3) == 0 ? 255 : UInt8(numbers.integer(0...255))
        }
        let outputs = Int(shape.out_channels == 0 ? shape.channels : shape.out_channels)
        let inputs = shape.out_channels == 0 ? 1 : Int(shape.channels)
        let extreme = numbers.integer(0...3) == 0
        weights = (0..<Int(shape.kernel_height) * Int(shape.kernel_width) * inputs * outputs).map {
          _ in extreme ? -128 : Int8(numbers.integer(-128...127))
        }
        bias = (0..<outputs).map { _ in Int32(numbers.integer(-100_000...100_000)) }
        multiplier = (0..<outputs).map { _ in
          numbers.float(0.5...1) * exp2f(-Float(numbers.integer(0...18)))
        }
        layer = wane_integer_layer()
        layer.zero_x = UInt8(numbers.integer(0...255))
        layer.zero = UInt8(numbers.integer(0...255))
        layer.low = UInt8(numbers.integer(0...100))
        layer.high = UInt8(numbers.integer(100...255))
        layer.relu = UInt8(numbers.integer(0...1))
      }

      /// Sums without the zero point, bias + sum((x - zero_x) * w), before pooling.
      func sums() -> [Int] {
        let s = shape
        let depthwise = s.out_channels == 0
        var result: [Int] = []
        for n in 0..<Int(s.batch) {
          for oy in 0..<Int(s.out_height) {
            for ox in 0..<Int(s.out_width) {
              for o in 0..<outputs {
                var sum = Int(bias[o])
                for ky in 0..<Int(s.kernel_height) {
                  for kx in 0..<Int(s.kernel_width) {
                    let y = oy * Int(s.stride_height) - Int(s.pad_top) + ky * Int(s.dilation_height)
                    let x = ox * Int(s.stride_width) - Int(s.pad_left) + kx * Int(s.dilation_width)
                    guard y >= 0, y < s.height, x >= 0, x < s.width else { continue }
                    let pixel = (n * Int(s.height) + y) * Int(s.width) + x
                    let tap = ky * Int(s.kernel_width) + kx
                    for c in depthwise ? o..<o + 1 : 0..<Int(s.channels) {
                      let w =
                        depthwise ? tap * outputs + o : (tap * Int(s.channels) + c) * outputs + o
                      let value = Int(self.x[pixel * Int(s.channels) + c]) - Int(layer.zero_x)
                      sum += value * Int(weights[w])
                    }
                  }
                }
                result.append(sum)
              }
            }
          }
        }
        return result
      }

      /// Both kinds of output.
      func expected() -> ([UInt8], [Float]) {
        let scaled = sums().enumerated().map { Float(Int32($1)) * multiplier[$0 % outputs] }
        var codes = scaled.map { t -> UInt8 in
          let q = Double(t.rounded(.toNearestOrEven)) + Double(layer.zero)
          return UInt8(min(max(q, Double(layer.low)), Double(layer.high)))
        }
        var floats = scaled.map { layer.relu == 1 && !($0 > 0) ? 0 : $0 }
        if shape.max_pool == 2 {
          codes = pooled(codes)
          floats = pooled(floats)
        }
        return (codes, floats)
      }

      func pooled<T: Comparable>(_ y: [T]) -> [T] {
        let (height, width) = (Int(shape.out_height), Int(shape.out_width))
        var result: [T] = []
        for n in 0..<Int(shape.batch) {
          for oy in 0..<height / 2 {
            for ox in 0..<width / 2 {
              for o in 0..<outputs {
                let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map { dy, dx in
                  y[((n * height + 2 * oy + dy) * width + 2 * ox + dx) * outputs + o]
                }
                result.append(window.reduce(window[0], max))
              }
            }
          }
        }
        return result
      }

      /// What the kernels give at the level in use.
      func computed() -> ([UInt8], [Float]) {
        var s = shape
        var run = layer
        let count =
          shape.max_pool == 2
          ? Int(shape.batch) * Int(shape.out_height / 2) * Int(shape.out_width / 2) * outputs
          : outputCount
        var codes = [UInt8](repeating: 77, count: count)
        var floats = [Float](repeating: 77, count: count)
        let packed = UnsafeMutableRawPointer.allocate(
          byteCount: wane_integer_packed_size(&s), alignment: 64)
        let scratch = UnsafeMutableRawPointer.allocate(
          byteCount: wane_integer_scratch_size(&s), alignment: 64)
        defer {
          packed.deallocate()
          scratch.deallocate()
        }
        var folded = [Int32](repeating: 0, count: outputs)
        wane_integer_pack(&s, weights, packed)
        wane_integer_fold_bias(&s, weights, bias, Int32(layer.zero_x), &folded)
        folded.withUnsafeBufferPointer { biasPointer in
          multiplier.withUnsafeBufferPointer { multiplierPointer in
            run.packed = UnsafeRawPointer(packed)
            run.bias = biasPointer.baseAddress
            run.multiplier = multiplierPointer.baseAddress
            wane_integer_run_u8(&s, &run, x, &codes, scratch)
            wane_integer_run_f32(&s, &run, x, &floats, scratch)
          }
        }
        return (codes, floats)
      }
    }

    func check(_ shape: wane_integer_shape, _ numbers: inout Numbers) {
      var copy = shape
      #expect(wane_integer_check(&copy) == 0, "\(shape)")
      let example = Case(shape, &numbers)
      let (codes, floats) = example.expected()
      atEachLevel { level in
        let (y, f) = example.computed()
        #expect(y == codes, "\(shape) \(level)")
        #expect(f == floats, "\(shape) \(level)")
      }
    }

    @Test func denseOfEveryWidth() {
      var numbers = Numbers(1)
      for rows in [0, 1, 2, 3, 5, 6, 7, 13, 49] {
        for (inputs, outputs) in [
          (1, 1), (3, 16), (4, 17), (31, 15), (33, 64), (127, 31), (64, 10), (5, 100),
        ] {
          check(wane_integer_dense(Int32(rows), Int32(inputs), Int32(outputs)), &numbers)
        }
      }
    }

    @Test func theLargestSumsDoNotOverflow() {
      for (byte, weight) in [(255, -128), (255, 127), (0, -128)] as [(UInt8, Int8)] {
        var numbers = Numbers(2)
        var example = Case(wane_integer_dense(1, 65_536, 3), &numbers)
        example.x = example.x.map { _ in byte }
        example.weights = example.weights.map { _ in weight }
        example.layer.zero_x = 0
        example.bias = [0, 1, -1].map { weight < 0 ? abs($0) : -abs($0) }
        let (codes, floats) = example.expected()
        atEachLevel { level in
          let (y, f) = example.computed()
          #expect(y == codes && f == floats, "\(byte) * \(weight) \(level)")
        }
      }
    }

    @Test func convolutionsOfManyShapes() {
      for seed in 0..<150 {
        var numbers = Numbers(seed)
        var s = wane_integer_shape()
        s.batch = Int32(numbers.integer(1...2))
        (s.height, s.width) = (Int32(numbers.integer(1...11)), Int32(numbers.integer(1...11)))
        s.channels = Int32([1, 2, 3, 4, 5, 8, 17][numbers.integer(0...6)])
        s.out_channels = Int32([0, 1, 8, 15, 16, 17, 33, 64, 80][numbers.integer(0...8)])
        (s.kernel_height, s.kernel_width) = (
          Int32(numbers.integer(1...4)), Int32(numbers.integer(1...4))
        )
        (s.stride_height, s.stride_width) = (
          Int32(numbers.integer(1...3)), Int32(numbers.integer(1...3))
        )
        (s.dilation_height, s.dilation_width) = (
          Int32(numbers.integer(1...2)), Int32(numbers.integer(1...2))
        )
        (s.pad_top, s.pad_left) = (Int32(numbers.integer(0...2)), Int32(numbers.integer(0...2)))
        (s.out_height, s.out_width) = (Int32(numbers.integer(1...6)), Int32(numbers.integer(1...6)))
        if s.out_channels > 0, s.out_height > 1, s.out_width > 1, numbers.integer(0...2) == 0 {
          s.max_pool = 2
        }
        check(s, &numbers)
      }
    }

    /// More output rows than a band holds, odd counts that leave a tail of pixels and of channels.
    @Test func imagesOfSeveralBands() {
      var numbers = Numbers(3)
      for pool: Int32 in [0, 2] {
        var s = wane_integer_shape(
          batch: 2, height: 41, width: 67, channels: 40, out_channels: 20, kernel_height: 3,
          kernel_width: 3, stride_height: 1, stride_width: 1, dilation_height: 1, dilation_width: 1,
          pad_top: 1, pad_left: 1, out_height: 41, out_width: 67, max_pool: pool)
        check(s, &numbers)
        s.out_channels = 0
        s.max_pool = 0
        check(s, &numbers)
      }
    }

    @Test func shapesThatCannotRunAreRefused() {
      let spoil: [(inout wane_integer_shape) -> Void] = [
        { $0.height = 0 }, { $0.channels = 0 }, { $0.batch = -1 }, { $0.out_channels = -1 },
        { $0.stride_width = 0 }, { $0.dilation_height = 0 }, { $0.pad_left = -1 },
        { $0.out_width = 0 },
        { $0.channels = 65_537 }, { $0.kernel_height = .max }, { $0.out_width = .max },
        { $0.max_pool = 2 }, { $0.max_pool = 3 },
      ]
      for change in spoil {
        var shape = wane_integer_dense(1, 8, 8)
        #expect(wane_integer_check(&shape) == 0)
        change(&shape)
        #expect(wane_integer_check(&shape) == EINVAL, "\(shape)")
      }
    }
  }
}
