import WaneGraph
import WaneTensor

/// The layers of a model by the words that scripts use for them.
struct LayerNames {
  /// Paths in order.
  let paths: [String]
  /// What kinds of operations each consists of.
  private let kinds: [String: Set<String>]

  init(_ model: Graph) {
    var paths: [String] = []
    var kinds: [String: Set<String>] = [:]
    for node in model.nodes where !(node.operation is ParameterRead || node.operation is Input) {
      if kinds[node.layer] == nil { paths.append(node.layer) }
      kinds[node.layer, default: []].insert(type(of: node.operation).name)
    }
    self.paths = paths
    self.kinds = kinds
  }

  /// How closely a word names the layers it names.
  enum Closeness: Int, Comparable {
    case pattern, kind, path
    static func < (a: Closeness, b: Closeness) -> Bool { a.rawValue < b.rawValue }
  }

  /// The layers a word stands for: the one of that path, else those of that kind, else those in whose
  /// path it is found as a pattern.
  ///
  /// - Throws: when it stands for none, or is malformed.
  func resolve(_ word: String, _ verb: String) throws -> (layers: Set<String>, Closeness) {
    if kinds[word] != nil { return ([word], .path) }
    let ofKind = paths.filter { kinds[$0]?.contains(word) == true }
    if !ofKind.isEmpty { return (Set(ofKind), .kind) }
    let pattern = try LuaPattern(word)
    let found = try paths.filter { try pattern.isFound(in: $0) }
    guard !found.isEmpty else {
      throw WaneError(
        verb,
        "no layer is called or of kind '\(word)', nor is that found as a pattern in "
          + paths.map { "'\($0)'" }.joined(separator: ", "))
    }
    return (Set(found), .pattern)
  }

  /// The layers that a list of words stands for, and which of them it calls by their paths.
  ///
  /// A list of one word means several layers: those of that kind, though one may be called so.
  ///
  /// - Throws: when a word stands for none, or is malformed.
  func resolve(list words: [String], _ verb: String) throws -> (
    layers: Set<String>, called: Set<String>
  ) {
    if words.count == 1, let word = words.first {
      let ofKind = paths.filter { kinds[$0]?.contains(word) == true }
      if ofKind.count > 1 { return (Set(ofKind), []) }
    }
    var (layers, called): (Set<String>, Set<String>) = ([], [])
    for word in words {
      let (found, closeness) = try resolve(word, verb)
      layers.formUnion(found)
      if closeness == .path { called.formUnion(found) }
    }
    return (layers, called)
  }

  /// The value that a table of words gives each layer; of several words that fit, the closest counts.
  ///
  /// - Throws: when two words that fit equally closely give a layer different values.
  func assign(_ table: [(layers: String, value: Double)], _ option: String, _ verb: String) throws
    -> [String: Double]
  {
    var chosen: [String: (closeness: Closeness, word: String, value: Double)] = [:]
    for (word, value) in table {
      let (layers, closeness) = try resolve(word, verb)
      for layer in layers {
        if let other = chosen[layer], other.closeness >= closeness {
          guard other.closeness > closeness || other.value == value else {
            throw WaneError(
              verb, "'\(other.word)' and '\(word)' give layer '\(layer)' different \(option)")
          }
          continue
        }
        chosen[layer] = (closeness, word, value)
      }
    }
    return chosen.mapValues(\.value)
  }
}
