import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let sequences: [OperationCase] = recurrences + embeddings

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
}
