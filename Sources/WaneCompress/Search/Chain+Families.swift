extension Chain {
  /// The kinds of chain to begin with, the more promising first.
  ///
  /// - Parameter isForBytes: whether the size of the file matters; where it does not, neither do zeros
  ///   and shared values.
  /// - Returns: chains whose dials are to be turned.
  static func families(isForBytes: Bool) -> [Chain] {
    func chain(_ change: (inout Chain) -> Void) -> Chain {
      var chain = Chain()
      chain.teacherShare = 0.5
      change(&chain)
      return chain
    }
    guard isForBytes else {
      return [
        chain { $0.dial = .filters },
        chain { ($0.dial, $0.values) = (.filters, .integers(8)) },
        chain { $0.dial = .energy },
        chain { ($0.dial, $0.values) = (.energy, .integers(8)) },
        chain { ($0.dial, $0.filters) = (.energy, 0.25) },
        chain { ($0.dial, $0.values) = (.bits, .integers(8)) },
        chain {
          $0.dial = .filters
          $0.teacherShare = nil
        },
      ]
    }
    return [
      chain { $0.dial = .coded },
      chain { ($0.dial, $0.filters) = (.coded, 0.25) },
      chain { $0.values = .integers(4) },
      chain { ($0.filters, $0.values) = (0.5, .integers(4)) },
      chain { $0.values = .shared(12) },
      chain { ($0.filters, $0.values) = (0.25, .integers(4)) },
      chain { $0.values = .integers(3) },
      chain { ($0.dial, $0.filters) = (.coded, 0.5) },
      chain { ($0.filters, $0.values) = (0.5, .shared(12)) },
      chain { ($0.filters, $0.values) = (0.4, .integers(3)) },
      chain { ($0.energy, $0.values) = (0.9, .integers(4)) },
      chain { $0.values = .integers(8) },
      chain { ($0.dial, $0.values) = (.filters, .integers(4)) },
      chain { $0.dial = .bits },
      chain { $0.dial = .clusters },
      chain { ($0.filters, $0.values) = (0.65, .integers(4)) },
      chain {
        $0.values = .integers(4)
        $0.teacherShare = nil
      },
      chain { ($0.energy, $0.values) = (0.8, .shared(16)) },
      chain { ($0.dial, $0.values) = (.filters, .integers(8)) },
      chain { _ in },
    ]
  }
}
