import WaneCompress
import WaneGraph
import WaneNN
import WaneTensor

extension Function {
  /// `wane.reestimate`.
  static let reestimate = Function(
    "reestimate", "Computes the statistics of batch normalizations anew, from data.",
    signature: "reestimate(model, options) -> Model",
    options: [
      Option("data", "Dataset", "what statistics are taken from; labels are not looked at"),
      .progress,
    ],
    example: "model = wane.reestimate(sparse, { data = train:take(1000) })"
  ) { context in
    let model = try context.object(1, as: ModelBox.self).graph
    let options = try context.options(2)
    let work = CompressionContext(
      pool: try Threads.pool(), data: try options.required("data", options.dataset("data")),
      progress: try context.progress(options), poll: context.poll)
    return context.results(ModelBox(try StatisticsEstimate(work)(model)))
  }
}
