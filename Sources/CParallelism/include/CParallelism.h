// What threads need to know of the processor.
#ifndef CPARALLELISM_H
#define CPARALLELISM_H

/// The number of cores that this process may run on.
int parallelism_available_cores(void);

/// Tells the processor that this thread waits for another one in a loop.
static inline void parallelism_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
