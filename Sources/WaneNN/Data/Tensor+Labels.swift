import WaneGraph
import WaneTensor

extension Tensor {
  /// Labels as an output of a model takes them.
  ///
  /// Whole numbers are classes, or answers, where there is one for each row of the output, whatever
  /// axes of one they have; else they are targets that happen to be whole, and become f32.
  ///
  /// - Parameter output: the type of the output.
  /// - Returns: the labels, i32 where they are classes.
  /// - Throws: when memory cannot be had.
  func asLabels(of output: ValueType) throws -> Tensor {
    guard dtype == .i32 else { return self }
    let dimensions = Array(shape.dimensions.dropFirst())
    let places = Array(output.dimensions.dropLast())
    if dimensions.isEmpty && places.isEmpty || dimensions == places { return self }
    func long(_ dimensions: [Int]) -> [Int] { dimensions.filter { $0 != 1 } }
    if dimensions != output.dimensions, long(dimensions) == long(places) {
      return try reshaped(Shape([shape[0]] + places))
    }
    return dimensions.isEmpty ? self : try converted(to: .f32)
  }

  /// Where a label stands, for messages: `sample 3`, `sample 3, step 2`, `sample 3, place (4, 1)`.
  ///
  /// - Parameters:
  ///   - index: which element it is, from 0.
  ///   - number: the number of a sample, from 0, given its row.
  /// - Returns: the text, which counts from 1.
  fileprivate func place(of index: Int, numbered number: (Int) -> Int) -> String {
    let dimensions = shape.dimensions.dropFirst()
    var rest = index
    let position = dimensions.reversed().map { extent -> Int in
      defer { rest /= max(extent, 1) }
      return rest % max(extent, 1) + 1
    }
    let sample = "sample \(number(rest) + 1)"
    switch position.count {
    case 0: return sample
    case 1: return "\(sample), step \(position[0])"
    default:
      return "\(sample), place (\(position.reversed().map { "\($0)" }.joined(separator: ", ")))"
    }
  }
}

extension Loss {
  /// Checks that labels are among the classes that an output tells apart.
  ///
  /// - Parameters:
  ///   - labels: what is compared with the output; others than classes pass.
  ///   - output: the type of the output.
  ///   - operation: what the labels are for, for messages.
  ///   - number: the number of a sample, from 0, given its row.
  /// - Throws: when one is not, saying which.
  func checkClasses(
    _ labels: Tensor, output: ValueType, _ operation: String,
    numbered number: (Int) -> Int = { $0 }
  ) throws {
    guard comparesClasses, labels.dtype == .i32 else { return }
    let classes = output.channels
    let found = labels.with(Int32.self) { values in
      values.firstIndex { $0 < 0 || Int($0) >= classes }.map { ($0, values[$0]) }
    }
    guard let (index, label) = found else { return }
    throw WaneError(
      operation,
      "label \(label) of \(labels.place(of: index, numbered: number)) is not one of the classes "
        + "0..\(classes - 1) that the model's \(classes) outputs stand for")
  }
}
