import WaneFormats
import WaneGraph
import WaneNN

/// A layer with what it takes, in the file too.
struct LayerDetail {
  let layer: String
  let kind: String
  let parameters: Int
  let nonzero: Int
  let macs: Int
  /// Bytes of its parameters in a file.
  let fileBytes: Int
  /// How many of its weights take how many bits each: 32 of floats, those of a grid, those of an index
  /// into shared values.
  let bits: [Int: Int]
  /// Encodings in the file, in words.
  let forms: String

  /// The layers of a model, in order.
  ///
  /// - Throws: when the model has no file form.
  static func all(_ graph: Graph) throws -> [LayerDetail] {
    let forms = try WaneFile(graph).storedForms()
    var owner: [String: String] = [:]
    for node in graph.nodes {
      guard let read = node.operation as? ParameterRead else { continue }
      owner[read.name] = owner[read.name] ?? node.layer
    }
    return try Summary(graph).rows.map { row in
      let own = forms.filter { owner[$0.parameter] == row.layer }
      var bits: [Int: Int] = [:]
      for form in own {
        guard let parameter = graph.parameters[form.parameter], parameter.shape.rank > 1 else {
          continue
        }
        bits[parameter.bits, default: 0] += parameter.shape.count
      }
      let kernels = own.filter { graph.parameters[$0.parameter]?.shape.rank ?? 0 > 1 }
      return LayerDetail(
        layer: row.layer, kind: row.kind, parameters: row.parameters, nonzero: row.nonzero,
        macs: row.macs, fileBytes: own.reduce(0) { $0 + $1.byteCount }, bits: bits,
        forms: kernels.map(\.form).joined(separator: ", "))
    }
  }
}

extension Parameter {
  /// Bits that tell a value from the others: of a float, of a code, of an index.
  fileprivate var bits: Int {
    if case .codebook(_, let centroids, _) = payload {
      var bits = 0
      while 1 << bits < centroids.size { bits += 1 }
      return max(bits, 1)
    }
    if case .integer(_, let grid) = payload { return grid.bits }
    return 32
  }
}
