/// How a student starts.
public enum ParameterTransfer: String, CaseIterable, Sendable {
  /// With the weights it has.
  case none
  /// With the teacher's most important filters and units, as many as it has room for.
  case slice
}
