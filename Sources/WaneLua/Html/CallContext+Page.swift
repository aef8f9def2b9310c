import WaneFormats

extension CallContext {
  /// Ends `object:html([path])`: with a path the page is written there; it is the result in any case.
  func page(_ text: String) throws -> Outcome {
    if !isNone(2) { try TextFile.write(text, to: string(2)) }
    return results(text)
  }
}
