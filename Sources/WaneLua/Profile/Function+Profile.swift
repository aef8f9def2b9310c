import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `model:profile`.
  static let profile = Function(
    "profile", "Measures the time of each operation, on one thread.",
    signature: "profile(inputs, ..., [options]) -> Profile",
    options: [
      Option(
        "training", "boolean", default: "false",
        "a step of training on a data set, instead of a prediction"),
      Option(
        "batch_size", "integer", default: "all samples; 128 in training",
        "how many samples of a data set a run takes"),
      Option("runs", "integer", default: "10", "how often it is run"), .precision,
    ],
    example: "print(model:profile(test:take(16)))",
    method: { (box: ModelBox, context) in
      let data = context.objectIfAny(2, as: DatasetBox.self)?.dataset
      let (samples, options) = try context.samplesAndOptions(for: box.graph)
      let runs = try options.integer("runs", atLeast: 1, default: 10)
      let precision = try options.precision()
      if try options.boolean("training", default: false) {
        guard let data else { throw context.expected("Dataset", 2) }
        let size = try options.integer("batch_size", atLeast: 1, default: 128)
        let run = try TrainingRun(
          box.graph, data: data, options: TrainingOptions(batchSize: size, precision: precision),
          epochs: 1, pool: Threads.pool(), poll: context.poll)
        return context.results(ProfileBox(try Profile(run, runs: runs, poll: context.poll)))
      }
      var inputs = samples
      if let data {
        let size = try options.integer("batch_size", atLeast: 1, default: max(data.count, 1))
        inputs = try data.slice(0..<size).inputs(for: box.graph, "profile")
      }
      let profile = try Profile(
        box.graph, inputs: inputs, runs: runs, precision: precision, poll: context.poll)
      return context.results(ProfileBox(profile))
    })
}
