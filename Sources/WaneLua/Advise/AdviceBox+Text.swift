import WaneCompress

extension AdviceBox {
  /// The advice as people read it.
  var text: String {
    var lines = [layerTable, ""] + findings
    if !paying.isEmpty { lines += ["", "what pays, tried without training:"] }
    for technique in paying {
      lines.append("  \(technique.name): \(gains(technique))")
      lines.append("      \(technique.call)")
    }
    let rest = techniques.filter { !pays($0) }
    if !rest.isEmpty { lines += ["", "what does not pay here:"] }
    for technique in rest {
      lines.append("  \(technique.name): \(technique.obstacle ?? gains(technique))")
    }
    if !untreated.isEmpty { lines += ["", "what is left as it is:"] + untreated.map { "  \($0)" } }
    return (lines + ["", "all together:", "  \(together)"]).joined(separator: "\n")
  }

  private var layerTable: String {
    let hasLosses = layers.contains { $0.loss != nil }
    var table = TextTable(
      [
        ("layer", .left), ("operations", .left), ("parameters", .right), ("bytes", .right),
        ("MACs", .right), ("time", .right),
      ] + (hasLosses ? [("pruned alone", .right)] : []))
    for layer in layers where layer.detail.parameters > 0 || layer.timeShare > 0.005 {
      let cells = [
        layer.detail.layer, layer.detail.kind, NumberText.grouped(layer.detail.parameters),
        percent(share(layer, \.fileBytes)), percent(share(layer, \.macs)), percent(layer.timeShare),
      ]
      table.add(
        cells + (hasLosses ? [layer.loss.map { NumberText.fixed(-$0 * 100, 1) } ?? ""] : []))
    }
    return table.text
  }

  /// The part that a layer has of the whole.
  func share(_ layer: Layer, _ value: (LayerDetail) -> Int) -> Double {
    let whole = layers.reduce(0) { $0.addingClamped(value($1.detail)) }
    return Double(value(layer.detail)) / Double(max(whole, 1))
  }

  private func percent(_ share: Double) -> String { "\(NumberText.percent(share, 1)) %" }

  /// Where bytes and time are, and what minds.
  var findings: [String] {
    var lines: [String] = []
    func largest(_ value: (Layer) -> Double) -> (layer: Layer, share: Double)? {
      layers.map { ($0, value($0)) }.max { $0.1 < $1.1 }
    }
    if let most = largest({ share($0, \.fileBytes) }), most.share > 0.3 {
      lines.append(
        "\(most.layer.detail.layer) holds \(percent(most.share)) of the bytes: fewer bits, zeros and "
          + "shared weights pay most there")
    }
    if let most = largest({ share($0, \.macs) }), most.share > 0.3 {
      lines.append(
        "\(most.layer.detail.layer) does \(percent(most.share)) of the multiplications and takes "
          + "\(percent(most.layer.timeShare)) of the time: integers and fewer filters pay most there"
      )
    }
    for layer in layers {
      guard let loss = layer.loss, loss > 0.02, share(layer, \.fileBytes) < 0.02 else { continue }
      lines.append(
        "\(layer.detail.layer) has \(percent(share(layer, \.fileBytes))) of the bytes and minds "
          + "pruning: except = \"\(layer.detail.layer)\" costs little")
    }
    return lines
  }

  /// What a technique gives, in words.
  func gains(_ technique: Technique) -> String {
    func times(_ quantity: Quantity, _ less: String, _ more: String) -> String? {
      let gain = gain(technique, quantity)
      if gain > 1.05 { return "\(NumberText.fixed(gain, 1)) times \(less)" }
      return gain < 0.95 ? "\(NumberText.fixed(1 / gain, 1)) times \(more)" : nil
    }
    var parts = [
      times(.bytes, "smaller as a file", "larger as a file"),
      times(.latency, "faster", "slower"), times(.memory, "less memory", "more memory"),
      times(.macs, "fewer multiplications", "more multiplications"),
    ].compactMap { $0 }
    if parts.isEmpty { parts = ["nothing changes"] }
    if let before = accuracy, let after = technique.accuracy {
      let difference = (after - before) * 100
      let sign = difference >= 0 ? "+" : ""
      parts.append("\(sign)\(NumberText.fixed(difference, 2)) points before training")
    }
    return parts.joined(separator: ", ")
  }

  /// Layers that a verb leaves as they are, a line a reason.
  private var untreated: [String] {
    var lines: [String] = []
    for technique in techniques {
      for item in technique.skipped {
        let line = "\(item.layer) by \(technique.name): \(item.reason)"
        if !lines.contains(line) { lines.append(line) }
      }
    }
    return lines
  }

  /// The call that combines what pays.
  private var together: String {
    let bytes = Int((costs[.bytes] ?? 0) / 30 / 100) * 100
    let target = max(bytes, 1000)
    return "wane.optimize(model, { data = train, target = { bytes = \(target) }, max_drop = 0.01, "
      + "budget = \"10min\" })"
  }
}
