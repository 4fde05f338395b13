// Vector instructions for which Swift's library has loops over the lanes. The optimizer does not always
// put such a loop together again, or it does so for half a vector at a time.
#ifndef VECTORS_H
#define VECTORS_H

typedef float processor_vector8 __attribute__((ext_vector_type(8)));
typedef float processor_vector16 __attribute__((ext_vector_type(16)));

/// a b + c, rounded once.
static inline __attribute__((always_inline)) processor_vector8 processor_multiply_add8(
    processor_vector8 a, processor_vector8 b, processor_vector8 c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// a b + c, rounded once.
static inline __attribute__((always_inline)) processor_vector16 processor_multiply_add16(
    processor_vector16 a, processor_vector16 b, processor_vector16 c) {
  return __builtin_elementwise_fma(a, b, c);
}

/// The square root of each lane.
static inline __attribute__((always_inline)) processor_vector8 processor_square_root8(
    processor_vector8 a) {
  return __builtin_elementwise_sqrt(a);
}

/// The square root of each lane.
static inline __attribute__((always_inline)) processor_vector16 processor_square_root16(
    processor_vector16 a) {
  return __builtin_elementwise_sqrt(a);
}

/// Transposes 8 rows of 8 numbers, `source_step` apart, into rows `target_step` apart: pairs of rows are
/// interleaved by numbers, by pairs and by halves.
static inline __attribute__((always_inline)) void processor_transpose8(
    const float *source, long source_step, float *target, long target_step) {
  typedef float unaligned8 __attribute__((ext_vector_type(8), aligned(4)));
  processor_vector8 a[8], b[8];
#define EACH(body) { body(0) body(1) body(2) body(3) }
#define LOAD(i) a[2 * i] = *(const unaligned8 *)(source + 2 * i * source_step); \
  a[2 * i + 1] = *(const unaligned8 *)(source + (2 * i + 1) * source_step);
#define NUMBERS(i) \
  b[2 * i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13); \
  b[2 * i + 1] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
#define FIRST(i) (i % 2 + i / 2 * 4)
#define PAIRS(i) \
  a[2 * i] = __builtin_shufflevector(b[FIRST(i)], b[FIRST(i) + 2], 0, 1, 8, 9, 4, 5, 12, 13); \
  a[2 * i + 1] = __builtin_shufflevector(b[FIRST(i)], b[FIRST(i) + 2], 2, 3, 10, 11, 6, 7, 14, 15);
#define HALVES(i) \
  b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11); \
  b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
#define STORE(i) *(unaligned8 *)(target + 2 * i * target_step) = b[2 * i]; \
  *(unaligned8 *)(target + (2 * i + 1) * target_step) = b[2 * i + 1];
  EACH(LOAD) EACH(NUMBERS) EACH(PAIRS) EACH(HALVES) EACH(STORE)
#undef EACH
#undef LOAD
#undef NUMBERS
#undef FIRST
#undef PAIRS
#undef HALVES
#undef STORE
}

/// Asks the memory to bring the line of `address` close to the core, for a read that follows. An
/// address outside of the program's memory does no harm.
static inline __attribute__((always_inline)) void processor_prefetch(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

#endif
