/// How a student starts.
public enum ParameterTransfer: String, CaseIterable, Sendable {
  /// With the weights it has.
  case none
  /// With the teacher's most important filters and units, as many as it has room for.
  case slice
  /// With the means of as many groups of alike filters of the teacher as it has filters.
  case average
  /// With those of the teacher's filters that are most like its own.
  case match
  /// With whole layers of the teacher that have the shape of its own, at even distances (Sanh et al.,
  /// DistilBERT, 2019).
  case layers
}
