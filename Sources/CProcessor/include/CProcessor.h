// What has to happen before any vector instruction of this program runs: see processor.c.
#ifndef CPROCESSOR_H
#define CPROCESSOR_H

#include "Vectors.h"

/// The name of the OpenBLAS kernels in use, such as "SkylakeX" or "Haswell".
const char *processor_blas_kernels(void);

/// Whether the processor has the AVX-512 instructions that the wide kernels need.
int processor_has_avx512(void);

#endif
