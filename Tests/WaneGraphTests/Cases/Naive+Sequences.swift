import Foundation

@testable import WaneGraph

extension Naive {
  /// A recurrent layer, sample by sample and unit by unit: the result, the last state and the last contents
  /// of the cells.
  ///
  /// `kept` are the factors that dropout multiplies the state by, those of all gates for each sample.
  static func recurrence(
    _ recurrence: Recurrence, _ operands: [Block], kept: [Double]? = nil
  ) -> [Block] {
    let places = RecurrentOperands.forward(recurrence, count: operands.count)
    let (x, w, u) = (operands[0], operands[1], operands[2])
    let bias = places.bias.map { operands[$0].values }
    let mask = places.mask.map { operands[$0] }
    let form = recurrence.form
    let (samples, steps, inputs) = (x.dimensions[0], x.dimensions[1], x.dimensions[2])
    let (units, columns) = (u.dimensions[0], w.dimensions[1])
    let returnsAll = recurrence.returnsSequences
    var y = Block(zeros: [samples] + (returnsAll ? [steps] : []) + [units])
    var (lastState, lastCell) = (Block(zeros: [samples, units]), Block(zeros: [samples, units]))
    for n in 0..<samples {
      func first(_ place: Int?) -> [Double] {
        place.map { place in (0..<units).map { operands[place][n, $0] } }
          ?? [Double](repeating: 0, count: units)
      }
      var (h, c) = (first(places.state), first(places.cell))
      var shown = [Double](repeating: 0, count: units)
      for step in 0..<steps {
        let isForward = recurrence.direction == .forward
        let at = isForward ? step : steps - 1 - step
        let row = (0..<inputs).map { x.values[(n * steps + at) * inputs + $0] }
        let counts = mask.map { $0[n, at] != 0 } ?? true
        let ofInput = (0..<columns).map { column in
          row.indices.reduce(bias?[column] ?? 0) { $0 + row[$1] * w[$1, column] }
        }
        func product(_ state: [Double], _ column: Int) -> Double {
          let gate = column / units
          return state.indices.reduce(0) {
            let factor = kept?[n * columns + gate * units + $1] ?? 1
            return $0 + state[$1] * factor * u[$1, column]
          }
        }
        let ofState = (0..<columns).map { product(h, $0) }
        func sum(_ gate: Int, _ unit: Int) -> Double {
          ofInput[gate * units + unit] + ofState[gate * units + unit]
        }
        func inner(_ gate: Int, _ unit: Int) -> Double {
          ofState[gate * units + unit]
            + (form.resetsAfter ? bias?[columns + gate * units + unit] ?? 0 : 0)
        }
        let (before, cells) = (h, c)
        func gate(_ gate: Int, _ unit: Int) -> Double {
          form.gateActivation.naive(ofInput[gate * units + unit] + inner(gate, unit))
        }
        let reset =
          recurrence.cell == .gru ? (0..<units).map { gate(1, $0) * before[$0] } : before
        for unit in 0..<units {
          switch recurrence.cell {
          case .simple(let activation): h[unit] = activation.naive(sum(0, unit))
          case .lstm:
            let gates = (0..<4).map { form.gateActivation.naive(sum($0, unit)) }
            c[unit] = gates[1] * c[unit] + gates[0] * form.activation.naive(sum(2, unit))
            h[unit] = gates[3] * form.activation.naive(c[unit])
          case .gru:
            let column = 2 * units + unit
            let past =
              form.resetsAfter ? gate(1, unit) * inner(2, unit) : product(reset, column)
            let z = gate(0, unit)
            let g = form.activation.naive(ofInput[column] + past)
            h[unit] = z * before[unit] + (1 - z) * g
          }
        }
        if counts { shown = h } else { (h, c) = (before, cells) }
        if !counts, form.zeroesMasked { shown = shown.map { _ in 0 } }
        let place = recurrence.direction == .backwardAligned ? at : step
        if returnsAll || step == steps - 1 {
          for unit in 0..<units {
            y.values[(returnsAll ? n * steps + place : n) * units + unit] = shown[unit]
          }
        }
      }
      for unit in 0..<units {
        lastState.values[n * units + unit] = h[unit]
        lastCell.values[n * units + unit] = c[unit]
      }
    }
    return [y, lastState, lastCell]
  }

  /// Attention of several heads; `kept` says which weights stay and `scale` what they are multiplied
  /// by, the masks which queries and keys count.
  static func attention(
    _ operands: [Block], heads: Int, isCausal: Bool, scale: Double = 1,
    kept: (Int) -> Bool = { _ in true }, masks: (queries: Block?, keys: Block?) = (nil, nil)
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
          let seen = (0..<visible).map { key -> Double in
            let dot = (0..<size).reduce(0.0) {
              $0 + element(q, n, query, head, $1) * element(k, n, key, head, $1)
            }
            return dot / Double(size).squareRoot()
          }
          let isSeen = (0..<keys).map { key in
            key < visible && masks.queries?[n, query] != 0 && masks.keys?[n, key] != 0
          }
          let isMasked = masks.queries != nil || masks.keys != nil
          let scores = isMasked ? Self.hidden(seen, isSeen) : seen
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

  /// Scores of all keys, minus infinity where one is not seen; all alike where none is.
  private static func hidden(_ scores: [Double], _ isSeen: [Bool]) -> [Double] {
    guard isSeen.contains(true) else { return isSeen.map { _ in 0 } }
    return isSeen.indices.map { isSeen[$0] ? scores[$0] : -.infinity }
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
    case .relu6: min(max(0, x), 6)
    case .leakyReLU: x > 0 ? x : 0.2 * x
    case .elu: x > 0 ? x : exp(x) - 1
    case .selu: 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * (exp(x) - 1))
    case .hardSigmoid: min(max(0, x / 6 + 0.5), 1)
    case .softplus: log(1 + exp(x))
    case .softsign: x / (1 + abs(x))
    }
  }
}
