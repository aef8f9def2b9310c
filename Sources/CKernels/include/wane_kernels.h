#ifndef WANE_KERNELS_H
#define WANE_KERNELS_H

/* Wane's native kernels. Each header is the reference of one concept. */

#include "wane_activation.h"
#include "wane_augment.h"
#include "wane_background.h"
#include "wane_bits.h"
#include "wane_cast.h"
#include "wane_code_entropy.h"
#include "wane_cpu.h"
#include "wane_elementwise.h"
#include "wane_embedding.h"
#include "wane_exact.h"
#include "wane_group_norm.h"
#include "wane_integer.h"
#include "wane_learned_range.h"
#include "wane_loss.h"
#include "wane_memory.h"
#include "wane_normalization.h"
#include "wane_optimizer.h"
#include "wane_order.h"
#include "wane_pool.h"
#include "wane_pooling.h"
#include "wane_quantize.h"
#include "wane_random.h"
#include "wane_recurrent.h"
#include "wane_reduction.h"
#include "wane_relation.h"
#include "wane_resample.h"
#include "wane_signals.h"
#include "wane_softmax.h"
#include "wane_target_loss.h"

#endif
