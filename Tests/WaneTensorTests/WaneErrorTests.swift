import Testing
import WaneTensor

@Suite struct WaneErrorTests {
  @Test func namesLayerAndOperation() {
    let error = WaneError("prune", "sparsity must be in [0, 1), got 1.5")
    #expect(error.description == "prune: sparsity must be in [0, 1), got 1.5")
    #expect(WaneError("", "all said").description == "all said")
    let inner = error.inLayer("block/conv")
    #expect(
      inner.description == "in layer 'block/conv': prune: sparsity must be in [0, 1), got 1.5")
    #expect(inner.inLayer("outer") == inner)
    #expect(error.inLayer("") == error)
  }

  @Test func progressIsMadeOnlyWhenWanted() {
    var asked = 0
    func progress() -> Progress {
      asked += 1
      return Progress(title: "epoch", completed: 1, total: 2)
    }
    let sink = SilentProgress()
    sink.reportIfWanted(progress())
    sink.finishStage()
    #expect(asked == 0)
  }
}
