import WaneGraph

extension Graph {
  /// Parameters that are matrices without being the kernel of a layer: what layers written in Lua
  /// multiply by.
  func matrixParameters() -> [WeightedLayer] {
    looseWeights { $0 is MatMul }
  }

  /// Parameters of two or more axes that are no layer's kernel, each as a layer of its own, if what
  /// reads them fits.
  func looseWeights(_ isWanted: (any Operation) -> Bool) -> [WeightedLayer] {
    let kernels = Set(weightedLayers().map(\.kernel))
    var layers: [WeightedLayer] = []
    var known: [String: Int] = [:]
    for (index, node) in nodes.enumerated() where isWanted(node.operation) {
      for input in node.inputs {
        guard let parameter = parameter(input), parameter.shape.rank > 1,
          !kernels.contains(parameter.name)
        else { continue }
        if let layer = known[parameter.name] {
          layers[layer].nodes.append(index)
          continue
        }
        known[parameter.name] = layers.count
        layers.append(
          WeightedLayer(
            path: node.layer, label: parameter.name, kind: Swift.type(of: node.operation).name,
            nodes: [index], kernel: parameter.name, bias: nil, columnsPerUnit: 1))
      }
    }
    return layers
  }
}
