import WaneGraph
import WaneNN
import WaneTensor

/// A model as Lua holds it: a name for a graph that `fit` moves on.
final class ModelBox: LuaObject {
  /// The model as it is now.
  private(set) var graph: Graph
  /// How often the model was replaced.
  private(set) var changes = 0
  /// Tells the model apart where it is a layer of others: applied twice, it shares its parameters.
  let identity = LayerIdentity()
  /// Where the model was last trained with less than floats, if it was.
  var precisionNote: String?
  private var sessions: [Form: InferenceSession] = [:]

  /// What a compiled form of the model depends on.
  private struct Form: Hashable {
    let dtypes: [DType]
    let precision: Precision
  }

  init(_ graph: Graph) { self.graph = graph }

  /// Replaces the model by what training made of it.
  func replace(by graph: Graph) {
    self.graph = graph
    changes += 1
    sessions = [:]
  }

  /// The model compiled for samples of a type, made when it is first asked for.
  ///
  /// - Parameters:
  ///   - dtypes: what each input is.
  ///   - precision: what large products may round their operands to.
  /// - Returns: a session, kept until the model changes.
  /// - Throws: when the model does not take samples of the type.
  func session(for dtypes: [DType], precision: Precision) throws -> InferenceSession {
    let form = Form(dtypes: dtypes, precision: precision)
    if let session = sessions[form] { return session }
    let fed = try graph.feeding(dtypes, operation: "predict")
    let session = try InferenceSession(fed, pool: Threads.pool(), precision: precision)
    sessions[form] = session
    return session
  }
}
