import WaneTensor

/// The letters of an equation of Einstein's sum, checked against the operands.
struct EinsumLetters {
  /// A letter for each axis of each operand.
  let inputs: [[Character]]
  /// A letter for each axis of the result.
  let output: [Character]

  /// Reads an equation.
  ///
  /// - Parameters:
  ///   - equation: terms between commas, and a result behind an arrow; without an arrow the result
  ///     has the letters that occur once, in alphabetical order.
  ///   - operands: the extents of each operand.
  /// - Throws: when the letters do not fit the operands or their extents differ.
  init(_ equation: String, extents operands: [[Int]]) throws {
    func fail(_ message: String) -> WaneError {
      WaneError("einsum", "\(message) in '\(equation)'")
    }
    let text = equation.filter { $0 != " " }
    let sides = text.split(separator: "->", omittingEmptySubsequences: false)
    guard (1...2).contains(sides.count) else { throw fail("one arrow expected") }
    inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(Array.init)
    guard text.allSatisfy({ $0.isASCII && ($0.isLetter || ",->".contains($0)) }) else {
      throw fail("letters, commas and an arrow expected")
    }
    guard inputs.count == operands.count else {
      throw fail("\(operands.count) operands for \(inputs.count) terms")
    }
    var extents: [Character: Int] = [:]
    for (axes, operand) in zip(inputs, operands) {
      guard axes.count == operand.count else {
        throw fail("'\(String(axes))' does not name the axes of shape \(Shape.text(operand))")
      }
      for (letter, extent) in zip(axes, operand) {
        guard extents[letter, default: extent] == extent else {
          throw fail("'\(letter)' is \(extents[letter] ?? 0) and \(extent)")
        }
        extents[letter] = extent
      }
    }
    if sides.count == 2 {
      output = Array(sides[1])
    } else {
      let all = inputs.flatMap { $0 }
      output = Set(all).filter { letter in all.count { $0 == letter } == 1 }.sorted()
    }
    guard Set(output).count == output.count, output.allSatisfy({ extents[$0] != nil }) else {
      throw fail("the result '\(String(output))' must name axes of the operands, each once")
    }
  }
}
