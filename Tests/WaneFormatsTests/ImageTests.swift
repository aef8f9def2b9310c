import Foundation
import Testing
import WaneGraph
import WaneTensor

@testable import WaneFormats

/// Images of `Tests/Reference/make_images.py`.
private struct ImageFixtures: Decodable {
  struct Image: Decodable {
    let name: String
    let file: Data
    let height: Int
    let width: Int
    let tolerance: Int
    let rgb: [UInt8]
    let grey: [UInt8]
  }

  struct Resize: Decodable {
    struct Size: Decodable {
      let height: Int
      let width: Int
      let rgb: [UInt8]
    }
    let height: Int
    let width: Int
    let rgb: [UInt8]
    let sizes: [Size]
  }

  let images: [Image]
  let resize: Resize

  static func read() throws -> ImageFixtures {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let url = folder.appending(path: "Reference/fixtures/images.json")
    return try JSONDecoder().decode(ImageFixtures.self, from: Data(contentsOf: url))
  }
}

@Suite(.serialized) struct ImageTests {
  private let folder: Folder
  private let fixtures: ImageFixtures

  init() throws {
    folder = try Folder()
    fixtures = try ImageFixtures.read()
  }

  private func far(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard a.count == b.count else { return .max }
    return zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }

  @Test func decodesEveryKindOfFile() throws {
    #expect(fixtures.images.count == 10)
    for image in fixtures.images {
      let path = try folder.write("image", Array(image.file))
      let colours = try ImageFile.read(path)
      #expect(colours.shape.dimensions == [image.height, image.width, 3])
      #expect(far(colours.array(), image.rgb) <= image.tolerance, "\(image.name)")
      let grey = try ImageFile.read(path, channels: 1)
      #expect(grey.shape.dimensions == [image.height, image.width, 1])
      #expect(far(grey.array(), image.grey) <= image.tolerance, "\(image.name)")
    }
  }

  @Test func resizesAsTensorFlowDoes() throws {
    let source = try #require(fixtures.images.first { $0.name == "png_rgb" })
    #expect(source.rgb == fixtures.resize.rgb)
    let path = try folder.write("image", Array(source.file))
    for size in fixtures.resize.sizes {
      let scaled = try ImageFile.read(path, size: (size.height, size.width))
      #expect(far(scaled.array(), size.rgb) <= 1, "\(size.height)x\(size.width)")
    }
  }

  /// Cut at every length: always refused, and never for lack of memory.
  @Test func refusesImagesThatWereCut() throws {
    for image in fixtures.images {
      let bytes = Array(image.file)
      for length in 0..<bytes.count {
        // The end of a JPEG is two bytes that carry nothing but the end.
        if image.name.hasPrefix("jpeg"), length >= bytes.count - 2 { continue }
        let path = try folder.write("cut", Array(bytes[..<length]))
        let error = #expect(throws: WaneError.self, "\(image.name) at \(length)") {
          try ImageFile.read(path)
        }
        #expect(error?.kind == .io)
      }
    }
  }

  /// Every byte changed: an image or an error, nothing else.
  @Test func survivesChangedBytes() throws {
    for image in fixtures.images {
      var bytes = Array(image.file)
      for index in bytes.indices {
        let original = bytes[index]
        for change in [1, 0x40, 0xFF] as [UInt8] {
          bytes[index] = original ^ change
          do {
            _ = try ImageFile.read(folder.write("changed", bytes))
          } catch let error as WaneError {
            #expect(error.kind == .io && error.description.contains("cannot read"))
          }
        }
        bytes[index] = original
      }
    }
  }

  @Test func refusesExtentsThatTheFileCannotHave() throws {
    let source = try #require(fixtures.images.first { $0.name == "jpeg_grey" })
    var bytes = Array(source.file)
    // The frame header: FF C0, length, precision, height, width.
    let frame = try #require(
      bytes.indices.dropLast().first { bytes[$0...].starts(with: [0xFF, 0xC0]) })
    for index in 5...8 { bytes[frame + index] = 0xF0 }
    let error = #expect(throws: WaneError.self) { try ImageFile.read(folder.write("huge", bytes)) }
    #expect(error?.message.hasSuffix("is too short for its extents") == true)
  }
}
