/* Compiler and CPU differences, all of them in one place. */
#ifndef SKM_PLATFORM_H
#define SKM_PLATFORM_H

#include <float.h>
#include <stdint.h>
#include <string.h>

/* Where sums of float32 are kept in more digits (x87, or s390x with -std=c11) they round elsewhere. */
#if FLT_EVAL_METHOD != 0
#error "skm2v's compiled kernel needs float arithmetic in its own precision; install without it"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SKM_LIKELY(x) __builtin_expect(!!(x), 1)
#define SKM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SKM_INLINE static inline __attribute__((always_inline))
#define SKM_NOINLINE __attribute__((noinline))
#define SKM_PREFETCH(p) __builtin_prefetch((p), 0, 3)
#define SKM_TARGET(t) __attribute__((target(t)))
#define SKM_RESTRICT __restrict__
SKM_INLINE unsigned skm_ctz64(uint64_t x) { return (unsigned)__builtin_ctzll(x); }
SKM_INLINE uint64_t skm_load_acquire(const uint64_t *p) {
  return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
SKM_INLINE void skm_store_release(uint64_t *p, uint64_t v) {
  __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
SKM_INLINE void *skm_load_pointer(void *const *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
SKM_INLINE void skm_store_pointer(void **p, void *v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }
#elif defined(_MSC_VER)
#include <intrin.h>
#define SKM_LIKELY(x) (x)
#define SKM_UNLIKELY(x) (x)
#define SKM_INLINE static __forceinline
#define SKM_NOINLINE __declspec(noinline)
#if defined(_M_X64)
#define SKM_PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#else
#define SKM_PREFETCH(p) ((void)(p))
#endif
#define SKM_TARGET(t)
#define SKM_RESTRICT __restrict
SKM_INLINE unsigned skm_ctz64(uint64_t x) {
  unsigned long i;
  _BitScanForward64(&i, x);
  return (unsigned)i;
}
/* Aligned volatile accesses of 8 bytes are single accesses; the fences order them. */
SKM_INLINE uint64_t skm_load_acquire(const uint64_t *p) {
  uint64_t v = *(const volatile uint64_t *)p;
  _ReadWriteBarrier();
  return v;
}
SKM_INLINE void skm_store_release(uint64_t *p, uint64_t v) {
  _InterlockedExchange64((volatile __int64 *)p, (__int64)v);
}
SKM_INLINE void *skm_load_pointer(void *const *p) {
  return (void *)(uintptr_t)skm_load_acquire((const uint64_t *)p);
}
SKM_INLINE void skm_store_pointer(void **p, void *v) {
  skm_store_release((uint64_t *)p, (uint64_t)(uintptr_t)v);
}
#else
#error "skm2v's compiled kernel needs GCC, Clang or MSVC; install without it (pure Python)"
#endif

#if defined(__x86_64__) || (defined(_M_X64) && !defined(_M_ARM64EC))
#define SKM_X86_64 1
#include <immintrin.h>
#elif defined(__aarch64__) || defined(_M_ARM64)
#define SKM_NEON 1
#include <arm_neon.h>
#endif

#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__) && \
    __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SKM_BIG_ENDIAN 1
#endif

SKM_INLINE uint64_t skm_read64(const void *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

#endif
