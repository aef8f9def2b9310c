import CKernels
import Testing

extension Kernels {
  @Suite struct Elementwise {
    typealias Binary = (
      UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int
    ) -> Void
    typealias Unary = (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void

    static var binaries: [(String, Binary, (Float, Float) -> Float)] {
      [
        ("add", wane_add_f32, { $0 + $1 }),
        ("sub", wane_sub_f32, { $0 - $1 }),
        ("mul", wane_mul_f32, { $0 * $1 }),
        ("div", wane_div_f32, { $0 / $1 }),
        ("max", wane_max_f32, { $0 > $1 ? $0 : $1 }),
        ("min", wane_min_f32, { $0 < $1 ? $0 : $1 }),
        ("relu_grad", { wane_relu_grad_f32($0, $1, $2, $3) }, { $0 > 0 ? $1 : 0 }),
        ("exp_grad", { wane_exp_grad_f32($0, $1, $2, $3) }, { $1 * $0 }),
        ("sigmoid_grad", { wane_sigmoid_grad_f32($0, $1, $2, $3) }, { $1 * ($0 * (1 - $0)) }),
        ("tanh_grad", { wane_tanh_grad_f32($0, $1, $2, $3) }, { $1 * (1 - $0 * $0) }),
      ]
    }

    @Test func binaryKernelsMatchTheirDefinition() {
      for (name, kernel, definition) in Self.binaries {
        for n in lengths {
          var numbers = Numbers(n)
          var a = numbers.floats(n)
          var b = numbers.floats(n)
          if n == 300 {
            for i in 0..<n {
              a[i] = awkward[i % awkward.count]
              b[i] = awkward[(i / 9) % awkward.count]
            }
          }
          let expected = zip(a, b).map(definition)
          atEachLevel { level in
            var y = [Float](repeating: 7, count: n + 1)
            kernel(a, b, &y, n)
            #expect(same(Array(y[..<n]), expected) && y[n] == 7, "\(name) n \(n) \(level)")
            var inPlace = a
            inPlace.withUnsafeMutableBufferPointer { kernel($0.baseAddress, b, $0.baseAddress, n) }
            #expect(same(inPlace, expected), "\(name) in place n \(n) \(level)")
          }
        }
      }
    }

    static var unaries: [(String, Unary, (Float) -> Float)] {
      [
        ("relu", wane_relu_f32, { $0 > 0 ? $0 : 0 }),
        ("abs", wane_abs_f32, { abs($0) }),
        ("square", wane_square_f32, { $0 * $0 }),
        ("sqrt", wane_sqrt_f32, { $0.squareRoot() }),
        ("scale", { wane_scale_f32($0, 0.3, $1, $2) }, { $0 * 0.3 }),
        ("offset", { wane_offset_f32($0, 0.3, $1, $2) }, { $0 + 0.3 }),
        ("affine", { wane_affine_f32($0, 0.3, -2, $1, $2) }, { $0 * 0.3 + -2 }),
        ("reciprocal", { wane_reciprocal_f32($0, 3, $1, $2) }, { 3 / $0 }),
        ("clamp", { wane_clamp_f32($0, -1, 2, $1, $2) }, { $0 < -1 ? -1 : $0 > 2 ? 2 : $0 }),
        ("fill", { wane_fill_f32(0.25, $1, $2) }, { _ in 0.25 }),
        ("axpy", { x, y, n in wane_axpy_f32(0.5, x, y, n) }, { 7 + 0.5 * $0 }),
      ]
    }

    @Test func unaryKernelsMatchTheirDefinition() {
      for (name, kernel, definition) in Self.unaries {
        for n in lengths {
          var numbers = Numbers(n)
          let x = n == 300 ? (0..<n).map { awkward[$0 % awkward.count] } : numbers.floats(n)
          let expected = x.map(definition)
          atEachLevel { level in
            var y = [Float](repeating: 7, count: n + 1)
            kernel(x, &y, n)
            #expect(same(Array(y[..<n]), expected) && y[n] == 7, "\(name) n \(n) \(level)")
          }
        }
      }
    }

    @Test func biasIsAddedToEveryRow() {
      for columns in [1, 10, 31, 64] {
        var numbers = Numbers(columns)
        let x = numbers.floats(5 * columns)
        let bias = numbers.floats(columns)
        let expected = x.indices.map { x[$0] + bias[$0 % columns] }
        atEachLevel { level in
          var y = [Float](repeating: 0, count: x.count)
          wane_add_bias_f32(x, bias, &y, 5, columns)
          #expect(y == expected, "columns \(columns) \(level)")
        }
      }
    }
  }
}
