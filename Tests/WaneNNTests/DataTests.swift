import Foundation
import Testing
import WaneTensor

@testable import WaneNN

@Suite struct DataTests {
  @Test func joinsSamplesAndLabels() throws {
    let data = try Samples.images(10)
    #expect(data.count == 10)
    #expect(data.sampleDimensions == [8, 8, 2])
    #expect(data.classCount == 4)
    let few = try data.slice(3..<6)
    #expect(few.count == 3)
    #expect(few.labels.array(Int32.self) == Array(data.labels.array(Int32.self)[3..<6]))
    #expect(try few.inputs.storageByteCount == data.inputs.storageByteCount, "nothing is copied")
    #expect(try data.slice(-5..<100).count == 10)
    #expect(try data.slice(20..<30).count == 0)
    #expect(try data.slice(10..<10).classCount == 0)
  }

  @Test func gathersAndShuffles() throws {
    let inputs = try Tensor((0..<12).map { UInt8($0) }, Shape([6, 2]))
    let data = try Dataset(inputs: inputs, labels: Tensor((0..<6).map { Int32($0) }))
    let some = try data.gather([5, 0, 5])
    #expect(try some.inputs.array(UInt8.self) == [10, 11, 0, 1, 10, 11])
    #expect(some.labels.array(Int32.self) == [5, 0, 5])
    let shuffled = try data.shuffled(seed: 3)
    #expect(shuffled.labels.array(Int32.self).sorted() == [0, 1, 2, 3, 4, 5])
    for (row, label) in shuffled.labels.array(Int32.self).enumerated() {
      #expect(try shuffled.inputs.array(UInt8.self)[2 * row] == UInt8(2 * label))
    }
    #expect(try data.gather([]).count == 0)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let images = try Samples.floats([3, 4], seed: 1)
    let labels = try Tensor([0, 1, 2] as [Int32])
    func message(_ inputs: Tensor, _ labels: Tensor) -> String? {
      Samples.message { _ = try Dataset(inputs: inputs, labels: labels, name: "set") }
    }
    #expect(
      message(images, try labels.rows(0..<2))
        == "set: inputs 3x4 and labels 2 differ in their number of samples")
    #expect(
      message(try Tensor(scalar: 1), labels)
        == "set: inputs scalar and labels 3 differ in their number of samples")
    #expect(
      message(images, try Tensor([1, 2, 3] as [UInt8]))
        == "set: labels must be i32 classes or f32 targets, got u8")
    #expect(
      message(try Tensor([1, 2, 3] as [Int8]), labels)
        == "set: inputs must be f32, i32 or u8, got i8")
    let data = try Dataset(inputs: images, labels: labels)
    #expect(Samples.message { _ = try data.gather([0, 3]) } == "gather: row 4 of 3")
    #expect(Samples.message { _ = try data.gather([-1]) } == "gather: row 0 of 3")
    #expect(Samples.message { _ = try data.gather([.min]) } != nil)
  }

  @Test func glorotIsUniformWithinItsLimit() throws {
    for (dimensions, fans) in [([300, 200], 500), ([3, 3, 40, 60], 900), ([5000], 5001)] {
      let values = try Initializer.glorotUniform.tensor(Shape(dimensions), seed: 4, stream: "a")
        .array(Float.self).map(Double.init)
      let limit = (6 / Double(fans)).squareRoot()
      let mean = values.reduce(0, +) / Double(values.count)
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
      // Five standard errors.
      let error = 5 * limit / (3 * Double(values.count)).squareRoot()
      #expect(abs(mean) < error)
      #expect(abs(variance / (limit * limit / 3) - 1) < 0.05)
      #expect((values.map(abs).max() ?? 0) <= limit)
      #expect((values.max() ?? 0) > 0.99 * limit && (values.min() ?? 0) < -0.99 * limit)
    }
  }

  @Test func initialValuesDependOnSeedAndName() throws {
    func values(_ seed: UInt64, _ name: String) throws -> [Float] {
      try Initializer.glorotUniform.tensor(Shape([4, 5]), seed: seed, stream: name).array()
    }
    #expect(try values(1, "a") == values(1, "a"))
    #expect(try values(1, "a") != values(2, "a"))
    #expect(try values(1, "a") != values(1, "b"))
    #expect(
      try Initializer.ones.tensor(Shape([3]), seed: 0, stream: "").array() == [1, 1, 1] as [Float])
    #expect(
      try Initializer.zeros.tensor(Shape([2]), seed: 0, stream: "").array() == [0, 0] as [Float])
    #expect(try Initializer.glorotUniform.tensor(.scalar, seed: 0, stream: "").count == 1)
    #expect(try Initializer.glorotUniform.tensor(Shape([0, 3]), seed: 0, stream: "").count == 0)
  }

  /// More than there is memory for is an error for every initial value.
  @Test(arguments: [Initializer.zeros, .ones, .glorotUniform])
  func hugeParametersAreErrors(_ initializer: Initializer) throws {
    let error = #expect(throws: WaneError.self) {
      try initializer.tensor(Shape([1 << 47]), seed: 0, stream: "a")
    }
    #expect(error?.kind == .memory)
  }
}
