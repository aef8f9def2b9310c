import WaneGraph
import WaneTensor

/// A table of shared values and, for each weight, which it uses.
struct Codebook {
  /// The shared values.
  ///
  /// When zeros are pinned, zero is the first: training looks for the pinned value from the front,
  /// and others may come to be zero by rounding.
  var centroids: [Float]
  /// One index a weight.
  var indices: [UInt8]

  /// Assigns each weight to the nearest of some values in ascending order, zeros to a zero of their own
  /// when they are pinned.
  init(_ weights: [Float], sortedCentroids: [Float], pinsZero: Bool) {
    let bounds = zip(sortedCentroids, sortedCentroids.dropFirst()).map {
      Float((Double($0) + Double($1)) / 2)
    }
    centroids = (pinsZero ? [0] : []) + sortedCentroids
    indices = weights.map { weight in
      if pinsZero, weight == 0 { return 0 }
      var (low, high) = (0, bounds.count)
      while low < high {
        let middle = (low + high) / 2
        if bounds[middle] < weight { low = middle + 1 } else { high = middle }
      }
      return UInt8(low + (pinsZero ? 1 : 0))
    }
  }

  /// Takes a table over.
  init(centroids: [Float], indices: [UInt8]) {
    self.centroids = centroids
    self.indices = indices
  }

  /// The weights.
  var decoded: [Float] { indices.map { centroids[Int($0)] } }

  /// The same weights with every shared value listed once and used, zero first when there is one.
  func compacted() -> Codebook {
    var isUsed = [Bool](repeating: false, count: centroids.count)
    for index in indices { isUsed[Int(index)] = true }
    var table: [Float] = []
    var places: [Float: UInt8] = [:]
    let used = centroids.indices.filter { isUsed[$0] }
    for index in used.filter({ centroids[$0] == 0 }) + used.filter({ centroids[$0] != 0 })
    where places[centroids[index]] == nil {
      places[centroids[index]] = UInt8(table.count)
      table.append(centroids[index] == 0 ? 0 : centroids[index])
    }
    return Codebook(centroids: table, indices: indices.map { places[centroids[Int($0)]] ?? 0 })
  }

  /// The same weights with zero as the first entry, used or not.
  func beginningWithZero() -> Codebook {
    guard centroids.first != 0 else { return self }
    guard let zero = centroids.firstIndex(of: 0) else {
      return Codebook(centroids: [0] + centroids, indices: indices.map { $0 &+ 1 })
    }
    var table = centroids
    table.swapAt(0, zero)
    return Codebook(
      centroids: table,
      indices: indices.map { $0 == 0 ? UInt8(zero) : Int($0) == zero ? 0 : $0 })
  }

  /// The payload of a parameter whose only codebook this is.
  func payload(grid: WeightGrid? = nil) throws -> Parameter.Payload {
    let bits = PackedCodes.bits(forSymbols: centroids.count)
    return .codebook(
      indices: try PackedCodes(indices, bits: bits), centroids: CentroidTable(centroids),
      grid: grid)
  }
}
