#include "wane_background.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct wane_background {
  pthread_t thread;
  void (*function)(void *);
  void *context;
};

static void *wane_background_main(void *argument) {
  wane_background *background = argument;
  background->function(background->context);
  return NULL;
}

wane_background *wane_background_start(void (*function)(void *), void *context) {
  wane_background *background = malloc(sizeof *background);
  if (!background) return NULL;
  background->function = function;
  background->context = context;
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited by the thread */
  int status = pthread_create(&background->thread, NULL, wane_background_main, background);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  if (!status) return background;
  free(background);
  return NULL;
}

void wane_background_join(wane_background *background) {
  if (!background) return;
  pthread_join(background->thread, NULL);
  free(background);
}
