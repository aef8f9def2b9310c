#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a file descriptor can show.
package enum Terminal {
  /// Whether it is a terminal that can redraw a line.
  package static func isCapable(_ descriptor: Int32) -> Bool {
    isatty(descriptor) != 0 && environment("TERM") != "dumb" && environment("TERM") != nil
  }

  /// Whether colours are welcome: on a capable terminal, and not with `NO_COLOR` (no-color.org).
  package static func wantsColor(_ descriptor: Int32) -> Bool {
    isCapable(descriptor) && (environment("NO_COLOR") ?? "").isEmpty
  }

  /// Columns; 80 where nobody knows.
  package static func width(_ descriptor: Int32) -> Int {
    var size = winsize()
    let known = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return known ? Int(size.ws_col) : environment("COLUMNS").flatMap { Int($0) } ?? 80
  }

  /// The value of an environment variable.
  package static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// Writes text at once, past any buffer.
  ///
  /// A terminal that is gone is ignored.
  package static func write(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in
      var offset = 0
      while offset < bytes.count, let start = bytes.baseAddress {
        #if canImport(Glibc)
          let written = Glibc.write(descriptor, start + offset, bytes.count - offset)
        #else
          let written = Musl.write(descriptor, start + offset, bytes.count - offset)
        #endif
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return }
        offset += written
      }
    }
  }
}
