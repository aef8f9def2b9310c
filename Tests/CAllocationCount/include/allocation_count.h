#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

/* How often the calling thread has asked the heap for memory since it started; -1 where that cannot
   be counted. What oneDNN asks for itself is left out. Linking this target puts a counter in front
   of the C library's allocator. */
int64_t allocation_count(void);

/* Starts to look for the most bytes of the heap that the calling thread holds at once, beyond those
   it holds now. */
void allocation_peak_start(void);

/* Those bytes so far; -1 where they cannot be counted. */
int64_t allocation_peak(void);

#endif
