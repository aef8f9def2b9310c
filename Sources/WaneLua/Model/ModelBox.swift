import WaneGraph
import WaneNN
import WaneTensor

/// A model as Lua holds it: a name for a graph that `fit` moves on.
final class ModelBox: LuaObject {
  /// The model as it is now.
  private(set) var graph: Graph
  private var sessions: [DType: InferenceSession] = [:]

  init(_ graph: Graph) { self.graph = graph }

  /// Replaces the model by what training made of it.
  func replace(by graph: Graph) {
    self.graph = graph
    sessions = [:]
  }

  /// The model compiled for samples of a type, made when it is first asked for.
  func session(for dtype: DType) throws -> InferenceSession {
    if let session = sessions[dtype] { return session }
    // Bytes may stand for 0...1; anything else has to be of the model's own types.
    let fed = dtype == .u8 ? try graph.feeding(dtype, operation: "predict") : graph
    let session = try InferenceSession(fed, pool: Threads.pool())
    sessions[dtype] = session
    return session
  }
}
