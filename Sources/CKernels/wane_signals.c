#include "wane_signals.h"

#include <pthread.h>
#include <signal.h>

static _Thread_local int holds;
static _Thread_local sigset_t before;

void wane_signals_hold(void) {
  if (holds++ > 0) return;
  static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
  sigset_t held;
  sigfillset(&held);
  for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) sigdelset(&held, faults[i]);
  pthread_sigmask(SIG_BLOCK, &held, &before);
}

void wane_signals_release(void) {
  if (--holds == 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
}
