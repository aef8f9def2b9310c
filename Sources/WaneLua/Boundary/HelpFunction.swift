extension Function {
  /// `help`, for the namespace of any module.
  package static let help = Function(
    "help", "Says what a function, an object or a word is, with its options and an example.",
    signature: "help(anything) -> text",
    example: "print(wane.help(wane.help))"
  ) { context in
    context.results(try context.registry.help(context) ?? "no help for this value")
  }
}
