import Testing
import WaneNN
import WaneTensor

@testable import WaneFormats

@Suite(.serialized) struct CSVTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func table(
    _ text: String, separator: Character = ",", hasHeader: Bool? = nil
  ) throws -> CSVFile {
    try CSVFile(
      folder.write("a.csv", Array(text.utf8)), separator: separator, hasHeader: hasHeader)
  }

  private func message(_ text: String) -> String? {
    do {
      _ = try table(text).tensor()
      return nil
    } catch let error as WaneError {
      return error.message.replacing("cannot read '\(folder.path)/a.csv': ", with: "")
    } catch {
      Issue.record("\(error)")
      return nil
    }
  }

  @Test func readsNumbersWithAndWithoutNames() throws {
    let plain = try table("1,2\n3,4\n")
    #expect(plain.columns == [] && plain.rowCount == 2)
    #expect(try plain.tensor().array() == [1, 2, 3, 4] as [Float])
    #expect(try plain.tensor(columns: [1]).array() == [2, 4] as [Float])
    let named = try table("\u{FEFF}a,\"b\"\r\n 1 ,-2e3\r\nnan,inf")
    #expect(named.columns == ["a", "b"])
    let values: [Float] = try named.tensor().array()
    #expect(values[0] == 1 && values[1] == -2000 && values[2].isNaN && values[3] == .infinity)
    #expect(try named.column("b") == 1 && named.column(number: -2) == 0)
    #expect(try table("1,2\n3,4", hasHeader: true).rowCount == 1)
    #expect(try table("a;b\n1;2", separator: ";").tensor().shape.dimensions == [1, 2])
    #expect(try table("a\n\n1\n\n2\n").tensor().array() == [1, 2] as [Float])
    #expect(try table("").rowCount == 0)
    #expect(try table("").tensor().shape.dimensions == [0, 0])
  }

  @Test func labelsAreClassesOrTargets() throws {
    let words = try table("x,kind\n1,b\n2,a\n3,b\n").dataset(label: 1, name: "set")
    #expect(words.classNames == ["a", "b"] && words.labels.array() == [1, 0, 1] as [Int32])
    #expect(try words.inputs.array() == [1, 2, 3] as [Float])
    let whole = try table("1,0,5\n2,2,6\n").dataset(label: 1, name: "set")
    #expect(whole.labels.array() == [0, 2] as [Int32])
    #expect(try whole.inputs.array() == [1, 5, 2, 6] as [Float])
    #expect(try table("1,0.5\n2,1\n").dataset(label: 1, name: "set").labels.dtype == .f32)
    #expect(try table("1,-1\n2,1\n").dataset(label: 1, name: "set").labels.dtype == .f32)
  }

  @Test func saysWhichLineIsWrong() {
    #expect(message("1,2\n3\n") == "line 2 has 1 values, those before have 2")
    #expect(message("1,2\n3,4,\n") == "line 2 has 3 values, those before have 2")
    #expect(message("1,2\n3,x\n") == "line 2, column 2: a number expected, got 'x'")
    #expect(message("a,b\n3,\n") == "line 2, column 'b': a number expected, got ''")
    #expect(message("1,\"2\n3") == "line 1 begins a quoted value that does not end")
    #expect(message("1,\"2\"3\n") == "line 1 has text after a quoted value")
    #expect(message("1,2\n1,2\"3\n") == "line 2 has a quote inside a value")
    #expect(message("1,2\n1,\0\n") == "line 2 has a zero byte")
    #expect(message("a,b\n\"1\n1\",2\n") == "line 2, column 'a': a number expected, got '1\n1'")
    let long = String(repeating: "y", count: 99)
    #expect(message("1\n\(long)\n")?.hasSuffix("yyy...'") == true)
  }

  @Test func writesWhatItReads() throws {
    let path = folder.path + "/b.csv"
    let tensor = try Tensor([0.1, -1e-30, 3e8, .infinity] as [Float], Shape([2, 2]))
    try CSVFile.write(tensor, to: path, columns: ["a \"b\"", "c,d"])
    let back = try CSVFile(path)
    #expect(back.columns == ["a \"b\"", "c,d"])
    #expect(try back.tensor().isIdentical(to: tensor))
    try CSVFile.write(Tensor([1, 2] as [UInt8]), to: path)
    #expect(try folder.read("b.csv") == Array("1\n2\n".utf8))
    #expect(throws: WaneError.self) { try CSVFile.write(tensor, to: path, columns: ["a"]) }
    #expect(throws: WaneError.self) { try CSVFile.write(Tensor(scalar: 1), to: path) }
  }

  /// Any bytes give a table or an error.
  @Test func survivesAnyBytes() throws {
    var numbers = Numbers(state: 5)
    let alphabet = Array("1,2\"\n\r;. -e\0\u{FF}".utf8)
    for _ in 0..<400 {
      let length = Int.random(in: 0...40, using: &numbers)
      let bytes = (0..<length).map { _ in alphabet.randomElement(using: &numbers) ?? 0 }
      let path = try folder.write("c.csv", bytes)
      do {
        let table = try CSVFile(path)
        _ = try table.dataset(label: table.column(number: 1), name: "set")
      } catch let error as WaneError {
        #expect(!error.message.isEmpty)
      }
    }
  }
}
