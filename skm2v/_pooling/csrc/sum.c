/* Sums of table rows for every instruction set, and the choice among them. */
#include "skm.h"

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLL _Pragma("GCC unroll 16")
#else
#define UNROLL
#endif

/* Exact for every finite half, subnormal ones included. */
SKM_INLINE float half_to_float(uint16_t half) {
  uint32_t bits = (uint32_t)(half & 0x7fff) << 13, sign = (uint32_t)(half & 0x8000) << 16;
  float value;
  memcpy(&value, &bits, 4);
  value *= 5.192296858534828e33f; /* 2^112: from the exponent bias of half to that of float */
  memcpy(&bits, &value, 4);
  bits |= sign;
  memcpy(&value, &bits, 4);
  return value;
}

/* ---- plain C ------------------------------------------------------------------------------ */

#define SUFFIX(name) name##_scalar
#define NAME "scalar"
#define TARGET
#define VEC float
#define WIDTH 1
#define MOST 8
#define ZERO() 0.0f
#define ADD(a, b) ((a) + (b))
#define MUL(a, b) ((a) * (b))
#define SPREAD(x) (x)
#define STORE(p, v) (*(p) = (v))
#define LOAD_f32(p) (*(p))
#define LOAD_f16(p) half_to_float(*(p))
#define LOAD_i8(p) ((float)*(p))
#include "sum_template.h"

#if defined(SKM_X86_64)

/* ---- SSE2 --------------------------------------------------------------------------------- */

SKM_INLINE __m128 load_f16_sse2(const uint16_t *p) {
  __m128i half = _mm_unpacklo_epi16(_mm_loadl_epi64((const __m128i *)p), _mm_setzero_si128());
  __m128i sign = _mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x8000)), 16);
  __m128 value =
      _mm_castsi128_ps(_mm_slli_epi32(_mm_and_si128(half, _mm_set1_epi32(0x7fff)), 13));
  return _mm_or_ps(_mm_mul_ps(value, _mm_set1_ps(5.192296858534828e33f)), _mm_castsi128_ps(sign));
}

SKM_INLINE __m128 load_i8_sse2(const int8_t *p) {
  int32_t four;
  __m128i bytes;
  memcpy(&four, p, 4);
  bytes = _mm_cvtsi32_si128(four);
  bytes = _mm_unpacklo_epi8(bytes, bytes);
  return _mm_cvtepi32_ps(_mm_srai_epi32(_mm_unpacklo_epi16(bytes, bytes), 24));
}

#define SUFFIX(name) name##_sse2
#define NAME "sse2"
#define TARGET
#define VEC __m128
#define WIDTH 4
#define MOST 8
#define ZERO() _mm_setzero_ps()
#define ADD(a, b) _mm_add_ps(a, b)
#define MUL(a, b) _mm_mul_ps(a, b)
#define SPREAD(x) _mm_set1_ps(x)
#define STORE(p, v) _mm_storeu_ps(p, v)
#define LOAD_f32(p) _mm_loadu_ps(p)
#define LOAD_f16(p) load_f16_sse2(p)
#define LOAD_i8(p) load_i8_sse2(p)
#include "sum_template.h"

/* ---- AVX2 and F16C ------------------------------------------------------------------------ */

#define SUFFIX(name) name##_avx2
#define NAME "avx2"
#define TARGET SKM_TARGET("avx2,f16c")
#define VEC __m256
#define WIDTH 8
#define MOST 8
#define ZERO() _mm256_setzero_ps()
#define ADD(a, b) _mm256_add_ps(a, b)
#define MUL(a, b) _mm256_mul_ps(a, b)
#define SPREAD(x) _mm256_set1_ps(x)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define LOAD_f32(p) _mm256_loadu_ps(p)
#define LOAD_f16(p) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define LOAD_i8(p) \
  _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(p))))
#include "sum_template.h"

/* ---- AVX-512 ------------------------------------------------------------------------------ */

#define SUFFIX(name) name##_avx512
#define NAME "avx512"
#if defined(__GNUC__) && !defined(__clang__)
#define TARGET SKM_TARGET("avx512f,avx512vl,avx512bw,avx512dq,avx2,f16c,prefer-vector-width=512")
#else
#define TARGET SKM_TARGET("avx512f,avx512vl,avx512bw,avx512dq,avx2,f16c")
#endif
#define VEC __m512
#define WIDTH 16
#define MOST 16
#define ZERO() _mm512_setzero_ps()
#define ADD(a, b) _mm512_add_ps(a, b)
#define MUL(a, b) _mm512_mul_ps(a, b)
#define SPREAD(x) _mm512_set1_ps(x)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define LOAD_f32(p) _mm512_loadu_ps(p)
#define LOAD_f16(p) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define LOAD_i8(p) _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(p))))
#include "sum_template.h"

static int has_avx2(void) {
#if defined(_MSC_VER) && !defined(__clang__)
  int leaf1[4], leaf7[4];
  __cpuid(leaf1, 1);
  __cpuidex(leaf7, 7, 0);
  return (leaf1[2] >> 27 & 1) && (_xgetbv(0) & 6) == 6 && (leaf1[2] >> 29 & 1) &&
         (leaf7[1] >> 5 & 1);
#else
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("f16c");
#endif
}

static int has_avx512(void) {
#if defined(_MSC_VER) && !defined(__clang__)
  int leaf7[4];
  __cpuidex(leaf7, 7, 0);
  return has_avx2() && (_xgetbv(0) & 0xe6) == 0xe6 && (leaf7[1] >> 16 & 1) &&
         (leaf7[1] >> 17 & 1) && (leaf7[1] >> 30 & 1) && (leaf7[1] >> 31 & 1);
#else
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#endif
}

#elif defined(SKM_NEON)

SKM_INLINE float32x4_t load_f16_neon(const uint16_t *p) {
  uint32x4_t half = vmovl_u16(vld1_u16(p));
  uint32x4_t sign = vshlq_n_u32(vandq_u32(half, vdupq_n_u32(0x8000)), 16);
  float32x4_t value =
      vreinterpretq_f32_u32(vshlq_n_u32(vandq_u32(half, vdupq_n_u32(0x7fff)), 13));
  value = vmulq_n_f32(value, 5.192296858534828e33f);
  return vreinterpretq_f32_u32(vorrq_u32(vreinterpretq_u32_f32(value), sign));
}

SKM_INLINE float32x4_t load_i8_neon(const int8_t *p) {
  int32_t four;
  int8x8_t bytes;
  memcpy(&four, p, 4);
  bytes = vreinterpret_s8_s32(vdup_n_s32(four));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(bytes))));
}

#define SUFFIX(name) name##_neon
#define NAME "neon"
#define TARGET
#define VEC float32x4_t
#define WIDTH 4
#define MOST 16
#define ZERO() vdupq_n_f32(0.0f)
#define ADD(a, b) vaddq_f32(a, b)
#define MUL(a, b) vmulq_f32(a, b)
#define SPREAD(x) vdupq_n_f32(x)
#define STORE(p, v) vst1q_f32(p, v)
#define LOAD_f32(p) vld1q_f32(p)
#define LOAD_f16(p) load_f16_neon(p)
#define LOAD_i8(p) load_i8_neon(p)
#include "sum_template.h"

#endif

/* ---- choice ------------------------------------------------------------------------------- */

const skm_simd *skm_simd_select(const char *name) {
  const skm_simd *available[4];
  int n = 0, i;
#if defined(SKM_X86_64)
  if (has_avx512()) available[n++] = &simd_avx512;
  if (has_avx2()) available[n++] = &simd_avx2;
  available[n++] = &simd_sse2;
#elif defined(SKM_NEON)
  available[n++] = &simd_neon;
#endif
  available[n++] = &simd_scalar;
  if (!name) return available[0];
  for (i = 0; i < n; i++)
    if (strcmp(available[i]->name, name) == 0) return available[i];
  return NULL;
}
