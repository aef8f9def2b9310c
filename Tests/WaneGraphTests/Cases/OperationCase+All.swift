extension OperationCase {
  /// Every operation, each in the forms that differ.
  static let all =
    leaves + elementwise + shapes + convolutions + poolings + denseLayers + normalizations + losses
    + constraints + quantizations + arithmetic + axes + sequences + targetLosses + feedForward
    + orders + codeEntropies + relations
}
