import WaneTensor

extension TridiagonalForm {
  /// Turns that one eigenvalue may take: most take two, and Wilkinson's shift makes thirty unheard of.
  private static let mostTurns = 60
  /// Elements of a matrix whose largest is one that count as zero, since their squares are.
  private static let nothing = 1e-140

  /// Makes the diagonal the eigenvalues and the vectors those of the whole matrix, by implicit QL steps
  /// (Golub and Van Loan, Matrix Computations, 4th edition, 2013, section 8.3.3, from the other end).
  ///
  /// - Throws: what `poll` throws.
  mutating func diagonalize(poll: () throws -> Void) throws {
    var rotations = PlaneRotations()
    for first in 0..<size {
      var turns = 0
      while true {
        let last = endOfBlock(from: first)
        if last == first { break }
        turns += 1
        guard turns <= Self.mostTurns else {
          throw WaneError("eigenvalues", "number \(first + 1) of \(size) does not settle")
        }
        step(first, last, &rotations)
        if rotations.isFull { try rotations.apply(to: &vectors, width: size, poll) }
      }
    }
    try rotations.apply(to: &vectors, width: size, poll)
  }

  /// The last row that hangs together with a row, or that row.
  private mutating func endOfBlock(from first: Int) -> Int {
    var row = first
    while row < size - 1 {
      let around = diagonal[row].magnitude + diagonal[row + 1].magnitude
      if beside[row].magnitude <= max(Double.ulpOfOne / 2 * around, Self.nothing) { break }
      row += 1
    }
    beside[row] = 0
    return row
  }

  /// One step of QL on rows `first` to `last`, with the eigenvalue of the first two rows that is nearer to
  /// the first for a shift.
  private mutating func step(_ first: Int, _ last: Int, _ rotations: inout PlaneRotations) {
    let half = (diagonal[first + 1] - diagonal[first]) / (2 * beside[first])
    let root = (half * half + 1).squareRoot()
    var g = diagonal[last] - diagonal[first] + beside[first] / (half + (half < 0 ? -root : root))
    var (sine, cosine, moved) = (1.0, 1.0, 0.0)
    for row in (first..<last).reversed() {
      let f = sine * beside[row]
      let b = cosine * beside[row]
      let length = (f * f + g * g).squareRoot()
      beside[row + 1] = length
      guard length > 0 else {
        // The block has fallen in two.
        diagonal[row + 1] -= moved
        beside[last] = 0
        return
      }
      sine = f / length
      cosine = g / length
      g = diagonal[row + 1] - moved
      let turned = (diagonal[row] - g) * sine + 2 * cosine * b
      moved = sine * turned
      diagonal[row + 1] = g + moved
      g = cosine * turned - b
      rotations.append(row, cosine: cosine, sine: sine)
    }
    diagonal[first] -= moved
    beside[first] = g
    beside[last] = 0
  }
}

/// Rotations of neighbouring rows, kept until there are enough to apply them to a few columns at a time,
/// which then stay in the cache.
private struct PlaneRotations {
  private var list: [(row: Int, cosine: Double, sine: Double)] = []

  private static let most = 1 << 16
  private static let columnsAtOnce = 32

  /// Whether it is time to apply them.
  var isFull: Bool { list.count >= Self.most }

  /// Adds one of rows `row` and `row + 1`.
  mutating func append(_ row: Int, cosine: Double, sine: Double) {
    list.append((row, cosine, sine))
  }

  /// Rotates the rows of a square matrix and forgets the rotations.
  ///
  /// - Throws: what `poll` throws.
  mutating func apply(to matrix: inout [Double], width: Int, _ poll: () throws -> Void) throws {
    try matrix.withUnsafeMutableBufferPointer { matrix in
      guard let base = matrix.baseAddress else { return }
      for column in stride(from: 0, to: width, by: Self.columnsAtOnce) {
        try poll()
        let count = min(Self.columnsAtOnce, width - column)
        for (row, cosine, sine) in list {
          let low = base + row * width + column
          let high = low + width
          for index in 0..<count {
            let (x, y) = (low[index], high[index])
            low[index] = cosine * x - sine * y
            high[index] = sine * x + cosine * y
          }
        }
      }
    }
    list.removeAll(keepingCapacity: true)
  }
}
