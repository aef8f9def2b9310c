import CKernels
import Testing

extension Kernels {
  @Suite struct Random {
    /// The known answers of the Random123 distribution (kat_vectors, philox4x32 10).
    @Test func philoxKnownAnswers() {
      let cases: [([UInt32], [UInt32], [UInt32])] = [
        ([0, 0, 0, 0], [0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
        (
          [.max, .max, .max, .max], [.max, .max],
          [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        ),
        (
          [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0],
          [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        ),
      ]
      for (counter, key, answer) in cases {
        var words = [UInt32](repeating: 0, count: 4)
        wane_random_philox(counter, key, &words)
        #expect(words == answer)
      }
    }

    @Test func wordsFollowFromTheBlockFunction() {
      let seed: UInt64 = 0x0123_4567_89ab_cdef
      let stream: UInt64 = 0xfedc_ba98_7654_3210
      let offset: UInt64 = 4 * 0xffff_ffff + 2  // crosses into the counter's second word
      var expected: [UInt32] = []
      for i in offset..<offset + 40 {
        var words = [UInt32](repeating: 0, count: 4)
        let block = i / 4
        wane_random_philox(
          [
            UInt32(truncatingIfNeeded: block), UInt32(block >> 32),
            UInt32(truncatingIfNeeded: stream), UInt32(stream >> 32),
          ], [UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)], &words)
        expected.append(words[Int(i % 4)])
      }
      atEachLevel { level in
        var y = [UInt32](repeating: 0, count: 40)
        wane_random_u32(seed, stream, offset, &y, 40)
        #expect(y == expected, "\(level)")
        var uniform = [Float](repeating: 0, count: 40)
        wane_random_uniform_f32(seed, stream, offset, &uniform, 40)
        #expect(uniform == expected.map { Float($0 >> 8) / Float(1 << 24) }, "\(level)")
      }
    }

    @Test func piecesAgreeWithTheWhole() {
      let n = 700
      var whole = [Float](repeating: 0, count: n)
      wane_random_normal_f32(5, 6, 11, &whole, n)
      atEachLevel { level in
        for cut in [1, 2, 3, 5, 255, 256, 257] {
          var pieces: [Float] = []
          while pieces.count < n {
            let count = min(cut, n - pieces.count)
            var piece = [Float](repeating: 0, count: count)
            wane_random_normal_f32(5, 6, 11 + UInt64(pieces.count), &piece, count)
            pieces += piece
          }
          #expect(pieces == whole, "cut \(cut) \(level)")
        }
      }
    }

    @Test func momentsOfTheDistributions() {
      let n = 1 << 20
      var y = [Float](repeating: 0, count: n)
      wane_random_normal_f32(1, 0, 0, &y, n)
      var moments = [0.0, 0, 0, 0]
      for value in y {
        var power = 1.0
        for k in 0..<4 {
          power *= Double(value)
          moments[k] += power / Double(n)
        }
      }
      #expect(abs(moments[0]) < 0.004 && abs(moments[1] - 1) < 0.006)
      #expect(abs(moments[2]) < 0.02 && abs(moments[3] - 3) < 0.05)
      wane_random_uniform_f32(1, 0, 0, &y, n)
      #expect(y.allSatisfy { $0 >= 0 && $0 < 1 })
      #expect(abs(wane_sum_f32(y, n) / Double(n) - 0.5) < 0.0015)
    }

    @Test func permutationHasEveryNumberOnce() {
      for n in [0, 1, 2, 17, 1000] {
        var y = [Int32](repeating: -1, count: n)
        wane_random_permutation(3, 4, &y, n)
        #expect(y.sorted() == Array(0..<Int32(n)))
      }
      var counts = [Int](repeating: 0, count: 6)
      for stream in 0..<6000 {
        var y: [Int32] = [0, 0, 0]
        wane_random_permutation(1, UInt64(stream), &y, 3)
        counts[Int(y[0]) * 2 + (y[1] > y[2] ? 1 : 0)] += 1
      }
      #expect(counts.allSatisfy { abs($0 - 1000) < 150 })
    }

    @Test func dropoutIsTheSameInBothDirections() {
      for n in lengths {
        var numbers = Numbers(n)
        let x = numbers.floats(n)
        var words = [UInt32](repeating: 0, count: n)
        wane_random_u32(7, 8, 1001, &words, n)
        let expected = zip(x, words).map { $1 >= 1 << 30 ? $0 * (1 / (1 - 0.25)) : 0 }
        atEachLevel { level in
          var y = x
          y.withUnsafeMutableBufferPointer {
            wane_dropout_f32($0.baseAddress, 0.25, 7, 8, 1001, $0.baseAddress, n)
          }
          #expect(y == expected, "n \(n) \(level)")
          var all = [Float](repeating: 7, count: n)
          wane_dropout_f32(x, 0, 7, 8, 1001, &all, n)
          #expect(all == x)
          wane_dropout_f32(x, 1, 7, 8, 1001, &all, n)
          #expect(all.allSatisfy { $0 == 0 })
        }
      }
    }
  }
}
