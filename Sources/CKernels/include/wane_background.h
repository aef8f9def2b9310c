#ifndef WANE_BACKGROUND_H
#define WANE_BACKGROUND_H

/* One piece of work on a thread of its own. */

#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#endif

typedef struct wane_background wane_background;

/* Calls `function(context)` on a new thread, which blocks all signals: Ctrl-C reaches the thread
   that runs Lua. NULL when there is no thread to be had; nothing is called then. */
wane_background *_Nullable wane_background_start(void (*function)(void *_Nullable context),
                                                 void *_Nullable context);

/* Waits for the end of the work and frees the handle. NULL is ignored. */
void wane_background_join(wane_background *_Nullable background);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif

#endif
