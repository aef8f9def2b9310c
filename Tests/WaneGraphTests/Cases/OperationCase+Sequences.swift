import CKernels
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let sequences: [OperationCase] = recurrences + embeddings + attentions

  private static let recurrences: [OperationCase] = [
    recurrence("last state", [4, 3], try LSTM(units: 5)),
    recurrence("sequences", [3, 2], try LSTM(units: 4, returnsSequences: true)),
    recurrence("without bias", [3, 2], try LSTM(units: 3), bias: false),
    recurrence("one step", [1, 3], try LSTM(units: 2)),
    recurrence(
      "backward", [4, 2], try LSTM(units: 3, returnsSequences: true, direction: .backward)),
    recurrence(
      "backward, aligned", [4, 2],
      try LSTM(units: 3, returnsSequences: true, direction: .backwardAligned)),
    recurrence("many units", [3, 5], try LSTM(units: 37)),
    recurrence("last state", [4, 3], try GRU(units: 5)),
    recurrence("sequences", [3, 2], try GRU(units: 4, returnsSequences: true)),
    recurrence("without bias", [3, 2], try GRU(units: 3), bias: false),
    recurrence("one step", [1, 3], try GRU(units: 2)),
    recurrence("backward", [4, 2], try GRU(units: 3, direction: .backward)),
    recurrence("many units", [3, 5], try GRU(units: 35)),
    recurrence("last state", [4, 3], try SimpleRNN(units: 5)),
    recurrence("sequences", [3, 2], try SimpleRNN(units: 4, returnsSequences: true)),
    recurrence("without bias", [3, 2], try SimpleRNN(units: 3), bias: false),
    recurrence("relu", [4, 2], try SimpleRNN(units: 3, activation: .relu)),
    recurrence("sigmoid", [4, 2], try SimpleRNN(units: 3, activation: .sigmoid)),
    recurrence("linear", [4, 2], try SimpleRNN(units: 3, activation: .linear)),
    recurrence(
      "backward, aligned", [4, 2],
      try SimpleRNN(units: 3, returnsSequences: true, direction: .backwardAligned)),
  ]

  private static func recurrence<Kind: RecurrentOperation>(
    _ detail: String, _ sequence: [Int], _ make: @autoclosure () throws -> Kind, bias: Bool = true
  ) -> OperationCase {
    let operation: Kind
    do { operation = try make() } catch { preconditionFailure("\(error)") }
    let recurrence = operation.recurrence
    return OperationCase(
      name: Kind.name, detail: detail,
      operands: [
        .batched(sequence), .fixed([sequence[1], recurrence.columns]),
        .fixed([recurrence.units, recurrence.columns]),
      ] + (bias ? [.fixed(recurrence.cell.bias(units: recurrence.units))] : []),
      differentiable: bias ? [0, 1, 2, 3] : [0, 1, 2], tolerance: 5e-6,
      build: { [try $0.add(operation, $1)[0]] },
      reference: { [Naive.recurrence(recurrence, $0)] })
  }

  private static let embeddings: [OperationCase] = [
    (detail: "words", dimensions: [4], dtype: DType.i32),
    (detail: "one word", dimensions: [], dtype: DType.i32),
    (detail: "bytes", dimensions: [2, 3], dtype: DType.u8),
  ].map { item in
    OperationCase(
      name: "embedding", detail: item.detail,
      operands: [
        Operand(type: .batched(item.dimensions, item.dtype), range: 0...7), .fixed([7, 5]),
      ],
      differentiable: [1], build: { try $0.add(Embedding(), $1) },
      reference: { operands in
        [
          Block(
            operands[0].dimensions + [5],
            operands[0].values.flatMap { row in (0..<5).map { operands[1][Int(row), $0] } })
        ]
      })
  }

  private static let attentions: [OperationCase] = [
    attention("one head", [3, 4], [3, 4], [3, 4], heads: 1),
    attention("heads", [3, 6], [4, 6], [4, 9], heads: 3),
    attention("causal", [4, 4], [4, 4], [4, 2], heads: 2, isCausal: true),
    attention("causal, few keys", [4, 2], [2, 2], [2, 2], heads: 1, isCausal: true),
    attention("one step", [1, 2], [1, 2], [1, 2], heads: 2),
    attention("dropout", [3, 4], [5, 4], [5, 4], heads: 2, rate: 0.4),
  ]

  private static func attention(
    _ detail: String, _ queries: [Int], _ keys: [Int], _ values: [Int], heads: Int,
    isCausal: Bool = false, rate: Float = 0
  ) -> OperationCase {
    OperationCase(
      name: "attention", detail: detail,
      operands: [.batched(queries, -2...2), .batched(keys, -2...2), .batched(values)],
      differentiable: [0, 1, 2], tolerance: 5e-6,
      modes: rate > 0 ? [.training] : [.training, .inference],
      build: {
        let operation = try Attention(heads: heads, isCausal: isCausal, rate: rate, stream: 4)
        return [try $0.add(operation, $1)[0]]
      },
      reference: { operands in
        // In step 2 of a run with seed 11 (see `runner`).
        let count = operands[0].dimensions[0] * heads * queries[0] * keys[0]
        var random = [UInt32](repeating: 0, count: count)
        wane_random_u32(11, 4 << 32 + 2, 0, &random, count)
        let limit = Double(rate) * 4_294_967_296
        let kept = random.map { Double($0) >= limit }
        return [
          Naive.attention(
            operands, heads: heads, isCausal: isCausal, scale: 1 / (1 - Double(rate)),
            kept: { kept[$0] })
        ]
      })
  }
}
