import Testing
import WaneTensor

@Suite struct TensorTests {
  @Test func isAValue() throws {
    var a = try Tensor([1, 2, 3] as [Float])
    let b = a
    try a.withMutableElements(Float.self) { $0[1] = 9 }
    #expect(a.array(Float.self) == [1, 9, 3])
    #expect(b.array(Float.self) == [1, 2, 3])
  }

  @Test func viewsShareMemoryUntilWritten() throws {
    let whole = try Tensor((0..<12).map(Float.init), Shape([4, 3]))
    var rows = try whole.rows(1..<3)
    #expect(rows.shape.dimensions == [2, 3])
    #expect(rows.array(Float.self) == [3, 4, 5, 6, 7, 8])
    #expect(rows.storageByteCount == 48)
    var flat = try rows.reshaped(Shape([6]))
    try rows.withMutableElements(Float.self) { $0[0] = -1 }
    try flat.withMutableElements(Float.self) { $0[5] = -2 }
    #expect(whole.array(Float.self) == (0..<12).map(Float.init))
    #expect(rows.array(Float.self) == [-1, 4, 5, 6, 7, 8])
    #expect(flat.array(Float.self) == [3, 4, 5, 6, 7, -2])
    #expect(rows.storageByteCount == 24)
  }

  @Test func aViewOfTheStartIsCopiedToo() throws {
    var whole = try Tensor((0..<6).map(Float.init), Shape([3, 2]))
    let first = try whole.rows(0..<1)
    try whole.withMutableElements(Float.self) { $0[0] = 5 }
    #expect(first.array(Float.self) == [0, 1])
    #expect(whole.array(Float.self)[0] == 5)
  }

  @Test func holdsNothing() throws {
    let empty = try Tensor([Float](), Shape([0, 3]))
    #expect(empty.count == 0)
    #expect(try empty.rows(0..<0).shape.dimensions == [0, 3])
    #expect(try empty.copied().array(Float.self) == [])
  }

  @Test func everyElementType() throws {
    #expect(try Tensor([1, -2] as [Int32]).dtype == .i32)
    #expect(try Tensor([1, 255] as [UInt8]).array(UInt8.self) == [1, 255])
    #expect(try Tensor([1, -128] as [Int8]).array(Int8.self) == [1, -128])
    #expect(try Tensor([1] as [Int8]).array(Float.self) == [])
    #expect(try Tensor(zeros: Shape([3]), .bool).array(UInt8.self) == [])
    for dtype in DType.allCases {
      #expect(DType(name: dtype.description) == dtype)
      #expect(try Tensor(zeros: Shape([5]), dtype).byteCount == 5 * dtype.byteCount)
    }
    #expect(DType(name: "f64") == nil)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let tensor = try Tensor([1, 2, 3] as [Float])
    func message(_ body: () throws -> Tensor) -> String? {
      #expect(throws: WaneError.self) { try body() }?.description
    }
    #expect(
      message { try Tensor([1, 2] as [Float], Shape([3])) }
        == "tensor: 2 elements do not fill shape 3")
    #expect(message { try tensor.reshaped(Shape([2])) } == "reshape: 3 has 3 elements, 2 has 2")
    #expect(message { try tensor.rows(2..<4) } == "slice: rows 3..4 of 3")
    #expect(message { try tensor.rows(-1..<1) } == "slice: rows 0..1 of 3")
    #expect(message { try Tensor(scalar: 1).rows(0..<1) } == "slice: a scalar has no rows")
  }

  @Test func hugeTensorsAreErrors() throws {
    let error = #expect(throws: WaneError.self) {
      try Tensor(uninitialized: Shape([1 << 48]), for: "predict")
    }
    #expect(error?.kind == .memory)
    #expect(error?.description == "predict: not enough memory for 1125899906842624 bytes")
  }
}
