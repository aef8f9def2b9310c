#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Logarithms, for axes.
enum Logarithm {
  /// To base 10.
  static func of(_ value: Double) -> Double { log10(value) }

  /// 10 to a power.
  static func power(_ exponent: Double) -> Double { pow(10, exponent) }
}
