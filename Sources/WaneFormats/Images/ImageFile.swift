import CImage
import CKernels
import WaneTensor

/// PNG and JPEG files, told by content.
public enum ImageFile {
  /// More pixels than any camera gives.
  static let mostPixels = 1 << 27
  /// More bytes than any image has.
  private static let mostBytes = 1 << 30

  /// Reads an image as bytes `[H, W, C]`.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - channels: 1 for grey, 3 for red, green and blue.
  ///   - size: the extents to scale it to; nil for its own.
  /// - Returns: the pixels.
  /// - Throws: with path and reason when it cannot be read or is damaged.
  public static func read(
    _ path: String, channels: Int = 3, size: (height: Int, width: Int)? = nil
  ) throws -> Tensor {
    let image = try EncodedImage(path)
    let size = size ?? (image.height, image.width)
    try check(channels: channels, size)
    var result = try Tensor(
      uninitialized: Shape([size.height, size.width, channels]), .u8, for: "image")
    try result.withMutableElements(UInt8.self) { target in
      guard let base = target.baseAddress else { return }
      try image.decode(channels: channels, height: size.height, width: size.width, to: base)
    }
    return result
  }

  /// Refuses channels and extents that no image has.
  static func check(channels: Int, _ size: (height: Int, width: Int)) throws {
    guard channels == 1 || channels == 3 else {
      throw WaneError("image", "channels must be 1 or 3, got \(channels)")
    }
    guard (1...65535).contains(size.height), (1...65535).contains(size.width),
      size.height * size.width <= mostPixels
    else {
      throw WaneError("image", "the size must be 1 to 65535, got \(size.height)x\(size.width)")
    }
  }

  /// The bytes of an image file, and its extents.
  struct EncodedImage {
    private let path: String
    private let bytes: [UInt8]
    private var image = wane_image()

    var height: Int { Int(image.height) }
    var width: Int { Int(image.width) }

    init(_ path: String) throws {
      self.path = path
      let source = try FileSource(path, for: "image")
      guard source.count <= ImageFile.mostBytes else {
        throw FileSource.error("image", path, "has \(source.count) bytes")
      }
      bytes = try source.bytes(at: 0, count: source.count)
      let status = bytes.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { wane_image_measure($0, bytes.count, &image) }
      }
      guard status != nil else { throw FileSource.error("image", path, "the file is empty") }
      guard status == 0 else { throw failure(image) }
      guard height * width <= ImageFile.mostPixels else {
        throw FileSource.error("image", path, "has \(height)x\(width) pixels")
      }
    }

    /// Decodes and scales the image to as many bytes as pixels and channels.
    func decode(
      channels: Int, height: Int, width: Int, to target: UnsafeMutablePointer<UInt8>
    ) throws {
      let pixels = try Storage(byteCount: self.height * self.width * 3, for: "image")
      let source = pixels.pointer.assumingMemoryBound(to: UInt8.self)
      var image = image
      let status = bytes.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map {
          wane_image_decode($0, bytes.count, Int32(channels), &image, source)
        }
      }
      guard status == 0 else { throw failure(image) }
      if height == self.height, width == self.width {
        return target.update(from: source, count: height * width * channels)
      }
      wane_resize_u8(
        source, image.height, image.width, Int32(channels), target, Int32(height), Int32(width))
    }

    private func failure(_ image: wane_image) -> WaneError {
      let reason = withUnsafeBytes(of: image.message) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      return FileSource.error("image", path, reason)
    }
  }
}
