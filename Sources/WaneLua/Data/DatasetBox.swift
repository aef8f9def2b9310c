import WaneNN
import WaneTensor

/// A data set as Lua holds it.
final class DatasetBox: LuaObject {
  let dataset: Dataset

  init(_ dataset: Dataset) { self.dataset = dataset }

  /// One line: `fashion_mnist train: 60 000 samples of 28x28x1 u8, 10 classes`.
  var description: String {
    let sample = Shape.text(dataset.sampleDimensions)
    let classes =
      dataset.classCount.map { ", \($0) classes" } ?? ", targets \(dataset.labels.shape)"
    return "\(dataset.name): \(NumberText.grouped(dataset.count)) samples of \(sample) "
      + "\(dataset.inputs.dtype)\(classes)"
  }
}
