import WaneGraph
import WaneTensor

/// Which channels of a model hang together, so that removing one removes all.
///
/// Every position on the last axis of every value, and every position on the axes of parameters, is
/// labelled with a channel. Operations say which positions are the same channel (`ChannelRule`): those
/// of a filter, its bias, its batch normalization and the rows of the next kernel; all positions of an
/// image that a flattening lays side by side; both sides of a sum. A removal is then a set of
/// channels, and what becomes of each parameter can be read off its labels.
struct ChannelGraph {
  /// A channel by number; several numbers may turn out to be the same channel.
  typealias Channel = Int

  private var parents: [Channel] = []
  /// The channel at each position of the last axis.
  private var layouts: [Value: [Channel]] = [:]
  /// The channel at each position of each axis; nil for axes without channels, such as a kernel's height.
  private var axes: [String: [[Channel]?]] = [:]
  /// Why channels cannot be removed.
  private var locks: [(channel: Channel, reason: String)] = []
  /// Parameters that something reads which cannot follow: no axis of theirs may change.
  private var fixed: [String: String] = [:]
  /// Channels of which one at least has to stay, where a part of a value is cut out.
  private(set) var parts: [[Channel]] = []
  private var reasons: [Channel: String] = [:]
  /// The model.
  let model: Graph

  /// Labels a model.
  init(_ model: Graph) {
    self.model = model
    for (index, node) in model.nodes.enumerated() {
      if let read = node.operation as? ParameterRead {
        label(read, Value(node: index))
      } else if let rule = node.operation as? any ChannelRule {
        rule.connect(node, Value(node: index), &self)
      } else {
        let name = type(of: node.operation).name
        for input in node.inputs {
          let reason = "goes into '\(name)', which cannot follow"
          lock(input, reason)
          if let parameter = model.parameter(input) { fixed[parameter.name] = reason }
        }
      }
      for output in node.outputs.indices where layouts[Value(node: index, output: output)] == nil {
        let value = Value(node: index, output: output)
        layouts[value] = fresh(model.type(of: value).channels)
        lock(value, "comes from '\(type(of: node.operation).name)'")
      }
    }
    for (name, reason) in fixed.sorted(by: { $0.key < $1.key }) {
      for labels in axes[name] ?? [] {
        for channel in labels ?? [] { locks.append((channel, reason)) }
      }
    }
    for output in model.outputs { lock(output, "is an output of the model") }
    for lock in locks where reasons[root(lock.channel)] == nil {
      reasons[root(lock.channel)] = lock.reason
    }
  }

  /// The last axis of a parameter is what a value has of channels, when it is used as one.
  private mutating func label(_ read: ParameterRead, _ value: Value) {
    guard !read.dimensions.isEmpty else { return set(value, fresh(1)) }
    set(value, channels(of: value, axis: read.dimensions.count - 1))
  }

  // MARK: For rules

  /// The channels of a value.
  func layout(_ value: Value) -> [Channel] { layouts[value] ?? [] }

  /// Says what the channels of a result are.
  mutating func set(_ value: Value, _ channels: [Channel]) { layouts[value] = channels }

  /// Says that two rows of positions hold the same channels.
  mutating func unite(_ a: [Channel], _ b: [Channel]) {
    for (left, right) in zip(a, b) {
      let (first, second) = (root(left), root(right))
      // The older number stands for both, so that results do not depend on the order of unions.
      parents[max(first, second)] = min(first, second)
    }
  }

  /// Says that the channels at the same position of each of some equally long runs are the same, so that
  /// every run loses as many.
  mutating func unite(runs: Int, of channels: [Channel]) {
    let length = channels.count / max(runs, 1)
    for start in stride(from: length, to: channels.count, by: max(length, 1)) {
      unite(
        Array(channels[..<length]), Array(channels[start..<min(start + length, channels.count)]))
    }
  }

  /// Says that channels stay or go as one.
  mutating func unite(all channels: [Channel]) {
    for channel in channels.dropFirst() { unite([channels[0]], [channel]) }
  }

  /// Says that one of some channels has to stay.
  mutating func keepSome(of channels: [Channel]) { parts.append(channels) }

  /// Says what the channels on an axis of a parameter are.
  mutating func bind(_ parameter: Value, axis: Int, to channels: [Channel]) {
    guard let parameter = model.parameter(parameter) else {
      for channel in channels { locks.append((channel, "meets weights that are computed")) }
      return
    }
    var labels = axes[parameter.name] ?? Array(repeating: nil, count: parameter.shape.rank)
    if let known = labels[axis] {
      unite(known, channels)
    } else {
      labels[axis] = channels
      axes[parameter.name] = labels
    }
  }

  /// The channels on an axis of a parameter that makes them, the same whenever it is read.
  mutating func channels(of parameter: Value, axis: Int) -> [Channel] {
    if let known = model.parameter(parameter).flatMap({ axes[$0.name]?[axis] }) { return known }
    let channels = fresh(model.type(of: parameter).dimensions[axis])
    bind(parameter, axis: axis, to: channels)
    return channels
  }

  /// Says that the channels of a value must all stay.
  mutating func lock(_ value: Value, _ reason: String) {
    for channel in layout(value) { locks.append((channel, reason)) }
  }

  private mutating func fresh(_ count: Int) -> [Channel] {
    let first = parents.count
    parents.append(contentsOf: first..<first + count)
    return Array(first..<first + count)
  }

  // MARK: For passes

  /// The number that stands for a channel under all its names.
  func root(_ channel: Channel) -> Channel {
    var channel = channel
    while parents[channel] != channel { channel = parents[channel] }
    return channel
  }

  /// The channels on an axis of a parameter, by the number that stands for each.
  func roots(of parameter: String, axis: Int) -> [Channel] {
    (axes[parameter]?[axis] ?? []).map(root)
  }

  /// Why a channel cannot be removed; nil when it can.
  func lockReason(_ root: Channel) -> String? { reasons[root] }

  /// The positions of each axis of a parameter that stay when channels are removed; nil for an axis of
  /// which all stay.
  func kept(of parameter: String, removing removed: Set<Channel>) -> [[Int]?] {
    (axes[parameter] ?? []).map { labels in
      guard let labels else { return nil }
      let kept = labels.indices.filter { !removed.contains(root(labels[$0])) }
      return kept.count == labels.count ? nil : kept
    }
  }

  /// The channels of a value, by the number that stands for each.
  func roots(of value: Value) -> [Channel] { layout(value).map(root) }
}
