// Runs before `main`: refuses to start on a processor that lacks the instructions this program was
// compiled for, and lets OpenBLAS use the kernels that the processor deserves.
//
// OpenBLAS picks its kernels when it is loaded. An older one does not know a newer processor and
// falls back to kernels that are two to five times slower. The choice can be made for it only
// through the environment, and only before it is loaded; so if the choice is poor, the variable is
// set and the program starts itself once more. A variable that the user has set stays as it is.

#include "CProcessor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

char *openblas_get_corename(void);
void openblas_set_num_threads(int);

const char *processor_blas_kernels(void) { return openblas_get_corename(); }

#if defined(__x86_64__)

int processor_has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

// The first instruction set that the compiler was allowed to use and this processor lacks.
static const char *missing_instructions(void) {
#define REQUIRE(name) \
  if (!__builtin_cpu_supports(name)) return name;
#ifdef __AVX2__
  REQUIRE("avx2")
#endif
#ifdef __FMA__
  REQUIRE("fma")
#endif
#ifdef __BMI2__
  REQUIRE("bmi2")
#endif
#ifdef __AVX512F__
  REQUIRE("avx512f")
#endif
#ifdef __AVX512DQ__
  REQUIRE("avx512dq")
#endif
#ifdef __AVX512BW__
  REQUIRE("avx512bw")
#endif
#ifdef __AVX512VL__
  REQUIRE("avx512vl")
#endif
#ifdef __AVX512VBMI__
  REQUIRE("avx512vbmi")
#endif
#ifdef __AVX512VNNI__
  REQUIRE("avx512vnni")
#endif
#ifdef __AVX512BF16__
  REQUIRE("avx512bf16")
#endif
#undef REQUIRE
  return NULL;
}

static const char *deserved_kernels(void) {
  if (processor_has_avx512()) return "SkylakeX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
  return NULL;
}

// Families of OpenBLAS kernels that are as good as the deserved ones or better.
static int serves(const char *chosen, const char *deserved) {
  const char *wide[] = {"SkylakeX", "Cooperlake", "SapphireRapids", NULL};
  const char *medium[] = {"Haswell", "Zen", NULL};
  const char **list = strcmp(deserved, "SkylakeX") == 0 ? wide : medium;
  for (; *list; list++)
    if (strcasecmp(chosen, *list) == 0) return 1;
  return 0;
}

__attribute__((constructor)) static void prepare_processor(int argc, char **argv, char **envp) {
  (void)argc;
  (void)envp;
  __builtin_cpu_init();
  const char *missing = missing_instructions();
  if (missing) {
    fprintf(stderr,
            "error: this program was built for a processor with %s instructions, which this one "
            "lacks; build it again on this machine (swift package clean && swift build)\n",
            missing);
    _exit(1);
  }
  const char *deserved = deserved_kernels();
  if (deserved && !getenv("OPENBLAS_CORETYPE") && !serves(openblas_get_corename(), deserved)) {
    setenv("OPENBLAS_CORETYPE", deserved, 1);
    execv("/proc/self/exe", argv);
    unsetenv("OPENBLAS_CORETYPE");  // The restart failed: go on with the kernels that are there.
  }
  openblas_set_num_threads(1);  // Work is split over threads above OpenBLAS, never inside it.
}

#else

int processor_has_avx512(void) { return 0; }

__attribute__((constructor)) static void prepare_processor(void) { openblas_set_num_threads(1); }

#endif
