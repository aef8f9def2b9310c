import Testing
import WaneTensor

@Suite struct DiskFileTests {
  @Test func tensorsOfFilesAreTensors() throws {
    let written = try DiskFile(for: "test")
    let values = (0..<5000).map { Float($0) }
    for part in [0..<1, 1..<4097, 4097..<5000] {
      try values[part].withUnsafeBytes { try written.append($0) }
    }
    let tensor = try written.tensor(Shape([50, 100]), .f32)
    #expect(tensor.array(Float.self) == values)

    let reserved = try DiskFile(for: "test")
    try reserved.reserve(1000)
    var bytes = try reserved.tensor(Shape([1000]), .u8)
    #expect(bytes.array(UInt8.self).allSatisfy { $0 == 0 })
    let before = bytes
    try bytes.withMutableBytes { $0[999] = 7 }
    #expect(bytes.array(UInt8.self)[999] == 7)
    // A copy stays what it was, though the file is mapped for writing.
    #expect(before.array(UInt8.self)[999] == 0)
    #expect(try DiskFile(for: "test").tensor(Shape([0, 3]), .f32).count == 0)
  }

  @Test func saysWhatIsWrong() throws {
    let error = #expect(throws: WaneError.self) {
      try DiskFile(for: "test", in: "/nowhere")
    }
    #expect(
      error?.description == "test: '/nowhere': cannot create a file: No such file or directory")
    #expect(error?.kind == .io)
    let file = try DiskFile(for: "test")
    try file.reserve(12)
    let other = #expect(throws: WaneError.self) { try file.tensor(Shape([4]), .f32) }
    #expect(other?.message == "12 bytes do not fill 4 f32")
    #expect(throws: WaneError.self) { try file.reserve(1 << 60) }
  }
}
