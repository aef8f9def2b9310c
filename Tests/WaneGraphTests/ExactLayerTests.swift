import Testing
import WaneTensor

@testable import WaneGraph

/// What training simulates, what a compiled model runs, and `docs/integer-arithmetic.md` written the
/// plain way, bit for bit.
@Suite struct ExactLayerTests {
  /// How weights are held.
  struct Weights: Sendable, CustomStringConvertible {
    var bits: Int
    var isAffine = false
    var perChannel = true
    var groupSize: Int?
    /// How many values each channel shares.
    var shared: Int?

    var description: String {
      "\(bits) bits\(isAffine ? " affine" : "")\(perChannel ? "" : " per tensor")"
        + (groupSize.map { " groups of \($0)" } ?? "")
        + (shared.map { " tables of \($0)" } ?? "")
    }
  }

  /// How activations are.
  struct Activations: Sendable, CustomStringConvertible {
    var bits: Int
    var isDynamic = false
    var description: String { "\(bits) bits\(isDynamic ? " dynamic" : "")" }
  }

  enum Layer: String, CaseIterable, Sendable {
    case dense, sequence, convolution, depthwise, grouped
  }

  static let weights = [
    Weights(bits: 1), Weights(bits: 2), Weights(bits: 4, perChannel: false), Weights(bits: 8),
    Weights(bits: 3, isAffine: true), Weights(bits: 8, isAffine: true),
    Weights(bits: 4, groupSize: 2), Weights(bits: 8, isAffine: true, groupSize: 3),
    Weights(bits: 4, shared: 3), Weights(bits: 8, perChannel: false, shared: 4),
  ]
  static let activations = [
    Activations(bits: 1), Activations(bits: 3), Activations(bits: 8), Activations(bits: 16),
    Activations(bits: 4, isDynamic: true), Activations(bits: 8, isDynamic: true),
    Activations(bits: 16, isDynamic: true),
  ]
  static let combinations = activations.flatMap { a in weights.map { (a, $0) } }

  /// Two layers of a kind with a rectifier and rounding between them.
  private struct Network {
    var graph = Graph()
    var parameters: [(codes: [Int], scales: [Float], bias: [Float]?, grid: WeightGrid)] = []

    init(_ layer: Layer, _ activations: Activations, _ weights: Weights, _ sampler: inout Sampler)
      throws
    {
      let sample =
        switch layer {
        case .dense: [7]
        case .sequence: [3, 7]
        default: [5, 4, 4]
        }
      var x = try graph.add(one: Input(index: 0, type: .batched(sample)), [])
      for (number, zero) in [(0, 0.4), (1, 0.0)] {
        if activations.isDynamic {
          x = try graph.add(DynamicQuantize(bits: activations.bits), [x])[0]
        } else {
          let highest = Double((1 << activations.bits) - 1)
          let grid = try ActivationGrid(
            scale: Float(number == 0 ? 5 / highest : 3 / highest), zero: Int(zero * highest),
            bits: activations.bits)
          x = try graph.add(one: Quantize(grid), [x])
        }
        let filters = layer == .depthwise ? 4 : layer == .grouped ? 6 : 5
        let (inputs, dimensions, operation) = try Self.operation(
          layer, channels: graph.type(of: x).channels, filters)
        let scales =
          weights.perChannel
          ? filters * (weights.groupSize.map { (inputs + $0 - 1) / $0 } ?? 1) : 1
        let grid = try WeightGrid(
          bits: weights.bits, scales: sampler.floats(scales, in: 0.01...0.3),
          zeros: weights.isAffine ? sampler.integers(scales, below: 1 << weights.bits) : nil,
          axis: weights.perChannel ? dimensions.count - 1 : nil, groupSize: weights.groupSize)
        let (codes, payload) = try Self.codes(dimensions, grid, shared: weights.shared, &sampler)
        let kernel = try Parameter("kernel\(number)", payload, shape: Shape(dimensions))
        var operands = [x, try graph.add(parameter: kernel, layer: "layer\(number)")]
        let bias = number == 0 ? sampler.floats(filters, in: -0.5...0.5) : nil
        if let bias {
          operands.append(
            try graph.add(
              parameter: Parameter("bias\(number)", Tensor(bias)), layer: "layer\(number)"))
        }
        x = try graph.add(operation, operands, layer: "layer\(number)")[0]
        if number == 0 { x = try graph.add(one: Activation(.relu), [x]) }
        parameters.append((codes, grid.scales, bias, grid))
      }
      graph.outputs = [x]
    }

    /// Codes of a grid, as they are or out of tables of the last axis.
    private static func codes(
      _ dimensions: [Int], _ grid: WeightGrid, shared: Int?, _ sampler: inout Sampler
    ) throws -> ([Int], Parameter.Payload) {
      let (count, channels) = (dimensions.reduce(1, *), dimensions.last ?? 1)
      guard let shared else {
        let codes = sampler.integers(count, below: grid.codeCount)
        let packed = try PackedCodes(codes.map { UInt8($0) }, bits: grid.bits)
        return (codes, .integer(codes: packed, grid: grid))
      }
      let entries = sampler.integers(channels * shared, below: grid.codeCount)
      let indices = sampler.integers(count, below: shared)
      let values = entries.enumerated().map { index, code in
        let scale = grid.axis == nil ? 0 : index / shared
        return grid.scales[scale] * Float(grid.multiple(UInt8(code), scale: scale))
      }
      let codes = indices.enumerated().map { entries[$0 % channels * shared + $1] }
      let packed = try PackedCodes(indices.map { UInt8($0) }, bits: 2)
      let table = try CentroidTable(values, size: shared, axis: dimensions.count - 1)
      return (codes, .codebook(indices: packed, centroids: table, grid: grid))
    }

    private static func operation(_ layer: Layer, channels: Int, _ filters: Int) throws -> (
      inputs: Int, dimensions: [Int], operation: any Operation
    ) {
      switch layer {
      case .dense, .sequence: return (channels, [channels, filters], Dense())
      case .convolution:
        return (channels, [3, 2, channels, filters], Conv2D(window([3, 2], .same)))
      case .depthwise:
        return (1, [2, 2, 1, channels], Conv2D(window([2, 2]), groups: channels))
      case .grouped:
        return (channels / 2, [2, 2, channels / 2, filters], Conv2D(window([2, 2]), groups: 2))
      }
    }

    /// The first layer, the rectifier and the second, one operation after the other.
    func expected(_ input: Tensor, _ activations: Activations, _ layer: Layer) throws -> [Float] {
      var values = input.array(Float.self)
      var shape = input.shape.dimensions
      let quantizations = graph.nodes.compactMap { ($0.operation as? Quantize)?.grid }
      for (number, parameter) in parameters.enumerated() {
        let output = number == 0 && !activations.isDynamic ? quantizations[1] : nil
        let isCoded = number == 1 && !activations.isDynamic
        (values, shape) = ExactReference.layer(
          values, shape, activations.isDynamic ? nil : quantizations[number], activations.bits,
          isOnGrid: isCoded, parameter, layer, output)
        if number == 0 { values = values.map { max($0, 0) } }
        if let output {
          values = values.map { value in
            let code = min(
              max(value.rounded(.toNearestOrEven), Float(-output.zero)),
              Float(output.highest - output.zero))
            return code * output.scale
          }
        }
      }
      return values
    }
  }

  @Test(arguments: Layer.allCases, combinations)
  func trainingRuntimeAndReferenceAgree(
    _ layer: Layer, _ combination: (Activations, Weights)
  ) throws {
    let (activations, weights) = combination
    var sampler = Sampler("\(layer) \(activations) \(weights)")
    let network = try Network(layer, activations, weights, &sampler)
    let type = network.graph.type(of: network.graph.inputs[0])
    let input = try sampler.tensor([3] + type.dimensions, in: -2...3)

    let expected = try network.expected(input, activations, layer)
    let runtime = try InferenceSession(network.graph, pool: WorkerPool(count: 1))
    let names = runtime.graph.nodes.map { Swift.type(of: $0.operation).name }
    #expect(!names.contains("dense") && !names.contains("conv2d"), "it runs on integers")
    #expect(try runtime.run([input])[0].array(Float.self) == expected)

    let training = try TrainingForm(network.graph)
    let runner = GraphRunner(
      inputs: [input],
      variables: Dictionary(uniqueKeysWithValues: training.variables.map { ($0.name, $0.initial) }))
    #expect(try runner.run(training.graph, batch: 3)[0].array(Float.self) == expected)
  }

  /// What training computes with grids that have moved is what runs when they are set.
  @Test(arguments: Layer.allCases, combinations.filter { !$0.0.isDynamic })
  func movedRangesRunAsTrained(_ layer: Layer, _ combination: (Activations, Weights)) throws {
    let (activations, weights) = combination
    var sampler = Sampler("moved \(layer) \(activations) \(weights)")
    let network = try Network(layer, activations, weights, &sampler)
    let type = network.graph.type(of: network.graph.inputs[0])
    let input = try sampler.tensor([3] + type.dimensions, in: -2...3)

    let training = try TrainingForm(network.graph.movingRanges(.lsq))
    var values = Dictionary(
      uniqueKeysWithValues: training.variables.map { ($0.name, $0.initial) })
    let ranges = training.variables.filter { network.graph.parameters[$0.parameter] == nil }
    #expect(ranges.count == 2)
    for (range, factor) in zip(ranges, [Float(0.83), 1.21]) {
      values[range.name] = try Tensor([factor])
    }
    let runner = GraphRunner(inputs: [input], variables: values)
    let trained = try runner.run(training.graph, batch: 3)[0].array(Float.self)

    let moved = try network.graph.settingRanges(values)
    let runtime = try InferenceSession(moved, pool: WorkerPool(count: 1))
    #expect(try runtime.run([input])[0].array(Float.self) == trained)
    func scales(_ graph: Graph) -> [Float] {
      graph.nodes.compactMap { ($0.operation as? Quantize)?.grid.scale }
    }
    #expect(scales(moved) == zip(scales(network.graph), [Float(0.83), 1.21]).map(*))
  }
}

/// Section "Layers" of `docs/integer-arithmetic.md`, one sum after the other.
enum ExactReference {
  static func layer(
    _ x: [Float], _ shape: [Int], _ fixed: ActivationGrid?, _ bits: Int, isOnGrid: Bool,
    _ parameter: (codes: [Int], scales: [Float], bias: [Float]?, grid: WeightGrid),
    _ layer: ExactLayerTests.Layer, _ output: ActivationGrid?
  ) -> ([Float], [Int]) {
    let batch = shape[0]
    let channels = shape[shape.count - 1]
    let isImage = shape.count == 4
    let image = isImage ? [shape[1], shape[2]] : [1, shape.count == 3 ? shape[1] : 1]
    let (kernel, groups, before): ([Int], Int, [Int]) =
      switch layer {
      case .dense, .sequence: ([1, 1], 1, [0, 0])
      case .convolution: ([3, 2], 1, [1, 0])
      case .depthwise: ([2, 2], channels, [0, 0])
      case .grouped: ([2, 2], 2, [0, 0])
      }
    let extents = layer == .convolution ? image : zip(image, kernel).map { $0 - $1 + 1 }
    let filters = layer == .depthwise ? channels : layer == .grouped ? 6 : 5
    let inputs = channels / groups
    let size = parameter.grid.groupSize ?? inputs
    let step = Double(output?.scale ?? 1)
    func scaleIndex(_ group: Int, _ filter: Int) -> Int {
      parameter.scales.count == 1 ? 0 : group * filters + filter
    }
    let scaleGroups = (inputs + size - 1) / size
    var result: [Float] = []
    for sample in 0..<batch {
      let count = x.count / batch
      let values = x[(sample * count)..<((sample + 1) * count)]
      let (scale, zero) =
        fixed.map { ($0.scale, $0.zero) } ?? ownGrid(Array(values), highest: (1 << bits) - 1)
      let codes = values.map { value -> Int in
        let t = (value / scale).rounded(.toNearestOrEven)
        return Int(min(max(t, Float(-zero)), Float((1 << bits) - 1 - zero)))
      }
      for row in 0..<extents[0] {
        for column in 0..<extents[1] {
          for filter in 0..<filters {
            let first = filter / (filters / groups) * inputs
            var total: Float = 0
            for group in 0..<scaleGroups {
              var sum = 0
              for (i, j) in (0..<kernel[0]).flatMap({ i in (0..<kernel[1]).map { (i, $0) } }) {
                let (y, z) = (row + i - before[0], column + j - before[1])
                guard (0..<image[0]).contains(y), (0..<image[1]).contains(z) else { continue }
                for input in (group * size)..<min((group + 1) * size, inputs) {
                  let tap = ((i * kernel[1] + j) * inputs + input) * filters + filter
                  let multiple = parameter.grid.multiple(
                    UInt8(parameter.codes[tap]), scale: scaleIndex(group, filter))
                  sum += codes[(y * image[1] + z) * channels + first + input] * multiple
                }
              }
              let both = Double(scale) * Double(parameter.scales[scaleIndex(group, filter)])
              if fixed != nil, scaleGroups == 1, let bias = parameter.bias {
                sum += Int((Double(bias[filter]) / both).rounded(.toNearestOrEven))
              }
              total += Float(sum) * Float(both / step)
            }
            if fixed == nil || scaleGroups > 1, let bias = parameter.bias {
              total += Float(Double(bias[filter]) / step)
            }
            result.append(total)
          }
        }
      }
    }
    return (result, [batch] + (isImage ? extents : Array(shape[1..<(shape.count - 1)])) + [filters])
  }

  private static func ownGrid(_ values: [Float], highest: Int) -> (Float, Int) {
    let low = values.reduce(0, min)
    let high = values.reduce(0, max)
    let scale = high / Float(highest) - low / Float(highest)
    guard scale > 0 else { return (1, 0) }
    return (scale, Int(min((-low / scale).rounded(), Float(highest))))
  }
}
