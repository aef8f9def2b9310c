import Foundation
import Testing
import WaneGraph
import WaneNN
import WaneTensor

@Suite struct EvaluationTests {
  private func outputs(_ model: Graph, _ data: Dataset) throws -> [[Double]] {
    let output = try InferenceSession(model, pool: WorkerPool(count: 1)).run([data.inputs])[0]
    let columns = output.shape[1]
    let values = output.array(Float.self).map(Double.init)
    return (0..<data.count).map { Array(values[$0 * columns..<($0 + 1) * columns]) }
  }

  @Test(arguments: [1, 2, 3]) func isWhatOneWouldCountByHand(_ workers: Int) throws {
    let model = try Samples.network(batchNorm: true, dropout: 0.5)
    let data = try Samples.images(37)
    let rows = try outputs(model, data)
    let labels = data.labels.array(Int32.self).map(Int.init)
    let loss = zip(rows, labels).reduce(0) { $0 - log($1.0[$1.1]) } / 37
    let chosen = rows.map { row in Int32(row.firstIndex(of: row.max() ?? 0) ?? 0) }
    let hits = zip(chosen, labels).filter { Int($0) == $1 }.count
    let evaluation = try Evaluation(model, on: data, pool: WorkerPool(count: workers))
    #expect(abs(evaluation.loss - loss) < 1e-5)
    #expect(evaluation.accuracy == Double(hits) / 37)
    #expect(evaluation.predictions == chosen)

    // The same labels as distributions.
    let oneHot = try Tensor(
      labels.flatMap { label in (0..<4).map { $0 == label ? Float(1) : 0 } }, Shape([37, 4]))
    let dense = try Evaluation(
      model, on: Dataset(inputs: data.inputs, labels: oneHot), loss: .crossEntropy,
      pool: WorkerPool(count: workers))
    #expect(abs(dense.loss - loss) < 1e-5)
    #expect(dense.accuracy == evaluation.accuracy)

    let squared = try Evaluation(
      model, on: Dataset(inputs: data.inputs, labels: oneHot), pool: WorkerPool(count: workers))
    var expected = 0.0
    for (row, label) in zip(rows, labels) {
      for (column, value) in row.enumerated() {
        let distance = value - (column == label ? 1 : 0)
        expected += distance * distance / (4 * 37)
      }
    }
    #expect(abs(squared.loss - expected) < 1e-6)
    #expect(squared.accuracy == nil && squared.predictions.isEmpty)
  }

  /// A trained step and an evaluation agree about the loss of the same model.
  @Test func agreesWithTraining() throws {
    let model = try Samples.network()
    let data = try Samples.images(9)
    let run = try TrainingRun(
      model, data: data, options: TrainingOptions(batchSize: 9), epochs: 1,
      pool: WorkerPool(count: 2))
    let measure = try run.runStep()
    let evaluation = try Evaluation(model, on: data, pool: WorkerPool(count: 2))
    #expect(abs(measure.loss - evaluation.loss) < 1e-5)
    #expect(measure.accuracy == evaluation.accuracy)
  }

  @Test func bytesStandForNumbersUpToOne() throws {
    let model = try Samples.network()
    var bytes = [UInt8](repeating: 0, count: 5 * 128)
    for index in bytes.indices { bytes[index] = UInt8(index * 37 % 256) }
    let labels = try Samples.classes(5, of: 4, seed: 1)
    let shape = try Shape([5, 8, 8, 2])
    let pool = try WorkerPool(count: 1)
    let raw = try Evaluation(
      model, on: Dataset(inputs: Tensor(bytes, shape), labels: labels), pool: pool)
    let scaled = try Evaluation(
      model, on: Dataset(inputs: Tensor(bytes.map { Float($0) / 255 }, shape), labels: labels),
      pool: pool)
    #expect(abs(raw.loss - scaled.loss) < 1e-6)
    #expect(raw.predictions == scaled.predictions)
  }

  @Test func nothingGivesNothing() throws {
    let evaluation = try Evaluation(
      Samples.network(), on: Samples.images(3).slice(0..<0), pool: WorkerPool(count: 2))
    #expect(evaluation.loss == 0 && evaluation.accuracy == nil && evaluation.predictions.isEmpty)
  }

  @Test func saysWhatDoesNotFit() throws {
    let model = try Samples.network()
    let pool = try WorkerPool(count: 1)
    let images = try Samples.floats([3, 8, 8, 2], seed: 1)
    func message(_ inputs: Tensor, _ labels: Tensor, _ loss: Loss? = nil) -> String? {
      Samples.message {
        _ = try Evaluation(
          model, on: Dataset(inputs: inputs, labels: labels), loss: loss, pool: pool)
      }
    }
    let classes = try Tensor([0, 1, 2] as [Int32])
    let classesOfFour = "is not one of the classes 0..3 that the model's 4 outputs stand for"
    #expect(message(images, classes) == nil)
    #expect(
      message(images, try Tensor([0, 1, 4] as [Int32]))
        == "evaluate: label 4 of sample 3 \(classesOfFour)")
    #expect(
      message(images, try Tensor([-1, 1, 0] as [Int32]))
        == "evaluate: label -1 of sample 1 \(classesOfFour)")
    #expect(
      message(try Samples.floats([3, 8, 8, 1], seed: 1), classes)
        == "evaluate: the model takes Nx8x8x2, the data set has 8x8x1")
    #expect(
      message(images, try Samples.floats([3, 5], seed: 1))
        == "mse: labels 3x5 f32 do not fit the model's output Nx4")
    #expect(
      message(images, classes, .meanSquaredError)
        == "mse: labels 3 i32 do not fit the model's output Nx4")
    #expect(
      message(images, try Tensor([0, 1, 2, 0, 1, 2] as [Int32], Shape([3, 2])))
        == "mse: labels 3x2 f32 do not fit the model's output Nx4")
    #expect(message(images, try Tensor([0, 1, 2] as [Int32], Shape([3, 1]))) == nil)
    let whole = try ModelBuilder.sequential([InputLayer([8, 8, 2]), ActivationLayer(.relu)])
    #expect(
      Samples.message {
        _ = try Evaluation(whole, on: Dataset(inputs: images, labels: classes), pool: pool)
      } == "cross_entropy: classes must be one number a step, Nx8x8, got 3")
  }

  /// Labels may come out of order of anything, but a stop asked for is heard.
  @Test func stopsWhenAsked() throws {
    let error = #expect(throws: WaneError.self) {
      try Evaluation(
        Samples.network(), on: Samples.images(4), pool: WorkerPool(count: 1),
        poll: { throw WaneError("evaluate", "stopped", kind: .interrupted) })
    }
    #expect(error?.kind == .interrupted)
  }
}
