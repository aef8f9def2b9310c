#ifndef WANE_SPIN_H
#define WANE_SPIN_H

#include <stdatomic.h>

/* Tells the processor that this is a waiting loop. */
static inline void wane_spin_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#endif
}

#endif
