import CKernels

extension WeightGrid {
  /// A part of an array whose scales change along one axis only: `[outer, channels, inner]`.
  struct Part: Sendable {
    /// The first element.
    let offset: Int
    /// The first scale; there are `channels` of them.
    let scale: Int
    let outer: Int
    let channels: Int
    let inner: Int

    /// Calls `body` with each element and its scale.
    @inline(__always)
    func forEach(_ body: (_ index: Int, _ scale: Int) -> Void) {
      var index = offset
      for _ in 0..<outer {
        for channel in 0..<channels {
          for _ in 0..<inner {
            body(index, scale + channel)
            index += 1
          }
        }
      }
    }
  }

  /// The parts of an array that has the grid: one, or with groups one for each run of a group.
  func parts(_ dimensions: [Int]) -> [Part] {
    let count = dimensions.reduce(1, *)
    guard let axis else {
      return [Part(offset: 0, scale: 0, outer: 1, channels: 1, inner: count)]
    }
    guard let groupSize else {
      let outer = dimensions[..<axis].reduce(1, *)
      return [
        Part(
          offset: 0, scale: 0, outer: outer, channels: scales.count,
          inner: count / max(outer * scales.count, 1))
      ]
    }
    let (inputs, channels) = (dimensions[axis - 1], dimensions[axis])
    return (0..<dimensions[..<(axis - 1)].reduce(1, *)).flatMap { place in
      stride(from: 0, to: inputs, by: groupSize).enumerated().map { group, first in
        Part(
          offset: (place * inputs + first) * channels, scale: group * channels,
          outer: min(groupSize, inputs - first), channels: channels, inner: 1)
      }
    }
  }

  /// Calls `body` with each part as the kernels want it, and where it begins; not for binary grids,
  /// which have no step.
  func forEachKernelGrid(
    _ parts: [Part], scales: UnsafePointer<Float>, zeros: UnsafePointer<Int32>?,
    _ body: (_ grid: UnsafePointer<wane_grid>, _ offset: Int) -> Void
  ) {
    for part in parts {
      var grid = wane_grid(
        scale: scales + part.scale, zero: zeros.map { $0 + part.scale },
        low: Int32(isSymmetric ? -highest : 0),
        high: Int32(isSymmetric ? highest : (1 << bits) - 1), outer: part.outer,
        channels: part.channels, inner: part.inner)
      withUnsafePointer(to: &grid) { body($0, part.offset) }
    }
  }
}
