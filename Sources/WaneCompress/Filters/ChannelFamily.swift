import WaneGraph

/// Layers whose filters are the same channels: they lose the same ones.
struct ChannelFamily {
  /// The layers, in the order of the model.
  var layers: [WeightedLayer]
  /// The channels that their filters are, each once, in order.
  var channels: [ChannelGraph.Channel]
}

extension ChannelGraph {
  /// The channels that the filters of a layer are, in order.
  func filters(of layer: WeightedLayer) -> [Channel] {
    let rank = model.parameters[layer.kernel]?.shape.rank ?? 1
    return roots(of: layer.kernel, axis: rank - layer.unitAxis)
  }

  /// The layers of the model in sets that share channels, in order.
  func families() -> [ChannelFamily] {
    var families: [(channels: Set<Channel>, layers: [WeightedLayer])] = []
    for layer in model.weightedLayers() {
      var joined = (channels: Set(filters(of: layer)), layers: [WeightedLayer]())
      let touching = families.indices.filter {
        !families[$0].channels.isDisjoint(with: joined.channels)
      }
      for index in touching {
        joined.channels.formUnion(families[index].channels)
        joined.layers += families[index].layers
      }
      joined.layers.append(layer)
      for index in touching.reversed() { families.remove(at: index) }
      families.append(joined)
    }
    return families.map { ChannelFamily(layers: $0.layers, channels: $0.channels.sorted()) }
  }

  /// Why a set of layers cannot lose channels; nil when it can.
  ///
  /// - Parameters:
  ///   - family: the layers that share channels.
  ///   - selected: the paths of the layers that may be touched.
  /// - Returns: the reason.
  func obstacle(_ family: ChannelFamily, selected: Set<String>) -> String? {
    if let other = family.layers.first(where: { !selected.contains($0.path) }) {
      return "shares its channels with '\(other.path)', which is not selected"
    }
    guard let reason = family.channels.lazy.compactMap(lockReason).first else { return nil }
    return family.layers.count == 1
      ? reason : "shares its channels with others, and one \(reason)"
  }
}
