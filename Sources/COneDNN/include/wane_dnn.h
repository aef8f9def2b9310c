// Dense fp32 math for the graph executor, on oneDNN.
//
// Contract
// - Activations are plain at this interface: NHWC or row-major, contiguous, fp32. Weights are in
//   Keras layout: convolution HWIO, that is [KH, KW, C / groups, O]; depthwise [KH, KW, C,
//   multiplier] (the same bytes with groups = C, O = C * multiplier); dense [I, O].
// - A kernel is made once for fixed shapes. Executing it allocates nothing on behalf of this layer
//   and never changes the number of threads. One thread may use a kernel at a time; different
//   kernels are independent, and making kernels is thread-safe.
// - No function aborts. Every failure is a status, with a text in wane_dnn_last_error().
// - Which algorithm a kernel uses depends on shapes and on the machine, never on timing, so that a
//   run can be repeated bit for bit.
//
// What it does not do: fp16, integers, pooling, softmax, 1-D and 3-D convolution.

#ifndef WANE_DNN_H
#define WANE_DNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  WANE_DNN_OK = 0,
  WANE_DNN_INVALID = 1,  ///< A shape, flag or pointer makes no sense; the text says which.
  WANE_DNN_OUT_OF_MEMORY = 2,
  WANE_DNN_UNSUPPORTED = 3,  ///< Meaningful, but oneDNN has no implementation for it here.
  WANE_DNN_FAILED = 4,       ///< oneDNN reported a failure while it ran.
} wane_dnn_status;

/// The text of the last failure on the calling thread, "" when there was none. Never NULL.
const char *wane_dnn_last_error(void);

/// The library behind this layer: "oneDNN 2.6.3". Never NULL.
const char *wane_dnn_version(void);

/// Makes the calling thread run every kernel by itself, without OpenMP helpers, and creates the
/// engine. Every worker thread calls it once before its first kernel; calling it again is harmless.
wane_dnn_status wane_dnn_thread_init(void);

// Making kernels

/// The kernel adds a bias vector [O] (forward), or computes its gradient (backward weights).
#define WANE_DNN_BIAS 0x1u
/// max(0, x) on the output. Forward and matrix product only.
#define WANE_DNN_RELU 0x2u
/// `weights` is in Keras layout at every execution (training), instead of packed once (inference).
#define WANE_DNN_PLAIN_WEIGHTS 0x4u
/// Operands may be rounded to bf16 before they are multiplied; sums, results and everything at this
/// interface stay fp32. Convolutions and dense layers only, and only where it is faster on this
/// machine.
#define WANE_DNN_BF16 0x8u

/// How a kernel computes. AUTO is right unless a test or a measurement wants a certain one; asking
/// for one that cannot compute the shape is WANE_DNN_UNSUPPORTED.
typedef enum {
  WANE_DNN_AUTO = 0,
  WANE_DNN_DIRECT = 1,   ///< oneDNN primitive on plain NHWC.
  WANE_DNN_BLOCKED = 2,  ///< oneDNN in the layout it likes best, image by image through scratch.
  WANE_DNN_GEMM = 3,     ///< oneDNN's sgemm. Dense layers only.
  WANE_DNN_OWN = 4,      ///< A loop of this target, where it beats oneDNN.
} wane_dnn_algorithm;

typedef struct wane_dnn_kernel wane_dnn_kernel;

/// A 2-D convolution. Output height = (height + pad_top + pad_bottom - dilation_h * (kernel_h - 1)
/// - 1) / stride_h + 1, width alike. Strides and dilations are at least 1 (1: dense kernel).
typedef struct {
  int64_t batch, height, width, in_channels;
  int64_t out_channels, kernel_h, kernel_w;
  int64_t stride_h, stride_w;
  int64_t dilation_h, dilation_w;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  int64_t groups;
} wane_dnn_convolution;

/// A dense layer: [batch, inputs] x [inputs, outputs].
typedef struct {
  int64_t batch, inputs, outputs;
} wane_dnn_dense;

/// A batch of products c[m, n] = a[m, k] b[k, n], row-major. A transposed operand is stored [k, m]
/// or [n, k]. With shared_b every product of the batch uses the one matrix b.
typedef struct {
  int64_t batch, m, n, k;
  int32_t transpose_a, transpose_b, shared_b;
} wane_dnn_matmul;

/// Writes the output height and width of a convolution.
wane_dnn_status wane_dnn_convolution_output(const wane_dnn_convolution *shape, int64_t *height,
                                            int64_t *width);

/// dst = src * weights (+ bias) (relu). Flags: BIAS, RELU, PLAIN_WEIGHTS.
wane_dnn_status wane_dnn_convolution_forward_create(const wane_dnn_convolution *shape,
                                                    uint32_t flags, wane_dnn_algorithm algorithm,
                                                    wane_dnn_kernel **kernel);
/// diff_src from diff_dst and weights. Flags: PLAIN_WEIGHTS.
wane_dnn_status wane_dnn_convolution_backward_data_create(const wane_dnn_convolution *shape,
                                                          uint32_t flags,
                                                          wane_dnn_algorithm algorithm,
                                                          wane_dnn_kernel **kernel);
/// diff_weights in Keras layout (and diff_bias) from src and diff_dst, overwritten. Flags: BIAS.
wane_dnn_status wane_dnn_convolution_backward_weights_create(const wane_dnn_convolution *shape,
                                                             uint32_t flags,
                                                             wane_dnn_algorithm algorithm,
                                                             wane_dnn_kernel **kernel);

/// The same three for a dense layer.
wane_dnn_status wane_dnn_dense_forward_create(const wane_dnn_dense *shape, uint32_t flags,
                                              wane_dnn_algorithm algorithm,
                                              wane_dnn_kernel **kernel);
wane_dnn_status wane_dnn_dense_backward_data_create(const wane_dnn_dense *shape, uint32_t flags,
                                                    wane_dnn_algorithm algorithm,
                                                    wane_dnn_kernel **kernel);
wane_dnn_status wane_dnn_dense_backward_weights_create(const wane_dnn_dense *shape, uint32_t flags,
                                                       wane_dnn_algorithm algorithm,
                                                       wane_dnn_kernel **kernel);

/// dst = src weights (+ bias [n]) (relu), where src is a and weights is b, both plain. Flags: BIAS,
/// RELU.
wane_dnn_status wane_dnn_matmul_create(const wane_dnn_matmul *shape, uint32_t flags,
                                       wane_dnn_kernel **kernel);

/// Gives back a kernel; NULL is allowed.
void wane_dnn_kernel_destroy(wane_dnn_kernel *kernel);

// Using kernels

/// Bytes of scratch that one execution needs, 64-byte aligned; 0 means the pointer may be NULL.
/// Kernels of one thread can share one scratch of the largest size.
size_t wane_dnn_scratch_bytes(const wane_dnn_kernel *kernel);

/// Bytes of the packed weights, 64-byte aligned; 0 for a kernel that takes them plain or takes
/// none.
size_t wane_dnn_weights_bytes(const wane_dnn_kernel *kernel);

/// Packs weights from Keras layout for this kernel. Padding is cleared.
wane_dnn_status wane_dnn_pack_weights(wane_dnn_kernel *kernel, const float *plain, void *packed);

/// Pointers of one execution. Those a kernel does not name in its creation function are ignored.
/// Inputs and outputs must not overlap.
typedef struct {
  const float *src;
  const void *weights;
  const float *bias;
  float *dst;
  const float *diff_dst;
  float *diff_src;
  float *diff_weights;
  float *diff_bias;
} wane_dnn_arguments;

/// Runs the kernel on the calling thread and returns when it is done.
wane_dnn_status wane_dnn_execute(wane_dnn_kernel *kernel, const wane_dnn_arguments *arguments,
                                 void *scratch);

/// One product c[m, n] = a[m, k] b[k, n] of row-major matrices, added to what c holds when
/// `accumulate` is not 0. The rows of a, b and c lie `a_step`, `b_step`, `c_step` elements apart,
/// so that each may be part of a larger matrix. A transposed operand is stored [k, m] or [n, k].
typedef struct {
  int64_t m, n, k;
  int64_t a_step, b_step, c_step;
  int32_t transpose_a, transpose_b, accumulate;
} wane_dnn_multiplication;

/// WANE_DNN_OK when every extent is in 1 ... 2^31 - 1 and no step is shorter than its row.
wane_dnn_status wane_dnn_multiplication_check(const wane_dnn_multiplication *shape);

/// Multiplies on the calling thread, without a kernel: for operations that do many small products.
/// The product is multiplied by `scale` before it is stored or added.
wane_dnn_status wane_dnn_multiply(const wane_dnn_multiplication *shape, float scale, const float *a,
                                  const float *b, float *c);

/// Whether operands are rounded to bf16: not 0 when the flag was set and it is faster here.
int32_t wane_dnn_rounds_to_bf16(const wane_dnn_kernel *kernel);

/// What computes: "jit:avx2", "wane gradient:avx2", "sgemm". For profiles and reports; valid as
/// long as the kernel.
const char *wane_dnn_implementation(const wane_dnn_kernel *kernel);

#ifdef __cplusplus
}
#endif

#endif
