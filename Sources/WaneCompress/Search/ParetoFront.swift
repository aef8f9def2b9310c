/// Which of several points are better than all others in some respect.
public enum ParetoFront {
  /// Sorts points into layers: those that no other beats, those that only these beat, and so on
  /// (Goldberg, 1989).
  ///
  /// A point beats another when it is nowhere larger and somewhere smaller. Of equal points the first
  /// stands in front of the others.
  ///
  /// - Parameter points: what is to be small, as many numbers for each.
  /// - Returns: the layer of each, from 0.
  public static func layers(_ points: [[Double]]) -> [Int] {
    var layers = [Int](repeating: -1, count: points.count)
    var left = Array(points.indices)
    var layer = 0
    while !left.isEmpty {
      let front = left.filter { index in
        !left.contains { other in
          beats(points[other], points[index])
            || (points[other] == points[index] && other < index)
        }
      }
      // Numbers that are none beat nobody and nobody beats them: there is always a front.
      for index in front { layers[index] = layer }
      left.removeAll { layers[$0] >= 0 }
      layer += 1
    }
    return layers
  }

  private static func beats(_ one: [Double], _ other: [Double]) -> Bool {
    var isSmaller = false
    for (a, b) in zip(one, other) {
      guard a <= b else { return false }
      if a < b { isSmaller = true }
    }
    return isSmaller
  }
}
