/// Numbers as CSV files hold them.
enum CSVNumber {
  /// The powers of ten that a double has exactly.
  private static let powers: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  /// The number that a text stands for, spaces around it left out; nil for other text.
  ///
  /// A whole number below 2^53 times or over a power of ten that a double has is rounded once and so
  /// right (Clinger, How to Read Floating Point Numbers Accurately, 1990); the rest takes the long way.
  static func value(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    var (start, end) = (0, text.count)
    while start < end, text[start] == 32 { start += 1 }
    while end > start, text[end - 1] == 32 { end -= 1 }
    guard start < end else { return nil }
    let number = UnsafeBufferPointer(rebasing: text[start..<end])
    return short(number) ?? Double(String(decoding: number, as: UTF8.self))
  }

  private static func short(_ text: UnsafeBufferPointer<UInt8>) -> Double? {
    var index = 0
    let isNegative = text[0] == UInt8(ascii: "-")
    if isNegative || text[0] == UInt8(ascii: "+") { index = 1 }
    var (mantissa, digits, exponent): (UInt64, Int, Int) = (0, 0, 0)
    var hasPoint = false
    while index < text.count {
      let byte = text[index]
      if byte >= 48, byte <= 57 {
        guard digits < 18 else { return nil }
        mantissa = mantissa * 10 + UInt64(byte - 48)
        digits += 1
        if hasPoint { exponent -= 1 }
      } else if byte == UInt8(ascii: "."), !hasPoint {
        hasPoint = true
      } else {
        break
      }
      index += 1
    }
    guard digits > 0, mantissa < 1 << 53 else { return nil }
    if index < text.count {
      guard text[index] | 32 == UInt8(ascii: "e"), let power = smallPower(text, from: index + 1)
      else { return nil }
      exponent += power
    }
    guard abs(exponent) < powers.count else { return nil }
    let value = Double(mantissa)
    let result = exponent < 0 ? value / powers[-exponent] : value * powers[exponent]
    return isNegative ? -result : result
  }

  /// The one or two digits, with a sign maybe, that a text ends in.
  private static func smallPower(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    var index = start
    guard index < text.count else { return nil }
    let isNegative = text[index] == UInt8(ascii: "-")
    if isNegative || text[index] == UInt8(ascii: "+") { index += 1 }
    guard index < text.count, text.count - index <= 2 else { return nil }
    var result = 0
    while index < text.count {
      guard text[index] >= 48, text[index] <= 57 else { return nil }
      result = result * 10 + Int(text[index] - 48)
      index += 1
    }
    return isNegative ? -result : result
  }
}
