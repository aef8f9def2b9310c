import WaneTensor

/// Where the samples of a data set are kept that were read or made.
public enum SampleCache: String, CaseIterable, Sendable {
  /// Nowhere: they are read or made again each time that they are needed.
  case none
  /// In memory.
  case memory
  /// In a temporary file that is mapped, see ``DiskFile``.
  case disk

  /// A tensor to be written, whose elements are undefined.
  ///
  /// - Throws: when neither memory nor the disk has room.
  public func tensor(_ shape: Shape, _ dtype: DType, for operation: String) throws -> Tensor {
    guard self == .disk else {
      return try Tensor(uninitialized: shape, dtype, for: operation)
    }
    let file = try DiskFile(for: operation)
    try file.reserve(shape.count * dtype.byteCount)
    return try file.tensor(shape, dtype)
  }

  /// A file for rows whose number is not known yet; nil when they are kept in memory.
  ///
  /// - Throws: when there is no such file to be had.
  public func file(for operation: String) throws -> DiskFile? {
    self == .disk ? try DiskFile(for: operation) : nil
  }
}
