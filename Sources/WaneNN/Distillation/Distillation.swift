import WaneGraph
import WaneTensor

/// What a model learns from besides the labels: teachers, or peers that learn with it.
///
///     loss = alpha * answers + (1 - alpha) * labels + sum of the lessons, each with its weight
///
/// What the answers lack depends on what the loss of the labels compares:
///
///     classes:   T^2 * KL(softmax(teacher / T) || softmax(student / T))   (Hinton et al., 2015)
///     answers:   T^2 * binary cross entropy of sigmoid(student / T) to sigmoid(teacher / T)
///     numbers:   the mean squared difference
public struct Distillation: Sendable {
  /// The teachers.
  ///
  /// They do not change. Of several, the mean of their distributions is learned.
  public var teachers: [Graph]
  /// Models that learn beside the student, each from the answers of all others (Zhang et al., Deep
  /// Mutual Learning, 2018).
  public var peers: [Graph] = []
  /// How soft distributions are made.
  public var temperature: Float
  /// The weight of the answers against the labels, in [0, 1].
  public var alpha: Float
  /// Whether logits are brought to mean 0 and variance 1 before they are compared, so that a student
  /// need not match their size (Sun et al., Logit Standardization in Knowledge Distillation, 2024).
  public var isStandardized = false
  /// What is learned from the inside of the teacher.
  public var lessons: [Lesson] = []
  /// Whether teachers are asked once for the whole run, about the samples as they are; otherwise in
  /// every step, about the samples as they are trained on.
  public var keepsAnswers = true
  /// Whether only the lessons count: neither answers nor labels (the first stage of Romero et al.,
  /// FitNets, 2015).
  public var isHintsOnly = false
  /// What the squared differences of a teacher's layers are multiplied by; 1 where nothing was
  /// measured.
  var scales: [String: Float] = [:]

  /// Creates a distillation from one teacher.
  ///
  /// - Throws: when temperature or alpha is out of range.
  public init(teacher: Graph, temperature: Float = 2, alpha: Float = 0.5) throws {
    try self.init(teachers: [teacher], temperature: temperature, alpha: alpha)
  }

  /// Creates a distillation from several teachers, or none where only peers are learned from.
  ///
  /// - Throws: when temperature or alpha is out of range.
  public init(
    teachers: [Graph], peers: [Graph] = [], temperature: Float = 2, alpha: Float = 0.5
  ) throws {
    _ = try DistillationLoss(temperature: temperature)
    guard (0...1).contains(alpha) else {
      throw WaneError("distill", "alpha must be in [0, 1], got \(alpha)")
    }
    self.teachers = teachers
    self.peers = peers
    self.temperature = temperature
    self.alpha = alpha
  }

  /// Whether anybody's answers are learned from the teachers.
  var asksTeachers: Bool { !teachers.isEmpty && alpha > 0 && !isHintsOnly }

  /// Whether a training graph holds the teachers, rather than taking their answers from outside.
  var embedsTeachers: Bool {
    !teachers.isEmpty && (!lessons.isEmpty || (asksTeachers && !keepsAnswers))
  }
}

/// Something that a student learns from the inside of its teacher.
public struct Lesson: Sendable, Equatable {
  /// What is compared.
  public enum Kind: Hashable, Sendable {
    /// Values of layers: the mean squared difference, in units of the teacher's mean square, after a
    /// trained projection where widths differ (Romero et al., FitNets, 2015).
    case features
    /// Where layers are active: maps of the mean square over channels, of length one, and the sum of
    /// their squared differences (Zagoruyko and Komodakis, Paying More Attention to Attention, 2017).
    case attention
    /// How the samples of a batch lie to each other.
    case relations(RelationKind)
  }

  /// The layers that belong together.
  public struct Pair: Sendable, Equatable {
    /// The path of the student's layer.
    public var student: String
    /// The path of the teacher's layer.
    public var teacher: String

    /// Pairs two layers.
    public init(student: String, teacher: String) {
      self.student = student
      self.teacher = teacher
    }
  }

  /// What is compared.
  public var kind: Kind
  /// Its weight in the loss; divided by the number of pairs.
  public var weight: Float
  /// Where; found by depth and size when nil.
  public var pairs: [Pair]?

  /// Creates a lesson.
  ///
  /// - Throws: when the weight is not a number of at least 0, or no pairs are given.
  public init(_ kind: Kind, weight: Float = 1, pairs: [Pair]? = nil) throws {
    guard weight >= 0, weight.isFinite else {
      throw WaneError("distill", "the weight of a lesson must be at least 0, got \(weight)")
    }
    guard pairs?.isEmpty != true else {
      throw WaneError("distill", "a lesson needs at least one pair of layers")
    }
    self.kind = kind
    self.weight = weight
    self.pairs = pairs
  }
}
