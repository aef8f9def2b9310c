import Testing
import WaneTensor

@testable import WaneFormats

/// `.npy` and `.npz` files: what NumPy writes is read, what is written is NumPy's, and nothing that is
/// damaged passes or takes memory.
@Suite(.serialized) struct ArrayFileTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  /// A file as NumPy writes it.
  private func file(
    _ descr: String, _ shape: String, _ elements: [UInt8], order: String = "False",
    version: [UInt8] = [1, 0]
  ) throws -> String {
    let text = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }\n"
    let size = text.utf8.count
    let length = [UInt8(size & 0xFF), UInt8(size >> 8)] + (version[0] > 1 ? [0, 0] : [])
    return try folder.write(
      "a.npy", NPYHeader.magic + version + length + Array(text.utf8) + elements)
  }

  private func bytes<Value>(_ values: [Value]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }

  private func message(_ path: String) -> String? {
    do {
      _ = try path.hasSuffix("z") ? NPZFile.read(path).count : NPYFile.read(path).count
      return nil
    } catch let error as WaneError {
      #expect(error.kind == .io || error.kind == .memory, "\(error)")
      return error.message.replacing("cannot read '\(path)': ", with: "")
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func readsEveryElementType() throws {
    func values(_ descr: String, _ elements: [UInt8]) throws -> (dtype: DType, [Float]) {
      let tensor = try NPYFile.read(file(descr, "(2,)", elements))
      return (tensor.dtype, try tensor.converted(to: .f32).array())
    }
    #expect(try values("<f4", bytes([1.5, -2] as [Float])) == (.f32, [1.5, -2]))
    #expect(try values("<f8", bytes([1.5, -2] as [Double])) == (.f32, [1.5, -2]))
    #expect(try values("<f2", bytes([0x3E00, 0xC000] as [UInt16])) == (.f16, [1.5, -2]))
    #expect(try values("<i4", bytes([7, -8] as [Int32])) == (.i32, [7, -8]))
    #expect(try values("<i2", bytes([7, -8] as [Int16])) == (.i32, [7, -8]))
    #expect(try values("<i8", bytes([7, -8] as [Int64])) == (.i32, [7, -8]))
    #expect(try values("<u2", bytes([7, 65535] as [UInt16])) == (.i32, [7, 65535]))
    #expect(try values("<u4", bytes([7, 8] as [UInt32])) == (.i32, [7, 8]))
    #expect(try values("<u8", bytes([7, 8] as [UInt64])) == (.i32, [7, 8]))
    #expect(try values("|i1", [7, 0xFF]) == (.i8, [7, -1]))
    #expect(try values("|u1", [7, 0xFF]) == (.u8, [7, 255]))
    #expect(try values("|b1", [0, 5]) == (.bool, [0, 1]))
    #expect(try values(">i4", [0, 0, 1, 0, 0xFF, 0xFF, 0xFF, 0xFE]) == (.i32, [256, -2]))
    #expect(
      try values(">f8", bytes([(1.5 as Double).bitPattern.byteSwapped, 0])) == (.f32, [1.5, 0]))
  }

  @Test func readsBothOrdersOfAxesAndAllVersions() throws {
    let elements = bytes((0..<6).map { Float($0) })
    let fortran = try NPYFile.read(file("<f4", "(2, 3)", elements, order: "True"))
    #expect(fortran.shape.dimensions == [2, 3])
    #expect(fortran.array() == [0, 2, 4, 1, 3, 5] as [Float])
    for version in [[1, 0], [2, 0], [3, 0]] as [[UInt8]] {
      let plain = try NPYFile.read(file("<f4", "(3L, 2L)", elements, version: version))
      #expect(plain.shape.dimensions == [3, 2])
    }
    let scalar = try NPYFile.read(file("<f4", "()", bytes([9] as [Float])))
    #expect(scalar.shape == .scalar)
    #expect(try NPYFile.read(file("<f4", "(0, 5)", [])).shape.dimensions == [0, 5])
  }

  @Test func refusesWhatATensorCannotHold() throws {
    let two = bytes([1, 2] as [Int64])
    #expect(
      message(try file("<i8", "(2,)", bytes([1, 1 << 40] as [Int64])))
        == "element 2 of type 'i8' does not fit i32")
    #expect(
      message(try file("<c8", "(2,)", two))
        == "holds elements of type '<c8', which tensors cannot have")
    #expect(
      message(try file("|O", "(2,)", two))
        == "holds elements of type '|O', which tensors cannot have")
    #expect(
      message(try file("<f4", "(2, 3)", two))
        == "the file ends before its 2x3 elements of type '<f4'")
    let huge = "(99999999999, 99999999999, 99999999999)"
    #expect(message(try file("<f4", huge, two))?.hasPrefix("the file ends before its 9999") == true)
    #expect(message(try file("<f4", "(99999999999999999999,)", two)) == "claims too many elements")
    #expect(message(try file("<f4", "(1099511627776,)", two))?.contains("1099511627776") == true)
    for shape in ["(2,", "2", "(-2,)", "(2 3)", "(a,)", "((2,),)"] {
      #expect(message(try file("<f4", shape, two)) == "has a damaged header", "\(shape)")
    }
    let text = "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }\n"
    let records = try folder.write(
      "a.npy", NPYHeader.magic + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8) + two)
    #expect(message(records) == "holds records of several fields")
    #expect(message(try folder.write("a.npy", [])) == "the file ends too early")
    #expect(message(try folder.write("a.npy", Array("hello world".utf8))) == "is not an npy file")
    #expect(
      message(try file("<f4", "(2,)", two, version: [4, 0])) == "has the unknown version 4.0")
    #expect(message(folder.path + "/none.npy") == "No such file or directory")
    #expect(message(folder.path) == "Is a directory")
  }

  @Test func writesWhatItReads() throws {
    for dtype in DType.allCases {
      for shape in [[], [0], [5], [2, 3], [1, 2, 3, 4]] {
        let count = shape.reduce(1, *)
        let tensor = try Tensor(values: (0..<count).map { Double($0 % 2) }, Shape(shape), dtype)
        let path = folder.path + "/b.npy"
        try NPYFile.write(tensor, to: path)
        let back = try NPYFile.read(path)
        #expect(try back.converted(to: dtype).isIdentical(to: tensor), "\(dtype) \(shape)")
        #expect(back.dtype == (dtype == .bf16 ? .f32 : dtype))
        // Elements begin at a multiple of 64 bytes.
        #expect((try folder.read("b.npy").count - back.byteCount) % 64 == 0)
      }
    }
  }

  @Test(arguments: [false, true])
  func writesSeveralArrays(_ compresses: Bool) throws {
    let path = folder.path + "/c.npz"
    let arrays = [
      "x": try Tensor((0..<1000).map { Float($0 % 7) }, Shape([10, 100])),
      "labels/y": try Tensor([1, 2, 3] as [Int32]),
    ]
    try NPZFile.write(arrays, to: path, compresses: compresses)
    let back = try NPZFile.read(path)
    #expect(back.keys.sorted() == ["labels/y", "x"])
    for (name, tensor) in arrays { #expect(try back[name]?.isIdentical(to: tensor) == true) }
    #expect(try NPZFile.read(path, names: ["x"]).count == 1)
    #expect(try (folder.read("c.npz").count < 2000) == compresses)
    #expect(throws: WaneError.self) { try NPZFile.write([:], to: path) }
    #expect(throws: WaneError.self) { try NPZFile.write(["": Tensor(scalar: 1)], to: path) }
    #expect(folder.names == ["c.npz"], "nothing is left behind")
  }

  /// Cut at every length: always refused.
  @Test func refusesFilesThatWereCut() throws {
    let tensor = try Tensor((0..<40).map { Float($0) }, Shape([5, 8]))
    try NPYFile.write(tensor, to: folder.path + "/d.npy")
    let plain = try folder.read("d.npy")
    for length in 0..<plain.count {
      #expect(message(try folder.write("e.npy", Array(plain[..<length]))) != nil, "\(length)")
    }
    for compresses in [false, true] {
      try NPZFile.write(["x": tensor], to: folder.path + "/d.npz", compresses: compresses)
      let zip = try folder.read("d.npz")
      for length in 0..<zip.count {
        #expect(message(try folder.write("e.npz", Array(zip[..<length]))) != nil, "\(length)")
      }
    }
  }

  /// Every byte changed, to several values: an array of the same size, or an error; for a zip, whose
  /// entries have checksums, the same numbers or an error.
  @Test func survivesChangedBytes() throws {
    let tensor = try Tensor((0..<40).map { Float($0) }, Shape([5, 8]))
    try NPYFile.write(tensor, to: folder.path + "/d.npy")
    var bytes = try folder.read("d.npy")
    for index in 0..<128 {
      let original = bytes[index]
      for change in [1, 0x10, 0x80, 0xFF] as [UInt8] {
        bytes[index] = original ^ change
        let path = try folder.write("e.npy", bytes)
        if let back = try? NPYFile.read(path) { #expect(back.byteCount <= 40 * 8) }
        _ = message(path)
      }
      bytes[index] = original
    }
    try NPZFile.write(["x": tensor], to: folder.path + "/d.npz", compresses: true)
    bytes = try folder.read("d.npz")
    for index in bytes.indices {
      let original = bytes[index]
      for change in [1, 0x80, 0xFF] as [UInt8] {
        bytes[index] = original ^ change
        let path = try folder.write("e.npz", bytes)
        if let back = try? NPZFile.read(path).values.first {
          #expect(try back.isIdentical(to: tensor), "byte \(index)")
        }
        _ = message(path)
      }
      bytes[index] = original
    }
  }
}
