import CKernels
import WaneTensor

@testable import WaneGraph

extension OperationCase {
  static let sequences: [OperationCase] =
    recurrences + variants() + embeddings + attentions
    + [masked] + batchAxes

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
    _ detail: String, _ sequence: [Int], _ make: @autoclosure () throws -> Kind, bias: Bool = true,
    returnsState: Bool = false
  ) -> OperationCase {
    let operation: Kind
    do { operation = try make() } catch { preconditionFailure("\(error)") }
    let recurrence = operation.recurrence
    let (units, columns) = (recurrence.units, recurrence.columns)
    let form = recurrence.form
    let places = RecurrentOperands(recurrence, hasBias: bias)
    var operands: [Operand] = [
      .batched(sequence), .fixed([sequence[1], columns]), .fixed([units, columns]),
    ]
    if bias { operands.append(.fixed(recurrence.biasExtents)) }
    if form.takesState { operands.append(.batched([units])) }
    if places.cell != nil { operands.append(.batched([units])) }
    let differentiable = Array(operands.indices)
    // The mask: a whole number from 0 to 1, as a float.
    if form.isMasked { operands.append(Operand(type: .batched([sequence[0]], .i32), range: 0...2)) }
    let mask = places.mask
    return OperationCase(
      name: Kind.name, detail: detail, operands: operands, differentiable: differentiable,
      tolerance: 5e-6, modes: form.recurrentDropout > 0 ? [.training] : [.training, .inference],
      build: { graph, values in
        var values = values
        if let mask { values[mask] = try graph.add(one: Cast(.f32), [values[mask]]) }
        let all = try graph.add(operation, values)
        guard returnsState else { return [all[0]] }
        // All results in one, for the check of gradients looks at the first.
        let last = [recurrence.stateResult, recurrence.cellResult].compactMap { $0 }
        let rows =
          try [graph.reshape(all[0], [graph.type(of: all[0]).sampleCount])]
          + last.map { all[$0] }
        return [try graph.add(one: Concat(axis: 0), rows)]
      },
      reference: { operands in
        let all = Naive.recurrence(
          recurrence, operands, kept: kept(recurrence, samples: operands[0].dimensions[0]))
        guard returnsState else { return [all[0]] }
        let results = recurrence.cell == .lstm ? all : Array(all[..<2])
        let samples = operands[0].dimensions[0]
        let rows = (0..<samples).flatMap { n in
          results.flatMap { block in
            let width = block.count / samples
            return block.values[n * width..<(n + 1) * width]
          }
        }
        return [Block([samples, rows.count / samples], rows)]
      })
  }

  /// What dropout of the state multiplies it by, in step 2 of a run with seed 11 (see `runner`).
  private static func kept(_ recurrence: Recurrence, samples: Int) -> [Double]? {
    let rate = Double(recurrence.form.recurrentDropout)
    guard rate > 0 else { return nil }
    let count = samples * recurrence.columns
    var random = [UInt32](repeating: 0, count: count)
    wane_random_u32(11, UInt64(recurrence.form.stream) << 32 + 2, 0, &random, count)
    return random.map { Double($0) >= rate * 4_294_967_296 ? 1 / (1 - rate) : 0 }
  }

  private static func form(_ change: (inout RecurrentForm) -> Void) -> RecurrentForm {
    var form = RecurrentForm()
    change(&form)
    return form
  }

  /// What is not as usual, alone and together.
  private static func variants() -> [OperationCase] {
    let masked = form { $0.isMasked = true }
    let zeroed = form { ($0.isMasked, $0.zeroesMasked) = (true, true) }
    let started = form { $0.takesState = true }
    let dropped: RecurrentForm = form { ($0.recurrentDropout, $0.stream) = (0.4, 3) }
    let before = RecurrentForm(resetsAfter: false)
    let all = form {
      $0 = RecurrentForm(activation: .softsign, gateActivation: .softsign, resetsAfter: false)
      ($0.takesState, $0.isMasked, $0.recurrentDropout, $0.stream) = (true, true, 0.3, 5)
    }
    let after = form {
      $0 = all
      $0.resetsAfter = true
    }
    let smooth = RecurrentForm(activation: .softplus, gateActivation: .tanh)
    return [
      recurrence("first state", [3, 2], try LSTM(units: 3, form: started), returnsState: true),
      recurrence(
        "last state", [3, 2], try LSTM(units: 3, returnsSequences: true), returnsState: true),
      recurrence(
        "masked", [5, 2], try LSTM(units: 3, returnsSequences: true, form: masked),
        returnsState: true),
      recurrence("masked, last", [4, 2], try LSTM(units: 17, form: masked)),
      recurrence(
        "masked, zero", [4, 2],
        try LSTM(units: 2, returnsSequences: true, direction: .backwardAligned, form: zeroed)),
      recurrence("dropout", [3, 2], try LSTM(units: 3, form: dropped)),
      recurrence("activations", [3, 2], try LSTM(units: 3, form: smooth)),
      recurrence(
        "everything", [4, 2], try LSTM(units: 3, returnsSequences: true, form: after),
        returnsState: true),
      recurrence("first state", [3, 2], try GRU(units: 3, form: started), returnsState: true),
      recurrence("last state of all", [3, 2], try GRU(units: 3), returnsState: true),
      recurrence(
        "masked", [5, 2], try GRU(units: 3, returnsSequences: true, form: masked),
        returnsState: true),
      recurrence("dropout", [3, 2], try GRU(units: 3, form: dropped)),
      recurrence("activations", [3, 2], try GRU(units: 3, form: smooth)),
      recurrence("reset before", [4, 2], try GRU(units: 3, returnsSequences: true, form: before)),
      recurrence("reset before, no bias", [3, 2], try GRU(units: 18, form: before), bias: false),
      recurrence("one step, reset before", [1, 2], try GRU(units: 3, form: before)),
      recurrence(
        "everything, reset before", [4, 2],
        try GRU(units: 3, returnsSequences: true, direction: .backward, form: all),
        returnsState: true),
      recurrence("everything", [4, 2], try GRU(units: 3, form: after), returnsState: true),
      recurrence(
        "first state", [3, 2], try SimpleRNN(units: 3, form: started), returnsState: true),
      recurrence(
        "masked", [5, 2], try SimpleRNN(units: 3, returnsSequences: true, form: masked),
        returnsState: true),
      recurrence(
        "dropout", [3, 2], try SimpleRNN(units: 3, activation: .softsign, form: dropped)),
      recurrence("elu", [3, 2], try SimpleRNN(units: 3, activation: .elu), bias: false),
    ]
  }

  private static let batchAxes: [OperationCase] = [
    OperationCase(
      name: "split_batch", detail: "", operands: [.fixed([3, 2, 4])], differentiable: [0],
      batches: [3], build: { [try $0.add(one: SplitBatch(count: 3), $1)] },
      reference: { [$0[0]] }),
    OperationCase(
      name: "join_batch", detail: "", operands: [.batched([4])], differentiable: [0], batches: [3],
      build: { [try $0.add(one: JoinBatch(count: 3), $1)] }, reference: { [$0[0]] }),
  ]

  private static let masked = OperationCase(
    name: "masked", detail: "", operands: [.batched([3, 2]), .batched([3], 0...1)],
    differentiable: [0], build: { try $0.add(Masked(), $1) }, reference: { [$0[0]] })

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
    attention("masks", [3, 4], [4, 4], [4, 2], heads: 2, masks: (true, true)),
    attention("mask of keys", [3, 4], [5, 4], [5, 4], heads: 2, rate: 0.4, masks: (false, true)),
    attention(
      "causal, masks", [4, 2], [4, 2], [4, 2], heads: 1, isCausal: true, masks: (true, true)),
    attention("mask of queries", [3, 2], [4, 2], [4, 2], heads: 1, masks: (true, false)),
  ]

  private static func attention(
    _ detail: String, _ queries: [Int], _ keys: [Int], _ values: [Int], heads: Int,
    isCausal: Bool = false, rate: Float = 0, masks: (queries: Bool, keys: Bool) = (false, false)
  ) -> OperationCase {
    func mask(_ isThere: Bool, _ steps: Int) -> [Operand] {
      isThere ? [Operand(type: .batched([steps], .i32), range: 0...2)] : []
    }
    return OperationCase(
      name: "attention", detail: detail,
      operands: [.batched(queries, -2...2), .batched(keys, -2...2), .batched(values)]
        + mask(masks.queries, queries[0]) + mask(masks.keys, keys[0]),
      differentiable: [0, 1, 2], tolerance: 5e-6,
      modes: rate > 0 ? [.training] : [.training, .inference],
      build: { graph, values in
        let operation = try Attention(
          heads: heads, isCausal: isCausal, rate: rate, stream: 4, masksQueries: masks.queries,
          masksKeys: masks.keys)
        let floats = try values[3...].map { try graph.add(one: Cast(.f32), [$0]) }
        return [try graph.add(operation, values[..<3] + floats)[0]]
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
            kept: { kept[$0] },
            masks: (
              masks.queries ? operands[3] : nil, masks.keys ? operands[operands.count - 1] : nil
            ))
        ]
      })
  }
}
