#ifndef WANE_LEARNED_RANGE_H
#define WANE_LEARNED_RANGE_H

#include <stddef.h>
#include <stdint.h>

/* The sum over i of dy[i] ds(x[i]), where ds is what straight-through estimation takes for the
   derivative of y = scale * clamp(round(x / scale), least, most) by the scale:

     x / scale beyond least ... most:  the bound
     within:  round(x / scale) - x / scale  where `within` is not 0, else 0

   With `within` it is the rule of Esser et al. (learned step size quantization, 2020), without it
   that of Choi et al. (PACT, 2018). NaN counts as 0. */
float wane_range_scale_grad_f32(const float *x, const float *dy, size_t n, float scale,
                                int32_t least, int32_t most, int within);

#endif
