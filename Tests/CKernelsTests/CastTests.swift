import CKernels
import Testing

extension Kernels {
  @Suite struct Casts {
    static let floats = (0..<300).map {
      awkward[$0 % awkward.count] + Float($0 / awkward.count) * 40
    }

    static func saturated<T: FixedWidthInteger>(_ x: Float, _: T.Type) -> T {
      if x.isNaN { return 0 }
      return T(exactly: Double(x).rounded(.towardZero)) ?? (x < 0 ? T.min : T.max)
    }

    @Test func fromFloat() {
      for n in lengths {
        let x = Array(Self.floats.prefix(n))
        atEachLevel { level in
          var i32 = [Int32](repeating: 7, count: n)
          var u8 = [UInt8](repeating: 7, count: n)
          var i8 = [Int8](repeating: 7, count: n)
          var bool = [UInt8](repeating: 7, count: n)
          wane_cast_f32_i32(x, &i32, n)
          wane_cast_f32_u8(x, &u8, n)
          wane_cast_f32_i8(x, &i8, n)
          wane_cast_f32_bool(x, &bool, n)
          #expect(i32 == x.map { Self.saturated($0, Int32.self) }, "n \(n) \(level)")
          #expect(u8 == x.map { Self.saturated($0, UInt8.self) }, "n \(n) \(level)")
          #expect(i8 == x.map { Self.saturated($0, Int8.self) }, "n \(n) \(level)")
          #expect(bool == x.map { $0 < 0 || $0 > 0 ? 1 : 0 }, "n \(n) \(level)")
        }
      }
    }

    @Test func fromIntegers() {
      for n in lengths {
        var numbers = Numbers(n)
        let i32 = (0..<n).map { _ in
          Int32(truncatingIfNeeded: numbers.bits() >> (numbers.bits() % 33))
        }
        let u8 = i32.map { UInt8(truncatingIfNeeded: $0) }
        let i8 = i32.map { Int8(truncatingIfNeeded: $0) }
        atEachLevel { level in
          var y = [Float](repeating: 7, count: n)
          wane_cast_i32_f32(i32, &y, n)
          #expect(y == i32.map { Float($0) }, "n \(n) \(level)")
          wane_cast_u8_f32(u8, &y, n)
          #expect(y == u8.map { Float($0) }, "n \(n) \(level)")
          wane_cast_i8_f32(i8, &y, n)
          #expect(y == i8.map { Float($0) }, "n \(n) \(level)")
          wane_cast_bool_f32(u8, &y, n)
          #expect(y == u8.map { $0 == 0 ? 0 : 1 }, "n \(n) \(level)")
          wane_scale_u8_f32(u8, 1 / 255, -0.5, &y, n)
          #expect(y == u8.map { Float($0) * (1 / 255) + -0.5 }, "n \(n) \(level)")
          var toU8 = u8
          var toI8 = i8
          var wide = i32
          wane_cast_i32_u8(i32, &toU8, n)
          wane_cast_i32_i8(i32, &toI8, n)
          #expect(toU8 == i32.map { UInt8(clamping: $0) }, "n \(n) \(level)")
          #expect(toI8 == i32.map { Int8(clamping: $0) }, "n \(n) \(level)")
          wane_cast_u8_i32(u8, &wide, n)
          #expect(wide == u8.map { Int32($0) }, "n \(n) \(level)")
          wane_cast_i8_i32(i8, &wide, n)
          #expect(wide == i8.map { Int32($0) }, "n \(n) \(level)")
        }
      }
    }

    /// Every half there is, there and back; and floats around the ties.
    @Test func halves() {
      let all = (0...UInt16.max).map { $0 }
      atEachLevel { level in
        var wide = [Float](repeating: 7, count: all.count)
        var narrow = [UInt16](repeating: 7, count: all.count)
        wane_cast_f16_f32(all, &wide, all.count)
        wane_cast_f32_f16(wide, &narrow, all.count)
        let isNaN = { (half: UInt16) in half & 0x7FFF > 0x7C00 }
        #expect(
          zip(all, narrow).allSatisfy { $0 == $1 || (isNaN($0) && isNaN($1)) }, "f16 \(level)")
        #expect(wide[0x3C00] == 1 && wide[1] == 0x1p-24 && wide[0x7BFF] == 65504)
        #expect(wide[0xFC00] == -.infinity && wide[0x7E00].isNaN)
        wane_cast_bf16_f32(all, &wide, all.count)
        wane_cast_f32_bf16(wide, &narrow, all.count)
        #expect(
          zip(all, narrow).allSatisfy {
            $0 == $1 || ($0 & 0x7FFF > 0x7F80 && $1 & 0x7FFF > 0x7F80)
          }, "bf16 \(level)")
      }
      for n in lengths {
        var numbers = Numbers(n)
        let x = (0..<n).map { i in
          i % 3 == 0 ? awkward[i % awkward.count] : numbers.float(-4...4) * Float(i % 5)
        }
        atEachLevel { level in
          var narrow = [UInt16](repeating: 7, count: n)
          var back = [Float](repeating: 7, count: n)
          wane_cast_f32_f16(x, &narrow, n)
          wane_cast_f16_f32(narrow, &back, n)
          for (x, y) in zip(x, back) where x.isFinite && abs(x) < 65520 {
            // Half a step of the last bit: 2^-11 of the size, 2^-25 near 0.
            #expect(abs(x - y) <= max(abs(x) * 0x1p-11, 0x1p-25), "\(x) \(y) \(level)")
          }
          wane_cast_f32_bf16(x, &narrow, n)
          wane_cast_bf16_f32(narrow, &back, n)
          // Half a step of the last bit: 2^-9 of the size, 2^-134 near 0.
          for (x, y) in zip(x, back) where abs(x) < 3e38 {
            #expect(abs(x - y) <= max(abs(x) * 0x1p-8, 0x1p-134), "\(x) \(y) \(level)")
          }
        }
      }
    }
  }
}
