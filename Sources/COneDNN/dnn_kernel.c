#include "dnn_kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnn_engine.h"
#include "dnn_error.h"
#include "wane_signals.h"

enum { SCRATCH_ALIGNMENT = 64 };

// With AVX2, the gradient of the weights of strided convolutions of single pixels (oneDNN 2.6.3,
// jit_1x1:avx2) writes up to 212 bytes beyond the scratch memory it asks for: found with 2 900
// shapes, guarded, under valgrind. With this room none of them does.
static size_t scratch_room(size_t bytes) {
  const unsigned isa = (unsigned)dnnl_get_effective_cpu_isa();
  const bool has_avx512 = (isa & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
  return has_avx512 || bytes > PTRDIFF_MAX / 4 ? bytes : 2 * bytes + 256;
}

wane_dnn_status wane_dnn_kernel_new(const char *name, wane_dnn_kernel **kernel) {
  *kernel = NULL;
  dnnl_engine_t engine;
  wane_dnn_status status = wane_dnn_engine(&engine);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_kernel *made = calloc(1, sizeof *made);
  if (made == NULL) return wane_dnn_fail(WANE_DNN_OUT_OF_MEMORY, "%s: not enough memory", name);
  made->name = name;
  made->chunks = 1;
  made->run = wane_dnn_run_steps;
  // A stream for each kernel: nothing is shared between threads that run different kernels.
  status = wane_dnn_check(dnnl_stream_create(&made->stream, engine, dnnl_stream_default_flags),
                          "oneDNN stream");
  if (status != WANE_DNN_OK) {
    free(made);
    return status;
  }
  *kernel = made;
  return WANE_DNN_OK;
}

static void step_destroy(wane_dnn_step *step) {
  for (int i = 0; i < step->count; i++) dnnl_memory_destroy(step->bindings[i].memory);
  if (step->primitive != NULL) dnnl_primitive_destroy(step->primitive);
}

void wane_dnn_kernel_destroy(wane_dnn_kernel *kernel) {
  if (kernel == NULL) return;
  for (int i = 0; i < MAX_STEPS; i++) step_destroy(&kernel->steps[i]);
  step_destroy(&kernel->pack);
  if (kernel->stream != NULL) dnnl_stream_destroy(kernel->stream);
  free(kernel->offsets);
  free(kernel);
}

wane_dnn_status wane_dnn_reserve_scratch(wane_dnn_kernel *kernel, size_t bytes, size_t *offset) {
  *offset = kernel->scratch_bytes;
  size_t end;
  if (__builtin_add_overflow(kernel->scratch_bytes, bytes, &end) || end > PTRDIFF_MAX / 2) {
    return wane_dnn_fail(WANE_DNN_INVALID, "%s: the shape needs too much scratch memory",
                         kernel->name);
  }
  kernel->scratch_bytes = (end + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_step_bind(wane_dnn_step *step, int argument, wane_dnn_layout_ref layout,
                                   wane_dnn_slot slot, size_t offset, size_t stride) {
  dnnl_engine_t engine;
  wane_dnn_status status = wane_dnn_engine(&engine);
  if (status != WANE_DNN_OK) return status;
  wane_dnn_binding *binding = &step->bindings[step->count];
  // No address yet: none may be touched before the first execution gives one.
  status = wane_dnn_check(dnnl_memory_create(&binding->memory, layout, engine, DNNL_MEMORY_NONE),
                          "oneDNN memory");
  if (status != WANE_DNN_OK) return status;
  binding->slot = slot;
  binding->offset = offset;
  binding->stride = stride;
  step->arguments[step->count].arg = argument;
  step->arguments[step->count].memory = binding->memory;
  step->count++;
  return WANE_DNN_OK;
}

wane_dnn_status wane_dnn_step_make(wane_dnn_kernel *kernel, wane_dnn_step *step,
                                   dnnl_primitive_desc_t descriptor) {
  wane_dnn_layout_ref scratchpad =
      dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
  const size_t bytes = scratchpad != NULL ? dnnl_memory_desc_get_size(scratchpad) : 0;
  wane_dnn_status status =
      wane_dnn_check(dnnl_primitive_create(&step->primitive, descriptor), kernel->name);
  if (status == WANE_DNN_OK && bytes > 0) {
    size_t offset;
    status = wane_dnn_reserve_scratch(kernel, scratch_room(bytes), &offset);
    if (status == WANE_DNN_OK) {
      status = wane_dnn_step_bind(step, DNNL_ARG_SCRATCHPAD, scratchpad, SLOT_SCRATCH, offset, 0);
    }
  }
  dnnl_primitive_desc_destroy(descriptor);
  return status;
}

wane_dnn_status wane_dnn_step_reorder(wane_dnn_kernel *kernel, wane_dnn_step *step,
                                      wane_dnn_layout_ref from, wane_dnn_slot from_slot,
                                      size_t from_offset, wane_dnn_layout_ref to,
                                      wane_dnn_slot to_slot, size_t to_offset) {
  dnnl_primitive_desc_t descriptor;
  wane_dnn_status status = wane_dnn_describe_reorder(from, to, &descriptor);
  if (status != WANE_DNN_OK) return status;
  status = wane_dnn_step_make(kernel, step, descriptor);
  if (status == WANE_DNN_OK) {
    status = wane_dnn_step_bind(step, DNNL_ARG_FROM, from, from_slot, from_offset, 0);
  }
  if (status == WANE_DNN_OK) {
    status = wane_dnn_step_bind(step, DNNL_ARG_TO, to, to_slot, to_offset, 0);
  }
  return status;
}

// Execution

static dnnl_status_t bind_address(wane_dnn_binding *binding, void *address) {
  if (binding->bound == address) return dnnl_success;
  const dnnl_status_t status = dnnl_memory_set_data_handle(binding->memory, address);
  binding->bound = status == dnnl_success ? address : NULL;
  return status;
}

static dnnl_status_t run_step(wane_dnn_step *step, dnnl_stream_t stream, void *const *slots,
                              int64_t chunk) {
  for (int i = 0; i < step->count; i++) {
    wane_dnn_binding *binding = &step->bindings[i];
    char *address =
        (char *)slots[binding->slot] + binding->offset + (size_t)chunk * binding->stride;
    const dnnl_status_t status = bind_address(binding, address);
    if (status != dnnl_success) return status;
  }
  wane_signals_hold();
  const dnnl_status_t status =
      dnnl_primitive_execute(step->primitive, stream, step->count, step->arguments);
  wane_signals_release();
  return status;
}

wane_dnn_status wane_dnn_run_steps(wane_dnn_kernel *kernel, void *const *slots) {
  for (int64_t chunk = 0; chunk < kernel->chunks; chunk++) {
    for (int i = 0; i < kernel->step_count; i++) {
      wane_dnn_step *step = &kernel->steps[i];
      if (chunk > 0 && !step->chunked) continue;
      const dnnl_status_t status = run_step(step, kernel->stream, slots, chunk);
      if (status != dnnl_success) return wane_dnn_check(status, kernel->name);
    }
  }
  return WANE_DNN_OK;
}

static const char *const slot_names[SLOT_COUNT] = {
    "src", "weights", "bias", "dst", "diff_dst", "diff_src", "diff_weights", "diff_bias", "scratch",
};

wane_dnn_status wane_dnn_execute(wane_dnn_kernel *kernel, const wane_dnn_arguments *arguments,
                                 void *scratch) {
  // oneDNN takes every address as void *; inputs are not written.
  void *const slots[SLOT_COUNT] = {
      [SLOT_SRC] = (void *)arguments->src,
      [SLOT_WEIGHTS] = (void *)arguments->weights,
      [SLOT_BIAS] = (void *)arguments->bias,
      [SLOT_DST] = arguments->dst,
      [SLOT_DIFF_DST] = (void *)arguments->diff_dst,
      [SLOT_DIFF_SRC] = arguments->diff_src,
      [SLOT_DIFF_WEIGHTS] = arguments->diff_weights,
      [SLOT_DIFF_BIAS] = arguments->diff_bias,
      [SLOT_SCRATCH] = scratch,
  };
  for (int i = 0; i < SLOT_COUNT; i++) {
    const bool required = (kernel->required >> i & 1u) != 0;
    if (required && slots[i] == NULL) {
      return wane_dnn_fail(WANE_DNN_INVALID, "%s: %s must not be NULL", kernel->name,
                           slot_names[i]);
    }
  }
  if (kernel->scratch_bytes > 0 &&
      (scratch == NULL || (uintptr_t)scratch % SCRATCH_ALIGNMENT != 0)) {
    return wane_dnn_fail(WANE_DNN_INVALID, "%s: scratch must be %zu bytes at a multiple of %d",
                         kernel->name, kernel->scratch_bytes, SCRATCH_ALIGNMENT);
  }
  const int previous = wane_dnn_enter();
  const wane_dnn_status status = kernel->run(kernel, slots);
  wane_dnn_leave(previous);
  return status;
}

// Weights and queries

size_t wane_dnn_scratch_bytes(const wane_dnn_kernel *kernel) { return kernel->scratch_bytes; }

size_t wane_dnn_weights_bytes(const wane_dnn_kernel *kernel) { return kernel->weights_bytes; }

int32_t wane_dnn_rounds_to_bf16(const wane_dnn_kernel *kernel) { return kernel->rounds_to_bf16; }

const char *wane_dnn_implementation(const wane_dnn_kernel *kernel) {
  return kernel->implementation;
}

wane_dnn_status wane_dnn_pack_weights(wane_dnn_kernel *kernel, const float *plain, void *packed) {
  if (kernel->weights_bytes == 0) {
    return wane_dnn_fail(WANE_DNN_INVALID, "%s: this kernel takes no packed weights", kernel->name);
  }
  if (plain == NULL || packed == NULL) {
    return wane_dnn_fail(WANE_DNN_INVALID, "%s: weights must not be NULL", kernel->name);
  }
  if (kernel->pack_with != NULL) {
    kernel->pack_with(kernel, plain, packed);
    return WANE_DNN_OK;
  }
  if (kernel->pack.primitive == NULL) {
    memcpy(packed, plain, kernel->weights_bytes);
    return WANE_DNN_OK;
  }
  // Packing is rare, so it may allocate the scratch that its reorder shares with the kernel.
  void *scratch = NULL;
  if (kernel->scratch_bytes > 0 &&
      posix_memalign(&scratch, SCRATCH_ALIGNMENT, kernel->scratch_bytes) != 0) {
    return wane_dnn_fail(WANE_DNN_OUT_OF_MEMORY, "%s: not enough memory", kernel->name);
  }
  memset(packed, 0, kernel->weights_bytes);
  void *const slots[SLOT_COUNT] = {
      [SLOT_SRC] = (void *)plain, [SLOT_WEIGHTS] = packed, [SLOT_SCRATCH] = scratch};
  const int previous = wane_dnn_enter();
  const dnnl_status_t status = run_step(&kernel->pack, kernel->stream, slots, 0);
  wane_dnn_leave(previous);
  free(scratch);
  return wane_dnn_check(status, kernel->name);
}
