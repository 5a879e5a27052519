/* The sums for one instruction set. Included once for each, with these macros defined:
 *   SUFFIX(name), TARGET   names and attribute of the functions
 *   VEC, WIDTH             a vector of WIDTH floats
 *   ZERO(), ADD(a, b), MUL(a, b), SPREAD(x), STORE(p, v)
 *   LOAD_f32(p), LOAD_f16(p), LOAD_i8(p)   WIDTH elements of the table as floats
 *   MOST                   vectors summed side by side: 16, 8 or 4, what the registers hold
 * Columns are independent, and each is one chain of additions in token order, so the widths of
 * vectors and blocks do not change a bit of the result. Multiply and add are never fused.
 */

/* Rows ahead of the one being added. */
#define DISTANCE 12
#define LINE 64

#define DEFINE_BLOCK(TYPE, ELEMENT, COUNT, WEIGHTED)                                            \
  TARGET static void SUFFIX(block_##TYPE##_##COUNT##_##WEIGHTED)(                               \
      const ELEMENT *table, size_t dim, const uint32_t *rows, const float *weights, size_t n,   \
      size_t ahead, float *out) {                                                               \
    VEC sums[COUNT];                                                                            \
    size_t t;                                                                                   \
    int j;                                                                                      \
    UNROLL for (j = 0; j < COUNT; j++) sums[j] = ZERO();                                        \
    for (t = 0; t < n; t++) {                                                                   \
      const ELEMENT *row = table + (size_t)rows[t] * dim;                                       \
      VEC weight = SPREAD(WEIGHTED ? weights[t] : 1.0f);                                        \
      if (t + DISTANCE < ahead) {                                                               \
        const char *next = (const char *)(table + (size_t)rows[t + DISTANCE] * dim);            \
        UNROLL for (j = 0; j < (int)(COUNT * WIDTH * sizeof(ELEMENT) + LINE - 1) / LINE; j++)   \
            SKM_PREFETCH(next + j * LINE);                                                      \
      }                                                                                         \
      UNROLL for (j = 0; j < COUNT; j++) {                                                      \
        VEC x = LOAD_##TYPE(row + j * WIDTH);                                                   \
        sums[j] = ADD(sums[j], WEIGHTED ? MUL(x, weight) : x);                                  \
      }                                                                                         \
    }                                                                                           \
    UNROLL for (j = 0; j < COUNT; j++) STORE(out + j * WIDTH, sums[j]);                         \
  }

#define RUN_BLOCKS(TYPE, COUNT, WEIGHTED)                                                       \
  for (; column + COUNT * WIDTH <= dim; column += COUNT * WIDTH)                                \
    SUFFIX(block_##TYPE##_##COUNT##_##WEIGHTED)(table + column, dim, rows, weights, n, ahead,   \
                                                out + column);

#define DEFINE_SUM(TYPE, ELEMENT, TO_FLOAT, WEIGHTED)                                           \
  BLOCKS(TYPE, ELEMENT, WEIGHTED)                                                               \
  TARGET static void SUFFIX(sum_##TYPE##_##WEIGHTED)(                                           \
      const void *rows_of_table, size_t dim, const uint32_t *rows, const float *weights,        \
      size_t n, size_t ahead, float *out) {                                                     \
    const ELEMENT *table = rows_of_table;                                                       \
    size_t column = 0, t;                                                                       \
    RUN_ALL(TYPE, WEIGHTED)                                                                     \
    for (; column < dim; column++) {                                                            \
      float sum = 0.0f;                                                                         \
      for (t = 0; t < n; t++) {                                                                 \
        float x = TO_FLOAT(table[(size_t)rows[t] * dim + column]);                              \
        sum += WEIGHTED ? x * weights[t] : x;                                                   \
      }                                                                                         \
      out[column] = sum;                                                                        \
    }                                                                                           \
  }

#if MOST >= 16
#define BLOCK_16(TYPE, ELEMENT, WEIGHTED) DEFINE_BLOCK(TYPE, ELEMENT, 16, WEIGHTED)
#define RUN_16(TYPE, WEIGHTED) RUN_BLOCKS(TYPE, 16, WEIGHTED)
#else
#define BLOCK_16(TYPE, ELEMENT, WEIGHTED)
#define RUN_16(TYPE, WEIGHTED)
#endif
#if MOST >= 8
#define BLOCK_8(TYPE, ELEMENT, WEIGHTED) DEFINE_BLOCK(TYPE, ELEMENT, 8, WEIGHTED)
#define RUN_8(TYPE, WEIGHTED) RUN_BLOCKS(TYPE, 8, WEIGHTED)
#else
#define BLOCK_8(TYPE, ELEMENT, WEIGHTED)
#define RUN_8(TYPE, WEIGHTED)
#endif
#define BLOCKS(TYPE, ELEMENT, WEIGHTED)   \
  BLOCK_16(TYPE, ELEMENT, WEIGHTED)       \
  BLOCK_8(TYPE, ELEMENT, WEIGHTED)        \
  DEFINE_BLOCK(TYPE, ELEMENT, 4, WEIGHTED) \
  DEFINE_BLOCK(TYPE, ELEMENT, 1, WEIGHTED)
#define RUN_ALL(TYPE, WEIGHTED)   \
  RUN_16(TYPE, WEIGHTED)          \
  RUN_8(TYPE, WEIGHTED)           \
  RUN_BLOCKS(TYPE, 4, WEIGHTED)   \
  RUN_BLOCKS(TYPE, 1, WEIGHTED)

DEFINE_SUM(f32, float, (float), 0)
DEFINE_SUM(f32, float, (float), 1)
DEFINE_SUM(f16, uint16_t, half_to_float, 0)
DEFINE_SUM(f16, uint16_t, half_to_float, 1)
DEFINE_SUM(i8, int8_t, (float), 0)
DEFINE_SUM(i8, int8_t, (float), 1)

/* Sixteen float64 lanes, whatever the instruction set, added in one fixed order. */
TARGET static double SUFFIX(square_norm)(const float *sums, size_t dim) {
  double lanes[16] = {0};
  size_t j;
  int lane, half;
  for (j = 0; j + 16 <= dim; j += 16)
    for (lane = 0; lane < 16; lane++)
      lanes[lane] += (double)sums[j + lane] * (double)sums[j + lane];
  for (lane = 0; j < dim; j++, lane++) lanes[lane] += (double)sums[j] * (double)sums[j];
  for (half = 8; half; half /= 2)
    for (lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

TARGET static void SUFFIX(fold)(const float *SKM_RESTRICT sums, size_t dim,
                                double *SKM_RESTRICT totals) {
  size_t j;
  for (j = 0; j < dim; j++) totals[j] += (double)sums[j];
}

TARGET static void SUFFIX(scale)(const float *SKM_RESTRICT sums, size_t dim, float scale,
                                 float *SKM_RESTRICT out) {
  size_t j;
  for (j = 0; j < dim; j++) out[j] = sums[j] * scale;
}

/* Columns of float64 totals that stay in registers. Where they are few, rows take turns among
 * chains of sums: an addition has to wait for the one before it. */
#define DEFINE_TOTALS(COUNT, CHAINS)                                                            \
  TARGET static void SUFFIX(totals_##COUNT)(const float *table, size_t dim,                     \
                                            const uint32_t *rows, size_t n, size_t ahead,       \
                                            double *out) {                                      \
    double sums[CHAINS][COUNT] = {{0}};                                                         \
    size_t t = 0;                                                                               \
    int i, j;                                                                                   \
    for (; t + CHAINS <= n; t += CHAINS) {                                                      \
      UNROLL for (i = 0; i < CHAINS; i++) {                                                     \
        const float *row = table + (size_t)rows[t + i] * dim;                                   \
        if (COUNT * sizeof *row >= LINE && t + DISTANCE < ahead)                                \
          UNROLL for (j = 0; j < (int)(COUNT * sizeof *row) / LINE; j++) SKM_PREFETCH(          \
              (const char *)(table + (size_t)rows[t + DISTANCE] * dim) + j * LINE);             \
        UNROLL for (j = 0; j < COUNT; j++) sums[i][j] += (double)row[j];                        \
      }                                                                                         \
    }                                                                                           \
    for (; t < n; t++)                                                                          \
      UNROLL for (j = 0; j < COUNT; j++) sums[0][j] += (double)table[(size_t)rows[t] * dim + j]; \
    for (i = 1; i < CHAINS; i++)                                                                \
      for (j = 0; j < COUNT; j++) sums[0][j] += sums[i][j];                                     \
    for (j = 0; j < COUNT; j++) out[j] = sums[0][j];                                            \
  }
DEFINE_TOTALS(1, 4)
DEFINE_TOTALS(2, 4)
DEFINE_TOTALS(4, 4)
DEFINE_TOTALS(16, 1)
DEFINE_TOTALS(64, 1)

TARGET static void SUFFIX(totals)(const float *table, size_t dim, const uint32_t *rows, size_t n,
                                  size_t ahead, double *out) {
  size_t column = 0;
#define RUN_TOTALS(COUNT)                                                                       \
  for (; column + COUNT <= dim; column += COUNT)                                                \
    SUFFIX(totals_##COUNT)(table + column, dim, rows, n, ahead, out + column);
  RUN_TOTALS(64)
  RUN_TOTALS(16)
  RUN_TOTALS(4)
  RUN_TOTALS(2)
  RUN_TOTALS(1)
#undef RUN_TOTALS
}

static const skm_simd SUFFIX(simd) = {
    NAME,
    {SUFFIX(sum_f32_0), SUFFIX(sum_f16_0), SUFFIX(sum_i8_0)},
    {SUFFIX(sum_f32_1), SUFFIX(sum_f16_1), SUFFIX(sum_i8_1)},
    SUFFIX(fold),
    SUFFIX(square_norm),
    SUFFIX(scale),
    SUFFIX(totals),
};

#undef DEFINE_BLOCK
#undef RUN_BLOCKS
#undef DEFINE_SUM
#undef DEFINE_TOTALS
#undef BLOCK_16
#undef RUN_16
#undef BLOCK_8
#undef RUN_8
#undef BLOCKS
#undef RUN_ALL
#undef DISTANCE
#undef LINE
#undef SUFFIX
#undef TARGET
#undef NAME
#undef VEC
#undef WIDTH
#undef MOST
#undef ZERO
#undef ADD
#undef MUL
#undef SPREAD
#undef STORE
#undef LOAD_f32
#undef LOAD_f16
#undef LOAD_i8
