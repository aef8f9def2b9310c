import WaneNN
import WaneTensor

/// A data set as Lua holds it.
final class DatasetBox: LuaObject {
  let dataset: Dataset

  init(_ dataset: Dataset) { self.dataset = dataset }

  /// One line: `fashion_mnist train: 60 000 samples of 28x28x1 u8, 10 classes`.
  var description: String {
    let sample = dataset.columns.map {
      "\(Shape.text(Array($0.shape.dimensions.dropFirst()))) \($0.dtype)"
    }.joined(separator: " and ")
    func text(_ labels: Tensor, classes: Int?) -> String {
      guard labels.dtype == .i32 else { return ", targets \(labels.shape)" }
      let count = classes.map { "\($0) " } ?? ""
      return labels.shape.rank == 1 || classes != nil
        ? ", \(count)\(classes == 1 ? "class" : "classes")" : ", labels \(labels.shape) i32"
    }
    let first = text(dataset.labels, classes: dataset.classCount)
    let further = dataset.otherLabels.map { text($0, classes: nil) }.joined()
    let samples = dataset.count == 1 ? "sample" : "samples"
    return "\(dataset.name): \(NumberText.grouped(dataset.count)) \(samples) of \(sample)"
      + "\(first)\(further)\(dataset.isStored ? ", read when needed" : "")"
      + (dataset.augmentation == nil ? "" : ", augmented")
  }
}

/// A walk over the batches of a data set.
final class BatchIterator: LuaObject {
  let batches: Batches
  let inputNames: [String]
  let labelNames: [String]

  init(_ batches: Batches, of data: Dataset) {
    self.batches = batches
    inputNames = data.inputNames
    labelNames = data.labelNames
  }
}

extension Noun {
  static let batches = Noun(
    BatchIterator.self, "Batches", "Walks over the batches of a data set.",
    metamethods: [
      Function(
        "__call", "The next batch, or nil after the last.",
        signature: "iterator() -> inputs, labels",
        method: { (iterator: BatchIterator, context) in
          guard let batch = try iterator.batches.nextBatch() else {
            return context.results(LuaValue.none)
          }
          return context.results(
            Columns.luaValue(batch.inputs, names: iterator.inputNames),
            Columns.luaValue(batch.labels, names: iterator.labelNames))
        }),
      Function(
        "__len", "How many batches there are.", signature: "#iterator",
        method: { (iterator: BatchIterator, context) in
          context.results(iterator.batches.count)
        }),
    ])
}
