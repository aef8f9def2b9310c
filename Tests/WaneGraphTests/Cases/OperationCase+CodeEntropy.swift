import Foundation
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  /// Each once against finite differences with respect to the weights, and once against the rule for
  /// the scales.
  static let codeEntropies: [OperationCase] = [false, true].flatMap { checksFactors in
    [
      codeEntropy("per tensor", [6, 7], bits: 3, axis: nil, scales: [0.33], checksFactors),
      codeEntropy(
        "per channel", [3, 5, 4], bits: 2, axis: 2, scales: [0.5, 0.8, 1.3, 2], checksFactors),
      codeEntropy(
        "of the first axis", [2, 19], bits: 4, axis: 0, scales: [0.15, 0.14], checksFactors),
    ]
  }

  private static func codeEntropy(
    _ detail: String, _ dimensions: [Int], bits: Int, axis: Int?, scales: [Float],
    _ checksFactors: Bool
  ) -> OperationCase {
    let highest = (1 << (bits - 1)) - 1
    let inner = axis.map { dimensions[($0 + 1)...].reduce(1, *) } ?? 1
    @Sendable func channel(_ index: Int) -> Int {
      axis == nil ? 0 : index / inner % scales.count
    }
    @Sendable func scale(_ operands: [Block], _ index: Int) -> Double {
      Double(scales[channel(index)]) * max(operands[1].values[channel(index)], 1 / 64)
    }
    @Sendable func counts(_ operands: [Block]) -> [Double] {
      var counts = [Double](repeating: 0, count: 2 * highest + 1)
      for (index, weight) in operands[0].values.enumerated() {
        let at = min(max(weight / scale(operands, index), Double(-highest)), Double(highest))
        for code in -highest...highest {
          counts[code + highest] += max(0, 1 - abs(at - Double(code)))
        }
      }
      return counts
    }
    @Sendable func slopes(_ operands: [Block]) -> [Double] {
      let lengths = counts(operands).map { -log2(max($0, 0.5)) }
      return zip(lengths.dropFirst(), lengths).map { $0 - $1 }
    }
    let factors = scales.indices.map { [1, 0.8, 1.3, 0.9][$0] as Float }
    let rule: @Sendable ([Block], Block) -> [Block] = { operands, dbits in
      let slopes = slopes(operands)
      let members = dimensions.reduce(1, *) / scales.count
      var dw = Block(zeros: dimensions)
      var dfactors = Block(zeros: [scales.count])
      for (index, weight) in operands[0].values.enumerated() {
        let at = weight / scale(operands, index)
        guard abs(at) <= Double(highest) else { continue }
        let cell = min(Int(at.rounded(.down)), highest - 1) + highest
        dw.values[index] = dbits.values[0] * slopes[cell] / scale(operands, index)
        // d bits / d factor, times the constant of learned step sizes.
        dfactors.values[channel(index)] -=
          dw.values[index] * weight / operands[1].values[channel(index)]
          / Double(members * highest).squareRoot()
      }
      return [dw, dfactors]
    }
    return OperationCase(
      name: "code_entropy", detail: detail + (checksFactors ? ", scales" : ""),
      operands: [.fixed(dimensions), .fixed([scales.count], values: factors)],
      differentiable: checksFactors ? [0, 1] : [0],
      // Regularizers are not differentiated twice: every weight moves the slopes of all.
      isTwice: false, tolerance: 1e-5,
      rule: checksFactors ? rule : nil,
      build: {
        try $0.add(CodeEntropy(WeightGrid(bits: bits, scales: scales, axis: axis)), $1)
      },
      reference: { operands in
        let counts = counts(operands)
        let total = counts.reduce(0, +)
        let bits = counts.reduce(0) { $1 > 0 ? $0 - $1 * log2($1 / total) : $0 }
        return [Block([], [bits]), Block([2 * highest], slopes(operands))]
      })
  }
}
