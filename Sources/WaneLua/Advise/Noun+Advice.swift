import WaneCompress
import WaneNN
import WaneTensor

extension AdviceBox {
  /// The layers as Lua tables.
  fileprivate var layerRows: [LuaValue] {
    layers.map { layer in
      var fields: [String: LuaValue] = [
        "layer": .string(layer.detail.layer), "kind": .string(layer.detail.kind),
        "parameters": .integer(layer.detail.parameters),
        "bytes": .integer(layer.detail.fileBytes), "macs": .integer(layer.detail.macs),
        "bytes_share": .number(share(layer, \.fileBytes)),
        "macs_share": .number(share(layer, \.macs)), "time_share": .number(layer.timeShare),
      ]
      fields["loss"] = layer.loss.map { .number($0) }
      return .table(LuaTable(fields: fields))
    }
  }

  /// The techniques as Lua tables, those that pay first.
  fileprivate var adviceRows: [LuaValue] {
    (paying + techniques.filter { !pays($0) }).map { technique in
      var fields: [String: LuaValue] = [
        "verb": .string(technique.verb), "name": .string(technique.name),
        "recipe": .table(LuaTable([.table(technique.stage)])), "call": .string(technique.call),
        "pays": .boolean(pays(technique)), "text": .string(gains(technique)),
      ]
      for (quantity, amount) in technique.costs { fields[quantity.rawValue] = quantity.lua(amount) }
      fields["accuracy"] = technique.accuracy.map { .number($0) }
      fields["obstacle"] = technique.obstacle.map { .string($0) }
      let skipped = technique.skipped.map { item -> LuaValue in
        ["layer": .string(item.layer), "reason": .string(item.reason)]
      }
      fields["skipped"] = .table(LuaTable(skipped))
      return .table(LuaTable(fields: fields))
    }
  }

  fileprivate var originalRow: LuaValue {
    var fields: [String: LuaValue] = [:]
    for (quantity, amount) in costs { fields[quantity.rawValue] = quantity.lua(amount) }
    fields["accuracy"] = accuracy.map { .number($0) }
    return .table(LuaTable(fields: fields))
  }
}

extension Noun {
  static let advice = Noun(
    AdviceBox.self, "Advice", "Where a model's bytes and time are, and which verbs pay.",
    fields: [
      Field(
        "layers", "list of tables",
        "Layer, kind, parameters, bytes, macs, their shares, time_share, and loss with data."
      ) { (box: AdviceBox) in box.layerRows },
      Field(
        "advice", "list of tables",
        "What was tried, the best first: verb, recipe, call, pays, bytes, memory, macs, latency, "
          + "accuracy, skipped."
      ) { (box: AdviceBox) in box.adviceRows },
      Field("findings", "list of strings", "Where bytes and time are, in words.") {
        (box: AdviceBox) in box.findings
      },
      Field("original", "table", "What the model takes, and its accuracy with data.") {
        (box: AdviceBox) in box.originalRow
      },
    ],
    metamethods: [
      Function(
        "__tostring", "The advice as people read it.", signature: "tostring(advice)",
        method: { (box: AdviceBox, context) in context.results(box.text) })
    ])
}

extension Function {
  /// `wane.advise`.
  static let advise = Function(
    "advise",
    "Says where a model's bytes and time are, and tries each verb on it without training.",
    signature: "advise(model, [options]) -> Advice",
    options: [
      Option(
        "data", "Dataset", default: "none",
        "what accuracy is measured on; without it only sizes and times are"), .progress,
    ],
    example: "print(wane.advise(model, { data = test }))"
  ) { context in
    let model = try context.object(1, as: ModelBox.self).graph
    let options = try context.options(2)
    let work = CompressionContext(
      pool: try Threads.pool(), progress: try context.progress(options), poll: context.poll)
    return context.results(try AdviceBox(model, data: options.dataset("data"), work))
  }
}
