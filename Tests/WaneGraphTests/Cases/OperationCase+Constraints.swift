import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let constraints: [OperationCase] = [
    OperationCase(
      name: "apply_mask", detail: "",
      operands: [.fixed([3, 4]), .fixed([3, 4], values: [1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 0])],
      differentiable: [0], build: { try $0.add(ApplyMask(), $1) },
      reference: { [Block($0[0].dimensions, zip($0[0].values, $0[1].values).map(*))] }),
    codebook(pinned: nil), codebook(pinned: 2), channelCodebook(axis: 1, pinned: nil),
    channelCodebook(axis: 0, pinned: nil), channelCodebook(axis: 1, pinned: 1),
    quantizedWeights("per tensor", [4, 3], bits: 4, axis: nil, scales: [0.11]),
    quantizedWeights("per channel", [3, 2, 4], bits: 3, axis: 2, scales: [0.2, 0.35, 0.5, 0.11]),
    quantizedWeights("of the first axis", [2, 7], bits: 2, axis: 0, scales: [0.4, 0.9]),
    quantizedWeights(
      "of a middle axis", [2, 3, 5], bits: 8, axis: 1, scales: [0.01, 0.004, 0.02]),
    quantizedWeights("binary", [3, 4], bits: 1, axis: nil, scales: [0.4]),
    quantizedWeights("binary, per channel", [5, 2], bits: 1, axis: 1, scales: [0.4, 0.9]),
    quantizedWeights("affine", [6, 2], bits: 3, axis: 1, scales: [0.2, 0.3], zeros: [1, 6]),
    quantizedWeights(
      "in groups", [2, 3, 2], bits: 4, axis: 2, groupSize: 2, scales: [0.1, 0.2, 0.15, 0.3]),
  ]

  private static func codebook(pinned: Int?) -> OperationCase {
    let indices: [UInt8] = [0, 3, 1, 1, 2, 0, 3, 3, 3, 1]
    // A pinned entry stays as it is: no gradient comes to it.
    let rule: @Sendable ([Block], Block) -> [Block] = { operands, dw in
      var sums = Block(zeros: operands[0].dimensions)
      for (index, value) in zip(indices, dw.values) where Int(index) != pinned {
        sums.values[Int(index)] += value
      }
      return [sums]
    }
    return OperationCase(
      name: "codebook_lookup", detail: pinned == nil ? "" : "pinned", operands: [.fixed([4])],
      differentiable: [0], rule: pinned == nil ? nil : rule,
      build: {
        try $0.add(CodebookLookup(Tensor(indices, Shape([2, 5])), axis: nil, pinned: pinned), $1)
      },
      reference: { operands in [Block([2, 5], indices.map { operands[0].values[Int($0)] })] })
  }

  private static func channelCodebook(axis: Int, pinned: Int?) -> OperationCase {
    let indices: [UInt8] = [0, 2, 1, 1, 2, 0, 1, 0, 0, 1, 2, 2]
    let extents = [2, 3, 2]
    let channels = extents[axis]
    /// Where an element finds its value.
    @Sendable func entry(_ index: Int) -> Int {
      let channel = index / extents[(axis + 1)...].reduce(1, *) % channels
      return channel * 3 + Int(indices[index])
    }
    let rule: @Sendable ([Block], Block) -> [Block] = { operands, dw in
      var sums = Block(zeros: operands[0].dimensions)
      for (index, value) in dw.values.enumerated() where Int(indices[index]) != pinned {
        sums.values[entry(index)] += value
      }
      return [sums]
    }
    return OperationCase(
      name: "codebook_lookup",
      detail: "of axis \(axis + 1)\(pinned == nil ? "" : ", pinned")",
      operands: [.fixed([channels, 3])], differentiable: [0], rule: pinned == nil ? nil : rule,
      build: {
        try $0.add(CodebookLookup(Tensor(indices, Shape(extents)), axis: axis, pinned: pinned), $1)
      },
      reference: { operands in
        [Block(extents, indices.indices.map { operands[0].values[entry($0)] })]
      })
  }

  private static func quantizedWeights(
    _ detail: String, _ dimensions: [Int], bits: Int, axis: Int?, groupSize: Int? = nil,
    scales: [Float], zeros: [Int]? = nil
  ) -> OperationCase {
    let highest = bits == 1 ? 1 : (1 << (bits - 1)) - 1
    let inner = axis.map { dimensions[($0 + 1)...].reduce(1, *) } ?? 1
    let channels = axis.map { dimensions[$0] } ?? 1
    /// Position on the grid, its scale, and the number of the scale of an element.
    @Sendable func position(_ operands: [Block], _ index: Int) -> (Float, Float, Int) {
      var number = axis == nil ? 0 : index / inner % channels
      if let groupSize, let axis {
        number += index / channels % dimensions[axis - 1] / groupSize * channels
      }
      let scale = scales[number] * max(Float(operands[1].values[number]), 1 / 64)
      return (Float(operands[0].values[index]) / scale, scale, number)
    }
    @Sendable func ends(_ number: Int) -> (low: Float, high: Float) {
      guard let zeros else { return (Float(-highest), Float(highest)) }
      return (Float(-zeros[number]), Float((1 << bits) - 1 - zeros[number]))
    }
    @Sendable func code(_ position: Float, _ number: Int) -> Float {
      if bits == 1 { return position < 0 ? -1 : 1 }
      return min(max(position.rounded(.toNearestOrEven), ends(number).low), ends(number).high)
    }
    return OperationCase(
      name: "quantize_weights", detail: detail,
      operands: [
        .fixed(dimensions),
        .fixed([scales.count], values: scales.indices.map { [1, 0.8, 1.3, 0.001][$0] }),
      ], differentiable: [0, 1],
      // Straight through for the weights; for the scales learned step size quantization.
      rule: { operands, dy in
        var members = [Double](repeating: 0, count: scales.count)
        for index in dy.values.indices { members[position(operands, index).2] += 1 }
        var dw = Block(zeros: dimensions)
        var factors = Block(zeros: [scales.count])
        for (index, gradient) in dy.values.enumerated() {
          let (at, _, number) = position(operands, index)
          let (low, high) = ends(number)
          let nearest = at.rounded(.toNearestOrEven)
          dw.values[index] = bits == 1 || (nearest >= low && nearest <= high) ? gradient : 0
          let isInside = bits > 1 && at >= low && at <= high
          let slope = isInside ? code(at, number) - at : code(at, number)
          factors.values[number] +=
            gradient * Double(slope) * Double(scales[number])
            / (members[number] * Double(max(-low, high))).squareRoot()
        }
        return [dw, factors]
      },
      build: { graph, operands in
        try graph.add(
          QuantizeWeights(
            WeightGrid(bits: bits, scales: scales, zeros: zeros, axis: axis, groupSize: groupSize)),
          operands)
      },
      reference: { operands in
        [
          Block(
            dimensions,
            dimensions.isEmpty
              ? []
              : operands[0].values.indices.map {
                let (at, scale, number) = position(operands, $0)
                return Double(code(at, number) * scale)
              })
        ]
      })
  }

  /// The gradient of a learned range, by the formulas of both papers.
  private static let learnedRanges: [OperationCase] = [
    (GridTraining.Ranges.lsq, 8, 100, Float(1), false), (.lsq, 4, 3, 0.7, false),
    (.lsq, 2, 0, 1.2, false), (.pact, 4, 0, 0.8, false), (.pact, 8, 90, 1.1, false),
    (.lsq, 4, 3, 0.9, true), (.pact, 2, 0, 1.3, true), (.lsq, 4, 0, 0.001, false),
  ].map { rule, bits, zero, factor, isCounted in
    let base: Float = bits == 8 ? 0.013 : 0.3
    let scale = base * max(factor, 1 / 64)
    let step = isCounted ? 1 : scale
    let (least, most) = (Float(-zero), Float((1 << bits) - 1 - zero))
    @Sendable func code(_ value: Double) -> Float {
      min(max((Float(value) / step).rounded(.toNearestOrEven), least), most)
    }
    return OperationCase(
      name: "learned_range",
      detail: "\(rule.rawValue), \(bits) bits, \(factor)\(isCounted ? ", counted" : "")",
      operands: [
        .batched([5, 6], isCounted ? -20...20 : -2...3), .fixed([1], values: [factor]),
      ],
      differentiable: [0, 1], tolerance: 1e-5,
      rule: { operands, dy in
        var dx = dy
        var sum = 0.0
        for (index, value) in operands[0].values.enumerated() {
          let position = Float(value) / step
          let rounded = position.rounded(.toNearestOrEven)
          if rounded < least || rounded > most { dx.values[index] = 0 }
          let isInside = position >= least && position <= most
          let slope = isInside ? (rule == .lsq ? code(value) - position : 0) : code(value)
          sum += dy.values[index] * Double(slope)
        }
        let share = rule == .lsq ? 1 / Double(30 * ((1 << bits) - 1)).squareRoot() : 1
        return [dx, Block([1], [sum * share * Double(base)])]
      },
      build: {
        try $0.add(
          LearnedRange(
            ActivationGrid(scale: base, zero: zero, bits: bits), rule, isCounted: isCounted), $1)
      },
      reference: { [$0[0].map { Double(code($0) * scale) }] })
  }

  static let quantizations =
    roundings + learnedRanges + [
      // Its arithmetic is held to the last bit by IntegerFormTests; here it is one operation among the others.
      integerLayer("dense", nil, [9], [9, 4]),
      integerLayer(
        "convolution", window([3, 2], strides: [2, 1], .same), [5, 6, 3], [3, 2, 3, 4]),
      exactLayer, roundToGrid, dynamicQuantize,
    ]

  /// Held to the last bit by ExactLayerTests.
  private static let exactLayer = OperationCase(
    name: "exact_layer", detail: "", operands: [.batched([4], -1...1), .fixed([4, 3])],
    differentiable: [0, 1],
    rule: { operands, dy in
      // That of the layer without grids.
      let (x, w) = (operands[0], operands[1])
      let batch = dy.dimensions[0]
      var dx = Block(zeros: x.dimensions)
      var dw = Block(zeros: w.dimensions)
      for sample in 0..<batch {
        for input in 0..<4 {
          for unit in 0..<3 {
            let gradient = dy.values[sample * 3 + unit]
            dx.values[sample * 4 + input] += gradient * w.values[input * 3 + unit]
            dw.values[input * 3 + unit] += gradient * x.values[sample * 4 + input]
          }
        }
      }
      return [dx, dw]
    }, modes: [.training],
    build: { graph, operands in
      let layer = ExactLayer(
        form: .dense, input: try ActivationGrid(scale: 0.02, zero: 100), inputBits: 8, output: nil,
        weights: try WeightGrid(bits: 8, scales: [0.01], axis: nil), hasBias: false)
      return try graph.add(layer, operands)
    },
    reference: { operands in
      let x = operands[0].map { ($0 / 0.02).rounded() * 0.02 }
      return [Naive.dense(x, operands[1].map { ($0 / 0.01).rounded() * 0.01 }, nil)]
    })

  private static let roundToGrid = OperationCase(
    name: "round_to_grid", detail: "", operands: [.batched([5, 6], -20...20)],
    differentiable: [0], tolerance: 1e-6,
    rule: { operands, dy in
      let codes = operands[0].values.map { $0.rounded(.toNearestOrEven) + 3 }
      return [
        Block(dy.dimensions, zip(dy.values, codes).map { (0...15).contains($1) ? $0 : 0 })
      ]
    },
    build: { try $0.add(RoundToGrid(ActivationGrid(scale: 0.25, zero: 3, bits: 4)), $1) },
    reference: {
      [$0[0].map { min(max($0.rounded(.toNearestOrEven), -3), 12) * 0.25 }]
    })

  private static let dynamicQuantize = OperationCase(
    name: "dynamic_quantize", detail: "", operands: [.batched([5, 6], -2...3)],
    differentiable: [0], tolerance: 1e-6, rule: { _, dy in [dy] },
    build: { try $0.add(DynamicQuantize(bits: 4), $1) },
    reference: { operands in
      let batch = operands[0].dimensions[0]
      var (y, grids) = (operands[0], Block(zeros: [batch, 2]))
      for sample in 0..<batch {
        let range = (sample * 30)..<((sample + 1) * 30)
        let values = operands[0].values[range].map { Float($0) }
        let (low, high) = (values.reduce(0, min), values.reduce(0, max))
        let scale = high / 15 - low / 15
        let zero = (-low / scale).rounded()
        grids.values[2 * sample] = Double(scale)
        grids.values[2 * sample + 1] = Double(zero)
        for (index, value) in zip(range, values) {
          let code = min(max((value / scale).rounded(.toNearestOrEven), -zero), 15 - zero)
          y.values[index] = Double(code * scale)
        }
      }
      return [y, grids]
    })

  private static func integerLayer(
    _ detail: String, _ window: Window2D?, _ input: [Int], _ kernel: [Int]
  ) -> OperationCase {
    var sampler = Sampler("integer layer \(detail)")
    let codes = sampler.integers(kernel.reduce(1, *), below: 15).map { $0 - 7 }
    let zero = 130
    return OperationCase(
      name: "integer_layer", detail: detail, operands: [.bytes(input)],
      modes: [.inference],
      build: { graph, operands in
        let shape = try Shape(kernel)
        let grid = try WeightGrid(bits: 4, scales: [0.5], axis: nil)
        let packed = try PackedCodes(codes.map { UInt8($0 + 7) }, bits: 4)
        let weights = try graph.add(
          parameter: Parameter("weights", .integer(codes: packed, grid: grid), shape: shape),
          layer: "")
        let layer = IntegerLayer(
          window: window, input: try ActivationGrid(scale: 0.25, zero: zero), output: nil,
          isReLUFused: false)
        return try graph.add(layer, [operands[0], weights])
      },
      reference: { operands in
        let x = operands[0].map { ($0 - Double(zero)) * 0.25 }
        let weights = Block(kernel, codes.map { Double($0) * 0.5 })
        return [
          window.map { Naive.convolution(x, weights, nil, $0) } ?? Naive.dense(x, weights, nil)
        ]
      })
  }

  private static let roundings: [OperationCase] = [(8, 100), (4, 3), (2, 0)].flatMap {
    (bits: Int, zero: Int) in
    let scale: Float = bits == 8 ? 0.013 : 0.3
    let highest = (1 << bits) - 1
    @Sendable func grid() throws -> ActivationGrid {
      try ActivationGrid(scale: scale, zero: zero, bits: bits)
    }
    return [
      OperationCase(
        name: "quantize", detail: "\(bits) bits", operands: [.batched([5, 6], -2...3)],
        differentiable: [0], tolerance: 1e-6,
        rule: { operands, dy in
          let inside = operands[0].values.map { value in
            let code = (Float(value) / scale).rounded(.toNearestOrEven) + Float(zero)
            return code >= 0 && code <= Float(highest)
          }
          return [Block(dy.dimensions, zip(dy.values, inside).map { $1 ? $0 : 0 })]
        },
        build: { try $0.add(Quantize(grid()), $1) },
        reference: {
          let codes = Naive.codes($0[0], scale: scale, zero: zero, low: 0, high: highest)
          return [Block($0[0].dimensions, codes.map { Double(Float($0 - zero) * scale) })]
        }),
      OperationCase(
        name: "to_bytes", detail: "\(bits) bits", operands: [.batched([5, 6], -2...3)],
        tolerance: 0, build: { try $0.add(ToBytes(grid()), $1) },
        reference: {
          let codes = Naive.codes($0[0], scale: scale, zero: zero, low: 0, high: highest)
          return [Block($0[0].dimensions, codes.map(Double.init))]
        }),
      OperationCase(
        name: "from_bytes", detail: "\(bits) bits", operands: [.bytes([5, 6])], tolerance: 1e-6,
        build: { try $0.add(FromBytes(grid()), $1) },
        reference: { [$0[0].map { ($0 - Double(zero)) * Double(scale) }] }),
    ]
  }
}
