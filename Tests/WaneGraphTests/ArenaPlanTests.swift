import Testing

@testable import WaneGraph

@Suite struct ArenaPlanTests {
  @Test(arguments: 0..<40) func neverPutsTwoLivingBuffersInOnePlace(_ seed: Int) {
    var sampler = Sampler("arena \(seed)")
    let count = sampler.integer(below: 60)
    let requests = (0..<count).map { _ in
      let first = sampler.integer(below: 30) - 1
      return ArenaPlan.Request(
        byteCount: sampler.integer(below: 2) == 0
          ? sampler.integer(below: 4) * 64 : sampler.integer(below: 5000),
        first: first, last: first + sampler.integer(below: 12))
    }
    let plan = ArenaPlan(requests)
    #expect(plan.offsets.count == count)
    for (index, request) in requests.enumerated() {
      #expect(plan.offsets[index] % ArenaPlan.alignment == 0)
      #expect(plan.offsets[index] + request.byteCount <= plan.byteCount)
      for other in 0..<index
      where requests[other].first <= request.last && request.first <= requests[other].last {
        let end = plan.offsets[index] + max(request.byteCount, 1)
        let otherEnd = plan.offsets[other] + max(requests[other].byteCount, 1)
        #expect(
          end <= plan.offsets[other] || otherEnd <= plan.offsets[index],
          "requests \(other) and \(index)")
      }
    }
    // Sharing is the point: never more than everything side by side, and never less than what
    // lives at one time.
    let sizes = requests.map { (max($0.byteCount, 1) + 63) / 64 * 64 }
    #expect(plan.byteCount <= sizes.reduce(0, +))
    for moment in -1..<45 {
      let alive = requests.indices.filter {
        requests[$0].first <= moment && moment <= requests[$0].last
      }
      #expect(alive.reduce(0) { $0 + sizes[$1] } <= plan.byteCount)
    }
  }

  @Test func aChainNeedsTwoBuffers() {
    let plan = ArenaPlan((0..<10).map { .init(byteCount: 640, first: $0, last: $0 + 1) })
    #expect(plan.byteCount == 2 * 640)
  }
}
