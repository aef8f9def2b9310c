import WaneTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Data sets that come with the system.
public enum SystemDatasets {
  /// Where Debian's package puts it.
  private static let fashionMNISTFolder = "/usr/share/datasets/fashion-mnist"

  /// Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017): 60 000 and 10 000 images of clothes, 28 x 28
  /// grey bytes, ten classes.
  ///
  /// - Throws: when it is not installed, saying what to install.
  public static func fashionMNIST() throws -> (train: Dataset, test: Dataset) {
    guard access(fashionMNISTFolder, R_OK) == 0 else {
      throw WaneError(
        "fashion_mnist",
        "the data set is not installed: sudo apt-get install dataset-fashion-mnist",
        kind: .io)
    }
    return try mnistFamily(fashionMNISTFolder, name: "fashion_mnist")
  }

  /// A training and a test set from the four files of a folder, named as MNIST's are, plain or
  /// gzip.
  ///
  /// - Throws: when one is missing or damaged.
  public static func mnistFamily(_ folder: String, name: String) throws -> (
    train: Dataset, test: Dataset
  ) {
    func part(_ prefix: String, _ name: String) throws -> Dataset {
      try IDXFile.dataset(
        images: file(folder, "\(prefix)-images", "idx3-ubyte"),
        labels: file(folder, "\(prefix)-labels", "idx1-ubyte"), name: name)
    }
    return (try part("train", "\(name) train"), try part("t10k", "\(name) test"))
  }

  /// The name varies between copies of these data sets: a dash or a dot, with or without `.gz`.
  private static func file(_ folder: String, _ stem: String, _ kind: String) throws -> String {
    let candidates = ["-", "."].flatMap { dash in
      ["", ".gz"].map { "\(folder)/\(stem)\(dash)\(kind)\($0)" }
    }
    if let found = candidates.first(where: { access($0, F_OK) == 0 }) { return found }
    throw WaneError("data", "there is no '\(candidates[0])' (nor with .gz)", kind: .io)
  }
}
