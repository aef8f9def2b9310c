import COneDNN
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What the header promises beside numbers: errors, threads, repeatability.
@Suite struct ContractTests {
  static let good = ConvolutionTests.shape(
    batch: 2, size: (13, 13), channels: (32, 64), kernel: (3, 3))

  static func failure(
    _ change: (inout wane_dnn_convolution) -> Void, flags: UInt32 = 0
  ) -> (wane_dnn_status, String) {
    var shape = good
    change(&shape)
    var kernel: OpaquePointer?
    let status = wane_dnn_convolution_forward_create(&shape, flags, WANE_DNN_AUTO, &kernel)
    #expect(kernel == nil)
    return (status, String(cString: wane_dnn_last_error()))
  }

  @Test func badShapesAreErrorsThatNameTheValue() {
    let cases: [((inout wane_dnn_convolution) -> Void, String)] = [
      ({ $0.batch = 0 }, "convolution: batch must be in [1, 2147483647], got 0"),
      ({ $0.stride_w = -1 }, "convolution: stride_w must be in [1, 2147483647], got -1"),
      ({ $0.pad_left = -2 }, "convolution: pad_left must be in [0, 2147483647], got -2"),
      ({ $0.height = 1 << 31 }, "convolution: height must be in [1, 2147483647], got 2147483648"),
      (
        { $0.kernel_h = 14 },
        "convolution: the kernel reaches over 14 rows but the padded input has 13"
      ),
      (
        { $0.groups = 3 },
        "convolution: groups (3) must divide in_channels (32) and out_channels (64)"
      ),
    ]
    for (change, text) in cases {
      let (status, got) = Self.failure(change)
      #expect(status == WANE_DNN_INVALID)
      #expect(got == text)
    }
  }

  /// Gradients of the weights of strided convolutions of single pixels, which oneDNN gives too little
  /// scratch memory with AVX2: the guards of `Kernel` are what is asked about.
  @Test func primitivesStayInTheirScratch() {
    var random = TestRandom(seed: 5)
    for channels: (Int64, Int64) in [(3, 5), (8, 8), (16, 24), (24, 16), (40, 64)] {
      for stride: Int64 in [2, 3] {
        for size: Int64 in [5, 8, 13] {
          let shape = ConvolutionTests.shape(
            batch: 2, size: (size, size), channels: channels, kernel: (1, 1),
            stride: (stride, stride))
          ConvolutionTests.check(shape, random: &random)
        }
      }
    }
  }

  @Test func hugeShapesAreErrorsNotOverflows() {
    let huge: [(inout wane_dnn_convolution) -> Void] = [
      { $0.height = .max },
      { ($0.height, $0.width) = (2_000_000_000, 2_000_000_000) },
      { ($0.in_channels, $0.out_channels) = (2_000_000_000, 2_000_000_000) },
      { ($0.pad_top, $0.pad_bottom, $0.pad_left) = (2_000_000_000, 2_000_000_000, 2_000_000_000) },
      { ($0.dilation_h, $0.kernel_h, $0.pad_top) = (2_000_000_000, 2_000_000_000, 2_000_000_000) },
    ]
    for change in huge { #expect(Self.failure(change).0 == WANE_DNN_INVALID) }
    var dense = wane_dnn_dense(batch: 2_000_000_000, inputs: 2_000_000_000, outputs: 2_000_000_000)
    var kernel: OpaquePointer?
    #expect(wane_dnn_dense_forward_create(&dense, 0, WANE_DNN_AUTO, &kernel) == WANE_DNN_INVALID)
    var product = wane_dnn_matmul(
      batch: 2_000_000_000, m: 2_000_000_000, n: 1, k: 2_000_000_000, transpose_a: 0,
      transpose_b: 0, shared_b: 0)
    #expect(wane_dnn_matmul_create(&product, 0, &kernel) == WANE_DNN_INVALID)
    #expect(kernel == nil)
  }

  @Test func wrongFlagsAndPointersAreErrors() {
    #expect(Self.failure({ _ in }, flags: 0x80).0 == WANE_DNN_INVALID)
    for algorithm in ConvolutionTests.algorithms {
      var shape = Self.good
      var kernel: OpaquePointer?
      let status = wane_dnn_convolution_forward_create(
        &shape, WANE_DNN_BIAS | WANE_DNN_PLAIN_WEIGHTS, algorithm, &kernel)
      if status == WANE_DNN_UNSUPPORTED { continue }
      #expect(status == WANE_DNN_OK)
      guard let kernel else { continue }
      var arguments = wane_dnn_arguments()
      #expect(wane_dnn_execute(kernel, &arguments, nil) == WANE_DNN_INVALID)
      #expect(String(cString: wane_dnn_last_error()) == "convolution: src must not be NULL")
      // Plain weights cannot be packed.
      #expect(wane_dnn_weights_bytes(kernel) == 0)
      #expect(wane_dnn_pack_weights(kernel, nil, nil) == WANE_DNN_INVALID)
      wane_dnn_kernel_destroy(kernel)
    }
    wane_dnn_kernel_destroy(nil)
  }

  @Test func kernelsAreMadeAndRunOnManyThreads() async {
    await withTaskGroup(of: Void.self) { group in
      for seed in 0..<4 {
        group.addTask {
          #expect(wane_dnn_thread_init() == WANE_DNN_OK)
          var random = TestRandom(seed: UInt64(seed))
          ConvolutionTests.check(Self.good, random: &random)
        }
      }
    }
  }

  /// The number of OpenMP threads belongs to the host, which may use OpenMP itself.
  @Test func theThreadCountOfTheHostIsLeftAlone() throws {
    typealias Get = @convention(c) () -> Int32
    typealias Set = @convention(c) (Int32) -> Void
    // libgomp is in the process already; its header is one compiler's own.
    let get = try #require(dlsym(nil, "omp_get_max_threads"))
    let set = try #require(dlsym(nil, "omp_set_num_threads"))
    let before = unsafeBitCast(get, to: Get.self)()
    unsafeBitCast(set, to: Set.self)(3)
    var random = TestRandom(seed: 5)
    ConvolutionTests.check(Self.good, random: &random)
    #expect(unsafeBitCast(get, to: Get.self)() == 3)
    unsafeBitCast(set, to: Set.self)(before)
  }
}
