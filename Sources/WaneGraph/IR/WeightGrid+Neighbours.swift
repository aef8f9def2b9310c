import WaneTensor

extension WeightGrid {
  /// The points of the grid below and above each value of an array that has it.
  ///
  /// - Parameters:
  ///   - values: the values.
  ///   - isMasked: whether a value that is exactly zero stays zero.
  /// - Returns: the lower point of each, and how far the upper one is: 0 for a value beyond the ends of
  ///   the grid, and for a pinned zero.
  public func neighbours(of values: Tensor, isMasked: Bool) -> (low: [Float], step: [Float]) {
    let numbers = values.array(Float.self)
    var low = [Float](repeating: 0, count: numbers.count)
    var step = low
    for part in parts(values.shape.dimensions) {
      part.forEach { index, scale in
        if isMasked, numbers[index] == 0 { return }
        let size = scales[scale]
        if isBinary {
          (low[index], step[index]) = (-size, 2 * size)
          return
        }
        let range = range(scale: scale)
        let (least, most) = (Float(range.lowerBound), Float(range.upperBound))
        let floor = (numbers[index] / size).rounded(.down)
        let below = min(max(floor, least), most)
        low[index] = size * below
        step[index] = size * (min(max(floor + 1, least), most) - below)
      }
    }
    return (low, step)
  }
}
