import CKernels
import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let leaves: [OperationCase] = [
    OperationCase(
      name: "input", detail: "", operands: [.batched([2, 3])], build: { $1 }, reference: { $0 }),
    OperationCase(
      name: "parameter", detail: "", operands: [.fixed([2, 3])], build: { $1 }, reference: { $0 }),
    OperationCase(
      name: "ones", detail: "", operands: [],
      build: { graph, _ in try graph.add(Ones(dimensions: [2, 3]), []) },
      reference: { _ in [Block([2, 3], [1, 1, 1, 1, 1, 1])] }),
  ]

  static let elementwise: [OperationCase] =
    activations + [
      OperationCase(
        name: "add", detail: "images", operands: [.batched([3, 2, 5]), .batched([3, 2, 5])],
        differentiable: [0, 1], build: { try $0.add(Add(), $1) },
        reference: { [Block($0[0].dimensions, zip($0[0].values, $0[1].values).map(+))] }),
      OperationCase(
        name: "add", detail: "a value to itself", operands: [.batched([7])], differentiable: [0],
        build: { try $0.add(Add(), [$1[0], $1[0]]) }, reference: { [$0[0].map { 2 * $0 }] }),
      OperationCase(
        name: "add", detail: "weights", operands: [.fixed([5]), .fixed([5])],
        differentiable: [0, 1],
        build: { try $0.add(Add(), $1) },
        reference: { [Block($0[0].dimensions, zip($0[0].values, $0[1].values).map(+))] }),
      OperationCase(
        name: "rescale", detail: "floats", operands: [.batched([4, 3])], differentiable: [0],
        build: { try $0.add(Rescale(scale: -2.5, offset: 0.75), $1) },
        reference: { [$0[0].map { $0 * -2.5 + 0.75 }] }),
      OperationCase(
        name: "rescale", detail: "bytes", operands: [.bytes([4, 3])],
        build: { try $0.add(Rescale(scale: 1 / 255, offset: -0.5), $1) },
        reference: { [$0[0].map { $0 / 255 - 0.5 }] }),
      OperationCase(
        name: "scale_rows", detail: "", operands: [.batched([3, 5]), .batched([])],
        build: { try $0.add(ScaleRows(), $1) },
        reference: { operands in
          let columns = operands[0].count / operands[1].count
          return [
            Block(
              operands[0].dimensions,
              operands[0].values.enumerated().map { $1 * operands[1].values[$0 / columns] })
          ]
        }),
      OperationCase(
        name: "dropout", detail: "", operands: [.batched([5, 7])], differentiable: [0],
        modes: [.training],
        build: { try $0.add(Dropout(rate: 0.4, stream: 3), $1) },
        reference: { [dropped($0[0], rate: 0.4, stream: 3)] }),
      OperationCase(
        name: "dropout", detail: "rate 0", operands: [.batched([5, 7])], differentiable: [0],
        build: { try $0.add(Dropout(rate: 0, stream: 3), $1) }, reference: { $0 }),
      OperationCase(
        name: "all_reduce", detail: "alone", operands: [.fixed([5])],
        build: { try $0.add(AllReduce(), $1) }, reference: { $0 }),
    ]

  private static let activations = [
    activation(.relu) { max(0, $0) }, activation(.sigmoid) { 1 / (1 + exp(-$0)) },
    activation(.tanh) { tanh($0) },
  ]

  private static func activation(
    _ kind: ActivationKind, _ function: @Sendable @escaping (Double) -> Double
  ) -> OperationCase {
    OperationCase(
      name: "activation", detail: kind.rawValue, operands: [.batched([4, 9], -4...4)],
      differentiable: [0], build: { try $0.add(Activation(kind), $1) },
      reference: { [$0[0].map(function)] })
  }

  /// What dropout makes of a value in step 2 of a run with seed 11 (see `runner`).
  private static func dropped(_ x: Block, rate: Float, stream: UInt64) -> Block {
    var random = [UInt32](repeating: 0, count: x.count)
    wane_random_u32(11, stream << 32 + 2, 0, &random, x.count)
    return Block(
      x.dimensions,
      zip(x.values, random).map {
        Double($1) >= Double(rate) * 4_294_967_296 ? $0 / (1 - Double(rate)) : 0
      })
  }

  static let shapes: [OperationCase] = [
    OperationCase(
      name: "reshape", detail: "images to rows", operands: [.batched([2, 3, 4])],
      differentiable: [0], build: { try $0.add(Reshape([24]), $1) },
      reference: { [$0[0].reshaped([$0[0].dimensions[0], 24])] }),
    OperationCase(
      name: "reshape", detail: "weights", operands: [.fixed([6, 2])], differentiable: [0],
      build: { try $0.add(Reshape([3, 4]), $1) }, reference: { [$0[0].reshaped([3, 4])] }),
    OperationCase(
      name: "softmax", detail: "rows", operands: [.batched([10], -5...5)], differentiable: [0],
      build: { try $0.add(Softmax(), $1) }, reference: { [Naive.rows($0[0], Naive.softmax)] }),
    OperationCase(
      name: "softmax", detail: "images", operands: [.batched([2, 2, 3])], differentiable: [0],
      build: { try $0.add(Softmax(), $1) }, reference: { [Naive.rows($0[0], Naive.softmax)] }),
    OperationCase(
      name: "softmax", detail: "far from zero", operands: [.batched([4], -300...300)],
      build: { try $0.add(Softmax(), $1) }, reference: { [Naive.rows($0[0], Naive.softmax)] }),
  ]
}
