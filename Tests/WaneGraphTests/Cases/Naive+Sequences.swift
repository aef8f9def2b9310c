import Foundation

@testable import WaneGraph

extension Naive {
  /// A recurrent layer, sample by sample and unit by unit.
  static func recurrence(_ recurrence: Recurrence, _ operands: [Block]) -> Block {
    let (x, w, u) = (operands[0], operands[1], operands[2])
    let bias = operands.count > 3 ? operands[3].values : nil
    let (samples, steps, inputs) = (x.dimensions[0], x.dimensions[1], x.dimensions[2])
    let (units, columns) = (u.dimensions[0], w.dimensions[1])
    let returnsAll = recurrence.returnsSequences
    var y = Block(zeros: [samples] + (returnsAll ? [steps] : []) + [units])
    for n in 0..<samples {
      var h = [Double](repeating: 0, count: units)
      var c = h
      for step in 0..<steps {
        let isForward = recurrence.direction == .forward
        let at = isForward ? step : steps - 1 - step
        let row = (0..<inputs).map { x.values[(n * steps + at) * inputs + $0] }
        let ofInput = (0..<columns).map { column in
          row.indices.reduce(bias?[column] ?? 0) { $0 + row[$1] * w[$1, column] }
        }
        let ofState = (0..<columns).map { column in
          h.indices.reduce(0) { $0 + h[$1] * u[$1, column] }
        }
        func sum(_ gate: Int, _ unit: Int) -> Double {
          ofInput[gate * units + unit] + ofState[gate * units + unit]
        }
        let before = h
        for unit in 0..<units {
          switch recurrence.cell {
          case .simple(let activation): h[unit] = activation.naive(sum(0, unit))
          case .lstm:
            c[unit] =
              sigmoid(sum(1, unit)) * c[unit] + sigmoid(sum(0, unit)) * tanh(sum(2, unit))
            h[unit] = sigmoid(sum(3, unit)) * tanh(c[unit])
          case .gru:
            func inner(_ gate: Int) -> Double {
              ofState[gate * units + unit] + (bias?[columns + gate * units + unit] ?? 0)
            }
            let z = sigmoid(ofInput[unit] + inner(0))
            let r = sigmoid(ofInput[units + unit] + inner(1))
            let g = tanh(ofInput[2 * units + unit] + r * inner(2))
            h[unit] = z * before[unit] + (1 - z) * g
          }
        }
        let place = recurrence.direction == .backwardAligned ? at : step
        if returnsAll || step == steps - 1 {
          for unit in 0..<units {
            y.values[(returnsAll ? n * steps + place : n) * units + unit] = h[unit]
          }
        }
      }
    }
    return y
  }

  /// Attention of several heads; `kept` says which weights stay and `scale` what they are multiplied
  /// by.
  static func attention(
    _ operands: [Block], heads: Int, isCausal: Bool, scale: Double = 1,
    kept: (Int) -> Bool = { _ in true }
  ) -> Block {
    let (q, k, v) = (operands[0], operands[1], operands[2])
    let (samples, queries, keys) = (q.dimensions[0], q.dimensions[1], k.dimensions[1])
    let (size, width) = (q.dimensions[2] / heads, v.dimensions[2] / heads)
    func element(_ block: Block, _ n: Int, _ step: Int, _ head: Int, _ channel: Int) -> Double {
      let channels = block.dimensions[2]
      let position = n * block.dimensions[1] + step
      return block.values[position * channels + head * (channels / heads) + channel]
    }
    var y = Block(zeros: [samples, queries, heads * width])
    for n in 0..<samples {
      for head in 0..<heads {
        for query in 0..<queries {
          let visible = isCausal ? min(query + 1, keys) : keys
          let scores = (0..<visible).map { key -> Double in
            let dot = (0..<size).reduce(0.0) {
              $0 + element(q, n, query, head, $1) * element(k, n, key, head, $1)
            }
            return dot / Double(size).squareRoot()
          }
          for (key, weight) in softmax(scores).enumerated()
          where kept(((n * heads + head) * queries + query) * keys + key) {
            for channel in 0..<width {
              y.values[((n * queries + query) * heads + head) * width + channel] +=
                scale * weight * element(v, n, key, head, channel)
            }
          }
        }
      }
    }
    return y
  }

  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
}

extension RecurrentActivation {
  fileprivate func naive(_ x: Double) -> Double {
    switch self {
    case .linear: x
    case .relu: max(0, x)
    case .sigmoid: Naive.sigmoid(x)
    case .tanh: Foundation.tanh(x)
    }
  }
}
