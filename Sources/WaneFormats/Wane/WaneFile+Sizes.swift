import WaneGraph

/// What a parameter takes in a file.
public struct StoredForm: Equatable, Sendable {
  /// The name of the parameter.
  public let parameter: String
  /// Its form in a few words: `f32`, `coded f32`, `packed int4`, `coded codebook of 16`.
  public let form: String
  /// Bytes of its record and its values.
  public let byteCount: Int
}

extension WaneFile {
  /// The number of bytes that a file of the graph has, header and all.
  ///
  /// - Throws: as `encoded`.
  public static func size(of graph: Graph, metadata: [String: String] = [:]) throws -> Int {
    try FileImage(WaneFile(graph, metadata: metadata)).byteCount
  }

  /// The form that each parameter has in the file, in order.
  ///
  /// - Throws: as `encoded`.
  public func storedForms() throws -> [StoredForm] { try FileImage(self).forms }
}
