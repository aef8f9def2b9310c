import Testing

@testable import WaneCompress

@Suite struct LuaPatternTests {
  /// Expected values are those of `string.find(text, pattern) ~= nil` in Lua 5.4.
  @Test(arguments: [
    ("conv", "block1/conv2", true), ("^conv", "block1/conv2", false),
    ("^block", "block1/conv2", true),
    ("conv%d$", "conv2", true), ("conv%d$", "conv2d", false), ("conv.*", "conv", true),
    ("conv.+", "conv", false), ("conv.", "conv", false), ("con?v", "cov", true),
    ("", "anything", true), ("", "", true), ("^$", "", true), ("^$", "x", false),
    ("[ab]c", "bc", true), ("[^ab]c", "bc", false), ("[a-c]+%d", "xcab7", true),
    ("[]]", "]", true), ("[^]]", "]", false), ("[]-a]", "]", true), ("[a-]", "-", true),
    ("[%a_][%w_]*", "9", false), ("[%a_][%w_]*", "_9", true), ("%.", "a.b", true),
    ("%.", "ab", false),
    ("%D", "123", false), ("%D", "12x", true), ("%S", " \t\n", false), ("%u%l", "aBc", true),
    ("%x%x%X", "fFg", true), ("%p", "a-b", true), ("%p", "ab", false), ("%c", "a\u{7}", true),
    ("%g", " ", false), ("a-b", "aaab", true), ("^a-$", "aaa", true), ("^a-$", "aab", false),
    ("(a*)%1b", "aab", true), ("^(a)(b)%2%1$", "abba", true), ("^(a)(b)%2%1$", "abab", false),
    ("^(%w+)/%1$", "ab/ab", true), ("^(%w+)/%1$", "ab/ac", false), ("()a()", "a", true),
    ("%b()", "f(a(b)c)", true), ("^%b()$", "(a(b)c)", true), ("^%b()$", "(a)(b)", false),
    ("%b()", "((a)", true), ("%b()", "(a", false), ("%f[%w]conv%f[%W]", "a conv b", true),
    ("%f[%w]conv%f[%W]", "aconv b", false), ("%f[%w]conv%f[%W]", "conv", true),
    ("a$b", "a$b", true), ("x^y", "x^y", true), ("^^a", "^a", true), ("-", "a-b", true),
    ("*a", "*a", true), ("dense_?%d*$", "dense_12", true), ("é", "café", true),
  ])
  func findsWhatLuaFinds(pattern: String, text: String, expected: Bool) throws {
    #expect(try LuaPattern(pattern).isFound(in: text) == expected, "\(pattern) in \(text)")
  }

  @Test(arguments: [
    ("%", "malformed pattern '%': ends with '%'"), ("[a", "malformed pattern '[a': missing ']'"),
    ("[]", "malformed pattern '[]': missing ']'"), ("[^]", "malformed pattern '[^]': missing ']'"),
    ("[%", "malformed pattern '[%': missing ']'"),
    ("(a", "malformed pattern '(a': unfinished capture"),
    ("a)", "malformed pattern 'a)': unexpected ')'"),
    ("%1", "malformed pattern '%1': there is no capture %1 to refer to"),
    ("(a%1)", "malformed pattern '(a%1)': there is no capture %1 to refer to"),
    ("%0", "malformed pattern '%0': there is no capture %0 to refer to"),
    ("%b(", "malformed pattern '%b(': '%b' wants two characters"),
    ("%f", "malformed pattern '%f': missing '[' after '%f'"),
  ])
  func malformedPatternsAreErrors(pattern: String, text: String) {
    #expect(Fixture.message { _ = try LuaPattern(pattern) } == "pattern: " + text)
  }

  @Test func aPatternThatTakesForeverIsAnError() throws {
    let pattern = try LuaPattern(String(repeating: "a*", count: 30) + "b")
    let text = String(repeating: "a", count: 60)
    #expect(Fixture.message { _ = try pattern.isFound(in: text) }.contains("too complex"))
  }

  @Test func deepCapturesAreErrors() {
    #expect(
      Fixture.message { _ = try LuaPattern(String(repeating: "()", count: 33)) }
        .contains("too many captures"))
  }
}
