import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

extension Kernels {
  @Suite struct Exact {
    /// A layer with operands on its grids.
    private struct Case {
      var layer = wane_exact()
      var x: [Float] = []
      var codes: [Int] = []
      var weights: [Float] = []
      var multiples: [Int] = []
      var scales: [Float] = []
      var bias: [Float]?
      var grids: [(scale: Float, zero: Int)] = []

      init(_ numbers: inout Numbers) {
        let groups = numbers.integer(1...3)
        let (inputs, outputs) = (numbers.integer(1...21), numbers.integer(1...19))
        let isDense = numbers.integer(0...2) == 0
        layer.groups = Int32(isDense ? 1 : groups)
        let convolutions = Int(layer.groups)
        let isDepthwise = !isDense && numbers.integer(0...3) == 0
        if isDepthwise { layer.groups = Int32(inputs) }
        let channels = isDepthwise ? inputs : inputs * convolutions
        let filters = isDepthwise ? inputs : outputs * convolutions
        layer.shape = wane_integer_dense(
          Int32(numbers.integer(1...5)), Int32(channels), Int32(filters))
        if isDense {
          layer.shape.batch = Int32(numbers.integer(1...60))
        } else {
          layer.shape.height = Int32(numbers.integer(1...5))
          layer.shape.width = Int32(numbers.integer(1...5))
          layer.shape.kernel_height = Int32(numbers.integer(1...3))
          layer.shape.kernel_width = Int32(numbers.integer(1...3))
          layer.shape.pad_top = Int32(numbers.integer(0...1))
          layer.shape.pad_left = Int32(numbers.integer(0...1))
          layer.shape.out_height = Int32(numbers.integer(1...5))
          layer.shape.out_width = Int32(numbers.integer(1...5))
        }
        let own = channels / Int(layer.groups)
        layer.group_size = Int32(numbers.integer(1...own))
        layer.wide_codes = Int32(numbers.integer(0...1))
        layer.wide_weights = Int32(numbers.integer(0...1))
        layer.own_grids = Int32(numbers.integer(0...1))
        layer.rows = 1
        layer.step = numbers.integer(0...1) == 0 ? 1 : 0.37
        let scaleGroups = (own + Int(layer.group_size) - 1) / Int(layer.group_size)
        layer.scale_count = Int32(numbers.integer(0...1) == 0 ? 1 : scaleGroups * filters)
        scales = numbers.floats(Int(layer.scale_count), 0.01...0.2)

        let highest = layer.wide_codes == 1 ? 65535 : 255
        let samples = Int(layer.shape.batch)
        grids = (0..<samples).map { _ in (numbers.float(0.01...0.1), numbers.integer(0...highest)) }
        layer.scale = grids[0].scale
        layer.zero = Int32(grids[0].zero)
        if layer.own_grids == 0 { grids = grids.map { [first = grids[0]] _ in first } }
        let count = Int(layer.shape.height * layer.shape.width) * channels
        for sample in 0..<samples {
          for _ in 0..<count {
            let code = numbers.integer(0...highest) - grids[sample].zero
            codes.append(code)
            x.append(Float(code) * grids[sample].scale)
          }
        }
        let taps = Int(layer.shape.kernel_height * layer.shape.kernel_width)
        let most = layer.wide_weights == 1 ? 255 : 127
        for index in 0..<(taps * own * filters) {
          let multiple = numbers.integer(-most...most)
          let group = index / filters % own / Int(layer.group_size)
          multiples.append(multiple)
          weights.append(
            Float(multiple) * scales[scales.count == 1 ? 0 : group * filters + index % filters])
        }
        if numbers.integer(0...1) == 0 { bias = numbers.floats(filters) }
      }

      func run() -> [Float] {
        var layer = layer
        let size = wane_exact_packed_size(&layer)
        let packed = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
        let room = UnsafeMutableRawPointer.allocate(
          byteCount: wane_exact_scratch_size(&layer), alignment: 64)
        defer {
          packed.deallocate()
          room.deallocate()
        }
        wane_exact_pack(&layer, weights, scales, bias, packed, room)
        let shape = layer.shape
        var y = [Float](
          repeating: .nan,
          count: Int(shape.batch * shape.out_height * shape.out_width * shape.out_channels))
        let own = grids.flatMap { [$0.scale, Float($0.zero)] }
        wane_exact_run(&layer, packed, x, layer.own_grids == 1 ? own : nil, &y, room)
        return y
      }

      /// What the header says, one product after the other.
      func expected() -> [Float] {
        let s = layer.shape
        let (height, width) = (Int(s.height), Int(s.width))
        let (channels, filters) = (Int(s.channels), Int(s.out_channels))
        let own = channels / Int(layer.groups)
        let size = Int(layer.group_size)
        let scaleGroups = (own + size - 1) / size
        let isOne = scaleGroups == 1 && layer.own_grids == 0
        let limit = layer.wide_codes + layer.wide_weights > 0 ? 0x1p62 : 0x1p30
        var y: [Float] = []
        for sample in 0..<Int(s.batch) {
          for row in 0..<Int(s.out_height) {
            for column in 0..<Int(s.out_width) {
              for filter in 0..<filters {
                let first = filter / (filters / Int(layer.groups)) * own
                var total: Float = 0
                for group in 0..<scaleGroups {
                  var sum = 0
                  for i in 0..<Int(s.kernel_height) {
                    for j in 0..<Int(s.kernel_width) {
                      let (a, b) = (row + i - Int(s.pad_top), column + j - Int(s.pad_left))
                      guard (0..<height).contains(a), (0..<width).contains(b) else { continue }
                      for input in (group * size)..<min((group + 1) * size, own) {
                        let tap = (i * Int(s.kernel_width) + j) * own + input
                        let at = ((sample * height + a) * width + b) * channels + first + input
                        sum += codes[at] * multiples[tap * filters + filter]
                      }
                    }
                  }
                  let scale = scales[scales.count == 1 ? 0 : group * filters + filter]
                  let both = Double(grids[sample].scale) * Double(scale)
                  if isOne, let bias {
                    let start = (Double(bias[filter]) / both).rounded(.toNearestOrEven)
                    sum += Int(min(max(start, -limit), limit))
                  }
                  total += Float(sum) * Float(both / Double(layer.step))
                }
                if !isOne, let bias { total += Float(Double(bias[filter]) / Double(layer.step)) }
                y.append(total)
              }
            }
          }
        }
        return y
      }
    }

    @Test(arguments: 1...60) func everyLevelGivesTheExactSums(_ seed: Int) {
      var numbers = Numbers(seed)
      let item = Case(&numbers)
      var layer = item.layer
      #expect(wane_exact_check(&layer) == 0)
      let expected = item.expected()
      atEachLevel { level in
        #expect(same(item.run(), expected), "\(level) \(item.layer)")
      }
    }

    @Test func layersThatCannotRunAreRefused() {
      let spoil: [(inout wane_exact) -> Void] = [
        { $0.groups = 0 }, { $0.groups = 3 }, { $0.group_size = 0 }, { $0.rows = 0 },
        { $0.scale_count = 5 }, { $0.shape.max_pool = 2 }, { $0.shape.out_channels = 0 },
        { $0.shape.channels = 65_537 }, { $0.shape.height = 0 },
      ]
      for change in spoil {
        var layer = wane_exact()
        layer.shape = wane_integer_dense(1, 8, 8)
        layer.groups = 1
        layer.group_size = 8
        layer.rows = 1
        layer.scale_count = 1
        #expect(wane_exact_check(&layer) == 0)
        change(&layer)
        #expect(wane_exact_check(&layer) == EINVAL)
      }
    }
  }
}
