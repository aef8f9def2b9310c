import Testing
import WaneTensor

@Suite struct ShapeTests {
  @Test func countsElements() throws {
    #expect(try Shape([2, 3, 4]).count == 24)
    #expect(Shape.scalar.count == 1)
    #expect(try Shape([3, 0, 4]).count == 0)
    #expect(try Shape([1 << 48]).count == 1 << 48)
    #expect(try Shape([2, 3]).description == "2x3")
    #expect(Shape.scalar.description == "scalar")
  }

  static let refused: [([Int], String)] = [
    ([-1], "shape: extents must not be negative, got -1"),
    ([2, -3, 4], "shape: extents must not be negative, got 2x-3x4"),
    ([1 << 48, 2], "shape: too many elements in 281474976710656x2"),
    ([.max, .max], "shape: too many elements in 9223372036854775807x9223372036854775807"),
    ([.max, 0, .max], "shape: too many elements in 9223372036854775807x0x9223372036854775807"),
    ([0, 1 << 40, 1 << 40], "shape: too many elements in 0x1099511627776x1099511627776"),
    ([.min], "shape: extents must not be negative, got -9223372036854775808"),
  ]

  @Test(arguments: refused) func refuses(_ dimensions: [Int], _ message: String) {
    let error = #expect(throws: WaneError.self) { try Shape(dimensions) }
    #expect(error?.description == message)
  }

  @Test func broadcasts() throws {
    func result(_ a: [Int], _ b: [Int]) throws -> [Int] {
      try Shape(a).broadcast(with: Shape(b), operation: "add").dimensions
    }
    #expect(try result([2, 3], [2, 3]) == [2, 3])
    #expect(try result([2, 1], [3]) == [2, 3])
    #expect(try result([], [4, 5]) == [4, 5])
    #expect(try result([1], [0]) == [0])
    #expect(try result([7, 1, 5], [6, 1]) == [7, 6, 5])
    let error = #expect(throws: WaneError.self) { try result([2, 3], [4]) }
    #expect(error?.description == "add: shapes 2x3 and 4 do not broadcast")
    #expect(throws: WaneError.self) { try result([1 << 30, 1], [1, 1 << 30]) }
  }
}
