import WaneGraph

extension Graph {
  /// Of the matrices that are applied to a flattened image, how their rows lie in the image.
  ///
  /// Their zeros and signs resemble those at neighbouring places.
  func flattenedLayouts() -> [String: WeightLayout] {
    var layouts: [String: WeightLayout] = [:]
    for node in nodes where node.inputs.count > 1 {
      guard let read = producer(of: node.inputs[1]).operation as? ParameterRead,
        read.dimensions.count == 2, let image = flattenedImage(node.inputs[0]),
        image.reduce(1, *) == read.dimensions[0]
      else { continue }
      layouts[read.parameter] = WeightLayout(
        columns: read.dimensions[1], channels: image[2], width: image[1])
    }
    return layouts
  }

  /// Height, width and channels of the image that was flattened to a value, looking through nodes
  /// that keep its shape.
  private func flattenedImage(_ value: Value) -> [Int]? {
    var value = value
    while true {
      let node = producer(of: value)
      guard let input = node.inputs.first else { return nil }
      let dimensions = type(of: input).dimensions
      if node.operation is Reshape {
        return dimensions.count == 3 && dimensions.allSatisfy { $0 > 0 } ? dimensions : nil
      }
      guard dimensions == type(of: value).dimensions else { return nil }
      value = input
    }
  }
}
