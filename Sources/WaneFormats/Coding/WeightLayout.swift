/// How the values of a parameter lie in the file, for the contexts of its model.
///
/// A parameter is a matrix: its last axis, the output channels, has the columns, everything before it
/// the rows. Rows repeat in groups of `channels`, the input channels, one group a place of the window
/// or image; `width` places make one line of it. What has no places (a plain dense layer) is one
/// group.
struct WeightLayout: Equatable {
  /// Output channels.
  var columns: Int
  /// Rows of a place.
  var channels: Int
  /// Places of a line.
  var width: Int

  /// The layout that follows from a shape alone: Keras's `height x width x input x output`, or
  /// `input x output`.
  init(shape: [Int]) {
    columns = shape.last ?? 1
    channels = shape.count > 1 ? shape[shape.count - 2] : 1
    width = shape.count > 3 ? shape[shape.count - 3] : 1
  }

  /// The layout of a matrix whose rows are the places of a flattened image.
  init(columns: Int, channels: Int, width: Int) {
    self.columns = columns
    self.channels = channels
    self.width = width
  }
}
