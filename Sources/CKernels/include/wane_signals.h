#ifndef WANE_SIGNALS_H
#define WANE_SIGNALS_H

/* Keeps signals from being handled on the calling thread until it releases them again. Calls nest:
   only the outermost pair asks the system. Signals that report a fault of the thread itself are not
   held.

   Code that oneDNN generates for matrix products keeps data below the stack pointer, where a signal
   handler's frame overwrites them (seen in oneDNN 2.6): Ctrl-C at the wrong moment then damages the
   heap. A handler on a stack of its own would do no harm, but the handler is the host's. */
void wane_signals_hold(void);
void wane_signals_release(void);

#endif
