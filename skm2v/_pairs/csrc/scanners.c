/* Products of codes for every instruction set, and the choice among them. */
#include "scan.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

/* Writes the columns whose bits are set in `mask`. */
#define EMIT(mask, the_row, first)                       \
  while (mask) {                                         \
    out[n].row = (uint32_t)(the_row);                    \
    out[n].column = (uint32_t)(first) + skm_ctz64(mask); \
    n++;                                                 \
    mask &= mask - 1;                                    \
  }

/* Sixteen float64 lanes, whatever the instruction set, added in one fixed order. Products of
 * floats are exact; additions are never fused with them. */
#define DEFINE_DOT(SUFFIX, TARGET)                                             \
  TARGET static double dot_##SUFFIX(const float *SKM_RESTRICT a,               \
                                    const float *SKM_RESTRICT b, size_t dim) { \
    double lanes[16] = {0};                                                    \
    size_t j;                                                                  \
    int lane, half;                                                            \
    for (j = 0; j + 16 <= dim; j += 16)                                        \
      UNROLL for (lane = 0; lane < 16; lane++)                                 \
          lanes[lane] += (double)a[j + lane] * (double)b[j + lane];            \
    for (lane = 0; j < dim; j++, lane++) lanes[lane] += (double)a[j] * (double)b[j]; \
    for (half = 8; half; half /= 2)                                            \
      for (lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];   \
    return lanes[0];                                                           \
  }

/* The exponent of a float16 has another bias; its subnormal numbers are what is left of normal ones
 * without their leading bit. No float is subnormal on the way. */
#define DEFINE_WIDEN(SUFFIX, TARGET)                                                        \
  TARGET static void widen_##SUFFIX(const uint16_t *SKM_RESTRICT halves,                    \
                                    float *SKM_RESTRICT out, size_t dim) {                  \
    size_t j;                                                                               \
    for (j = 0; j < dim; j++) {                                                             \
      uint32_t bits = (uint32_t)(halves[j] & 0x7fff) << 13, small = bits < 0x800000;        \
      uint32_t sign = (uint32_t)(halves[j] & 0x8000) << 16;                                 \
      float value, lead;                                                                    \
      bits += 0x38000000 + (small << 23);                                                   \
      memcpy(&value, &bits, 4);                                                             \
      bits = small * 0x38800000;                                                            \
      memcpy(&lead, &bits, 4);                                                              \
      value -= lead;                                                                        \
      memcpy(&bits, &value, 4);                                                             \
      bits |= sign;                                                                         \
      memcpy(out + j, &bits, 4);                                                            \
    }                                                                                       \
  }

/* ---- plain C ------------------------------------------------------------------------------ */

DEFINE_DOT(scalar, )
DEFINE_WIDEN(scalar, )

static size_t candidates_scalar(const uint8_t *const *codes, size_t width, const int32_t *floors,
                                int n_rows, const int8_t *columns, const int32_t *limits,
                                size_t start, size_t stop, skm_candidate *out) {
  size_t n = 0, j, k;
  int r, c;
  for (j = start; j < stop; j += SKM_GROUP) {
    const int8_t *group = columns + j * width;
    for (r = 0; r < n_rows; r++) {
      int32_t sums[SKM_GROUP];
      uint64_t mask = 0;
      for (c = 0; c < SKM_GROUP; c++) sums[c] = -floors[r];
      for (k = 0; k < width; k += 4) {
        const int8_t *four = group + k * SKM_GROUP;
        const int8_t *row = (const int8_t *)codes[r] + k;
        int32_t a0 = row[0], a1 = row[1], a2 = row[2], a3 = row[3];
        for (c = 0; c < SKM_GROUP; c++)
          sums[c] += a0 * four[4 * c] + a1 * four[4 * c + 1] + a2 * four[4 * c + 2] +
                     a3 * four[4 * c + 3];
      }
      for (c = 0; c < SKM_GROUP; c++) mask |= (uint64_t)(sums[c] > limits[j + c]) << c;
      EMIT(mask, r, j)
    }
  }
  return n;
}

static const skm_scanner scanner_scalar = {"scalar", 4,          127, 0, candidates_scalar,
                                           dot_scalar, widen_scalar};

#if defined(SKM_X86_64)

/* ---- AVX2 --------------------------------------------------------------------------------- */

#define TARGET_AVX2 SKM_TARGET("avx2")
DEFINE_DOT(avx2, TARGET_AVX2)
DEFINE_WIDEN(avx2, TARGET_AVX2)

/* vpmaddubsw adds two products in 16 bits, so the codes of rows have 7 bits: 2 * 127 * 127 fits. */
TARGET_AVX2 static size_t candidates_avx2(const uint8_t *const *codes, size_t width,
                                          const int32_t *floors, int n_rows, const int8_t *columns,
                                          const int32_t *limits, size_t start, size_t stop,
                                          skm_candidate *out) {
  const __m256i one = _mm256_set1_epi16(1);
  size_t n = 0, j, k;
  int r;
  for (j = start; j < stop; j += SKM_GROUP) {
    const int8_t *group = columns + j * width;
    __m256i low[4], high[4], most_low, most_high;
    __m256i low_limit = _mm256_loadu_si256((const __m256i *)(limits + j));
    __m256i high_limit = _mm256_loadu_si256((const __m256i *)(limits + j + 8));
    UNROLL for (r = 0; r < 4; r++) low[r] = high[r] = _mm256_set1_epi32(-floors[r]);
    for (k = 0; k < width; k += 4) {
      __m256i b0 = _mm256_loadu_si256((const __m256i *)(group + k * SKM_GROUP));
      __m256i b1 = _mm256_loadu_si256((const __m256i *)(group + k * SKM_GROUP + 32));
      UNROLL for (r = 0; r < 4; r++) {
        int32_t four;
        __m256i a;
        memcpy(&four, codes[r] + k, 4);
        a = _mm256_set1_epi32(four);
        low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b0), one));
        high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b1), one));
      }
    }
    most_low = low[0], most_high = high[0];
    UNROLL for (r = 1; r < 4; r++) {
      most_low = _mm256_max_epi32(most_low, low[r]);
      most_high = _mm256_max_epi32(most_high, high[r]);
    }
    most_low = _mm256_or_si256(_mm256_cmpgt_epi32(most_low, low_limit),
                               _mm256_cmpgt_epi32(most_high, high_limit));
    if (SKM_LIKELY(_mm256_testz_si256(most_low, most_low))) continue;
    UNROLL for (r = 0; r < 4; r++) {
      int m0 = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(low[r], low_limit)));
      int m1 = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(high[r], high_limit)));
      uint64_t mask = (uint64_t)(unsigned)m0 | (uint64_t)(unsigned)m1 << 8;
      if (r < n_rows) EMIT(mask, r, j)
    }
  }
  return n;
}

static const skm_scanner scanner_avx2 = {"avx2",   4,         63, 64, candidates_avx2,
                                         dot_avx2, widen_avx2};

/* ---- AVX-512 with VNNI -------------------------------------------------------------------- */

#if defined(__GNUC__) && !defined(__clang__)
#define TARGET_VNNI \
  SKM_TARGET("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni,prefer-vector-width=512")
#else
#define TARGET_VNNI SKM_TARGET("avx512f,avx512vl,avx512bw,avx512dq,avx512vnni")
#endif
DEFINE_DOT(avx512vnni, TARGET_VNNI)

TARGET_VNNI static void widen_avx512vnni(const uint16_t *SKM_RESTRICT halves,
                                         float *SKM_RESTRICT out, size_t dim) {
  size_t j;
  for (j = 0; j + 16 <= dim; j += 16)
    _mm512_storeu_ps(out + j, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(halves + j))));
  widen_scalar(halves + j, out + j, dim - j);
}

/* One row: as nothing is used twice, memory is all that counts. It is read in its order, and ahead.
 * Four sums, as each addition waits for the one before it. */
TARGET_VNNI static size_t one_avx512vnni(const uint8_t *codes, size_t width, int32_t floor,
                                         const int8_t *columns, const int32_t *limits,
                                         size_t start, size_t stop, skm_candidate *out) {
  size_t n = 0, j, k;
  int i;
  for (j = start; j < stop; j += SKM_GROUP) {
    const int8_t *group = columns + j * width, *ahead = group + 2 * SKM_GROUP * width;
    __m512i sums[4];
    uint64_t mask;
    sums[0] = _mm512_set1_epi32(-floor);
    sums[1] = sums[2] = sums[3] = _mm512_setzero_si512();
    for (k = 0; k + 16 <= width; k += 16) UNROLL for (i = 0; i < 4; i++) {
        int32_t four;
        memcpy(&four, codes + k + 4 * i, 4);
        SKM_PREFETCH(ahead + (k + 4 * i) * SKM_GROUP);
        sums[i] = _mm512_dpbusd_epi32(sums[i], _mm512_set1_epi32(four),
                                      _mm512_loadu_si512(group + (k + 4 * i) * SKM_GROUP));
      }
    for (; k < width; k += 4) {
      int32_t four;
      memcpy(&four, codes + k, 4);
      sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_set1_epi32(four),
                                    _mm512_loadu_si512(group + k * SKM_GROUP));
    }
    sums[0] = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]),
                               _mm512_add_epi32(sums[2], sums[3]));
    mask = _mm512_cmpgt_epi32_mask(sums[0], _mm512_loadu_si512(limits + j));
    EMIT(mask, 0, j)
  }
  return n;
}

TARGET_VNNI static size_t candidates_avx512vnni(const uint8_t *const *codes, size_t width,
                                                const int32_t *floors, int n_rows,
                                                const int8_t *columns, const int32_t *limits,
                                                size_t start, size_t stop, skm_candidate *out) {
  size_t n = 0, j, k;
  int r;
  if (n_rows == 1)
    return one_avx512vnni(codes[0], width, floors[0], columns, limits, start, stop, out);
  for (j = start; j < stop; j += 2 * SKM_GROUP) {
    const int8_t *group = columns + j * width, *next = group + SKM_GROUP * width;
    __m512i low[6], high[6], most_low, most_high;
    __m512i low_limit = _mm512_loadu_si512(limits + j);
    __m512i high_limit = _mm512_loadu_si512(limits + j + SKM_GROUP);
    UNROLL for (r = 0; r < 6; r++) low[r] = high[r] = _mm512_set1_epi32(-floors[r]);
    for (k = 0; k < width; k += 4) {
      __m512i b0 = _mm512_loadu_si512(group + k * SKM_GROUP);
      __m512i b1 = _mm512_loadu_si512(next + k * SKM_GROUP);
      UNROLL for (r = 0; r < 6; r++) {
        int32_t four;
        __m512i a;
        memcpy(&four, codes[r] + k, 4);
        a = _mm512_set1_epi32(four);
        low[r] = _mm512_dpbusd_epi32(low[r], a, b0);
        high[r] = _mm512_dpbusd_epi32(high[r], a, b1);
      }
    }
    /* Most columns have no candidate in any row: one comparison tells for all of them. */
    most_low = low[0], most_high = high[0];
    UNROLL for (r = 1; r < 6; r++) {
      most_low = _mm512_max_epi32(most_low, low[r]);
      most_high = _mm512_max_epi32(most_high, high[r]);
    }
    if (SKM_LIKELY(!(_mm512_cmpgt_epi32_mask(most_low, low_limit) |
                     _mm512_cmpgt_epi32_mask(most_high, high_limit))))
      continue;
    UNROLL for (r = 0; r < 6; r++) {
      uint64_t mask = (uint64_t)_mm512_cmpgt_epi32_mask(low[r], low_limit) |
                      (uint64_t)_mm512_cmpgt_epi32_mask(high[r], high_limit) << 16;
      if (r < n_rows) EMIT(mask, r, j)
    }
  }
  return n;
}

static const skm_scanner scanner_avx512vnni = {
    "avx512vnni", 6, 127, 128, candidates_avx512vnni, dot_avx512vnni, widen_avx512vnni};

static int has_avx2(void) {
#if defined(_MSC_VER) && !defined(__clang__)
  int leaf1[4], leaf7[4];
  __cpuid(leaf1, 1);
  __cpuidex(leaf7, 7, 0);
  return (leaf1[2] >> 27 & 1) && (_xgetbv(0) & 6) == 6 && (leaf7[1] >> 5 & 1);
#else
  return __builtin_cpu_supports("avx2");
#endif
}

static int has_avx512vnni(void) {
#if defined(_MSC_VER) && !defined(__clang__)
  int leaf7[4];
  __cpuidex(leaf7, 7, 0);
  return has_avx2() && (_xgetbv(0) & 0xe6) == 0xe6 && (leaf7[1] >> 16 & 1) &&
         (leaf7[1] >> 17 & 1) && (leaf7[1] >> 30 & 1) && (leaf7[1] >> 31 & 1) &&
         (leaf7[2] >> 11 & 1);
#else
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vnni");
#endif
}

#elif defined(SKM_NEON)

/* ---- NEON with dot product ---------------------------------------------------------------- */

#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(_WIN32)
#include <windows.h>
#endif

#if defined(__clang__)
#define TARGET_DOT SKM_TARGET("dotprod")
#elif defined(__GNUC__)
#define TARGET_DOT SKM_TARGET("arch=armv8.2-a+dotprod")
#else
#define TARGET_DOT
#endif
DEFINE_DOT(neon, )
DEFINE_WIDEN(neon, )

TARGET_DOT static size_t candidates_neon(const uint8_t *const *codes, size_t width,
                                         const int32_t *floors, int n_rows, const int8_t *columns,
                                         const int32_t *limits, size_t start, size_t stop,
                                         skm_candidate *out) {
  static const uint32_t bits[4] = {1, 2, 4, 8};
  const uint32x4_t weights = vld1q_u32(bits);
  size_t n = 0, j, k;
  int r, q;
  for (j = start; j < stop; j += SKM_GROUP) {
    const int8_t *group = columns + j * width;
    int32x4_t sums[4][4];
    UNROLL for (r = 0; r < 4; r++)
      UNROLL for (q = 0; q < 4; q++) sums[r][q] = vdupq_n_s32(-floors[r]);
    for (k = 0; k < width; k += 4) {
      int8x16_t b[4];
      UNROLL for (q = 0; q < 4; q++) b[q] = vld1q_s8(group + k * SKM_GROUP + 16 * q);
      UNROLL for (r = 0; r < 4; r++) {
        int32_t four;
        int8x16_t a;
        memcpy(&four, codes[r] + k, 4);
        a = vreinterpretq_s8_s32(vdupq_n_s32(four));
        UNROLL for (q = 0; q < 4; q++) sums[r][q] = vdotq_s32(sums[r][q], a, b[q]);
      }
    }
    for (r = 0; r < n_rows; r++) {
      uint64_t mask = 0;
      for (q = 0; q < 4; q++) {
        uint32x4_t above = vcgtq_s32(sums[r][q], vld1q_s32(limits + j + 4 * q));
        mask |= (uint64_t)vaddvq_u32(vandq_u32(above, weights)) << (4 * q);
      }
      EMIT(mask, r, j)
    }
  }
  return n;
}

static const skm_scanner scanner_neon = {"neon", 4, 127, 0, candidates_neon, dot_neon, widen_neon};

static int has_dot_product(void) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) >> 20 & 1) != 0; /* HWCAP_ASIMDDP */
#elif defined(__APPLE__)
  return 1; /* every Mac with such a processor */
#elif defined(_WIN32)
  return IsProcessorFeaturePresent(43) != 0; /* PF_ARM_V82_DP_INSTRUCTIONS_AVAILABLE */
#else
  return 0;
#endif
}

#endif

/* ---- choice ------------------------------------------------------------------------------- */

const skm_scanner *skm_scanner_select(const char *name) {
  const skm_scanner *available[3];
  int n = 0, i;
#if defined(SKM_X86_64)
  if (has_avx512vnni()) available[n++] = &scanner_avx512vnni;
  if (has_avx2()) available[n++] = &scanner_avx2;
#elif defined(SKM_NEON)
  if (has_dot_product()) available[n++] = &scanner_neon;
#endif
  available[n++] = &scanner_scalar;
  if (!name) return available[0];
  for (i = 0; i < n; i++)
    if (strcmp(available[i]->name, name) == 0) return available[i];
  return NULL;
}
