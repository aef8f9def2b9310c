import CKernels
import Testing
import WaneTensor

/// What cannot be seen from Lua, whose tests cover the results of every operation.
@Suite(.serialized) struct EagerTensorTests {
  private let matrix: Tensor

  init() throws {
    matrix = try Tensor([1, 2, 3, 4, 5, 6] as [Float], Shape([2, 3]))
  }

  @Test func axesCountFromZeroOrBackwards() throws {
    #expect(try matrix.reduced(.sum, axes: [0]).array(Float.self) == [5, 7, 9])
    #expect(try matrix.reduced(.sum, axes: [-1]).array(Float.self) == [6, 15])
    #expect(try matrix.reduced(.sum, axes: [0, 1], keepingAxes: true).shape.dimensions == [1, 1])
    #expect(throws: WaneError.self) { try matrix.reduced(.sum, axes: [2]) }
    #expect(throws: WaneError.self) { try matrix.reduced(.sum, axes: [0, -2]) }
  }

  @Test func positionsCountFromZeroUnlessToldOtherwise() throws {
    #expect(try matrix.positions(ofLargest: true, axis: 1).array(Int32.self) == [2, 2])
    #expect(try matrix.positions(ofLargest: true, axis: nil, first: 1).array(Int32.self) == [6])
    let rows = try matrix.gathered(Tensor([1, 0] as [Int32]), axis: 0)
    #expect(rows.array(Float.self) == [4, 5, 6, 1, 2, 3])
  }

  @Test func operationsOnViewsReadTheView() throws {
    let row = try matrix.rows(1..<2)
    #expect(try row.arithmetic(.add, .scalar(.integer(1))).array(Float.self) == [5, 6, 7])
    #expect(try row.swappingAxes(0, 1).array(Float.self) == [4, 5, 6])
    #expect(try row.reduced(.maximum).array(Float.self) == [6])
    #expect(try row.converted(to: .i32).array(Int32.self) == [4, 5, 6])
  }

  @Test func assignmentLeavesSharedMemoryAlone() throws {
    var changed = matrix
    let view = try changed.rows(0..<1)
    try changed.assign(.scalar(.integer(0)), to: [AxisSelection(start: 0, count: 1)])
    #expect(changed.array(Float.self) == [0, 0, 0, 4, 5, 6])
    #expect(view.array(Float.self) == [1, 2, 3])
    #expect(matrix.array(Float.self) == [1, 2, 3, 4, 5, 6])
  }

  @Test(arguments: [
    AxisSelection(start: 2, count: 1), AxisSelection(start: 0, count: 3),
    AxisSelection(start: -1, count: 1), AxisSelection(start: 0, count: 2, step: 2),
    AxisSelection(start: 0, count: 1, step: 0), AxisSelection(start: 0, count: -1),
    AxisSelection(start: .max, count: 1), AxisSelection(start: 1, count: 2, step: .max),
  ])
  func selectionsThatLeaveTheirAxisThrow(_ selection: AxisSelection) throws {
    #expect(throws: WaneError.self) { try matrix.selecting([selection]) }
    var target = matrix
    #expect(throws: WaneError.self) {
      try target.assign(.scalar(.integer(1)), to: [selection])
    }
  }

  @Test func theLastNumberOfALinspaceIsExact() throws {
    let line = try Tensor(from: 0.1, through: 0.7, count: 49)
    #expect(line.array(Float.self).last == 0.7)
    #expect(try Tensor(from: 3, through: 9, count: 1).array(Float.self) == [3])
  }

  @Test func numbersThatNoTypeHoldsThrow() throws {
    #expect(throws: WaneError.self) { try Scalar.real(.nan).whole(for: .i32, operation: "t") }
    #expect(throws: WaneError.self) { try Scalar.real(1e300).whole(for: .i32, operation: "t") }
    #expect(throws: WaneError.self) { try Scalar.integer(.min).whole(for: .i8, operation: "t") }
    #expect(throws: WaneError.self) {
      try Tensor(from: .integer(0), upTo: .real(1e300), by: .integer(1))
    }
    #expect(throws: WaneError.self) { try Tensor(identity: 1 << 40) }
  }
}
