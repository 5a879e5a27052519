/* Documents to pooled vectors. */
#include "workspace.h"

#include <math.h>
#include <stdlib.h>

#define GROUP_ROWS 4096 /* rows gathered before they are summed: prefetching crosses documents */
/* Float32 additions in a row, then the block joins a float64 total: even a word repeated for ever,
 * whose rounding errors all have one sign, stays within 1e-6. */
#define BLOCK 32

/* Outside these bounds float32 sums may have overflowed or lost digits. */
#define SMALLEST_NORM 1e-25
#define LARGEST_NORM 1e37

/* ---- from ids to rows --------------------------------------------------------------------- */

static int reserve_row_weights(skm_workspace *ws) {
  float *weights;
  if (ws->row_weights_capacity >= ws->ids_capacity) return SKM_OK;
  weights = realloc(ws->row_weights, ws->ids_capacity * sizeof *weights);
  if (!weights) return SKM_NO_MEMORY;
  ws->row_weights = weights;
  ws->row_weights_capacity = ws->ids_capacity;
  return SKM_OK;
}

/* Index of the pair, or -1. */
SKM_INLINE int64_t find_pair(const skm_model *model, uint32_t left, uint32_t right) {
  uint64_t key = (uint64_t)left << 32 | right, hash = skm_pair_hash(key);
  uint32_t bit = (uint32_t)hash & model->pair_filter_mask;
  uint32_t slot = (uint32_t)(hash >> 32) & model->pair_mask;
  if (SKM_LIKELY(!(model->pair_filter[bit / 64] >> bit % 64 & 1))) return -1;
  for (;; slot = (slot + 1) & model->pair_mask) {
    if (model->pair_keys[slot] == key)
      return (int64_t)model->pair_rows[slot] - model->first_pair_row;
    if (model->pair_keys[slot] == UINT64_MAX) return -1;
  }
}

#define FEWEST_PIECES 8

/* Whether most tokens of a text are unknown, or single letters of scripts that the vocabulary has
 * little of, but not all of them unknown. Most texts are ASCII, where there are no such letters. */
static uint32_t is_foreign(const skm_model *model, const skm_text *text, const uint32_t *ids,
                           size_t n, size_t kept) {
  size_t found = n - kept, i;
  if (!model->foreign || n < FEWEST_PIECES) return 0;
  if (!text->plain || model->ascii_changes)
    for (i = 0; i < kept; i++) found += model->foreign[ids[i] / 8] >> ids[i] % 8 & 1;
  return kept && 2 * found > n;
}

/* Turns the ids from `first` on into rows (and weights): cut to max_length, unknown tokens
 * dropped, pair rows behind the tokens. `text`: what they are of, or NULL. */
static int to_rows(const skm_model *model, skm_workspace *ws, const skm_text *text, size_t first,
                   size_t max_length, uint8_t *truncated, skm_group_item *item) {
  size_t n = ws->n_ids - first, kept = 0, i, n_pairs = 0;
  uint32_t *ids = ws->ids + first;
  *truncated = n > max_length;
  if (n > max_length) n = max_length;
  for (i = 0; i < n; i++) { /* no branch: unknown tokens are hard to predict */
    uint32_t id = ids[i];
    ids[kept] = id;
    kept += id != (uint32_t)model->dropped;
  }
  ws->n_ids = first + kept;
  item->foreign = text ? is_foreign(model, text, ids, n, kept) : 0;
  if (model->n_pairs && kept > 1) {
    if (skm_ids_reserve(ws, kept) != SKM_OK) return SKM_NO_MEMORY;
    ids = ws->ids + first;
    for (i = 0; i + 1 < kept; i++) {
      int64_t pair = find_pair(model, ids[i], ids[i + 1]);
      if (pair >= 0) ids[kept + n_pairs++] = (uint32_t)pair;
    }
    ws->n_ids += n_pairs;
  }
  if (model->weights) {
    float *weights;
    if (reserve_row_weights(ws) != SKM_OK) return SKM_NO_MEMORY;
    weights = ws->row_weights + first;
    for (i = 0; i < kept; i++) weights[i] = model->weights[ids[i]];
    for (; i < kept + n_pairs; i++) weights[i] = model->weights[model->n_tokens + ids[i]];
  }
  if (model->mapping)
    for (i = 0; i < kept; i++) ids[i] = (uint32_t)model->mapping[ids[i]];
  for (i = kept; i < kept + n_pairs; i++) ids[i] += model->first_pair_row;
  item->first_row = (uint32_t)first;
  item->n_rows = (uint32_t)(kept + n_pairs);
  item->n_tokens = (uint32_t)kept;
  return SKM_OK;
}

/* ---- sums in float64: float64 tables, totals (of scores, to decide by), extreme scales ------- */

static double half_to_double(uint16_t half) {
  int exponent = half >> 10 & 31, mantissa = half & 1023;
  double value = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  return half & 0x8000 ? -value : value;
}

static void exact_totals(const skm_model *model, const uint32_t *rows, const float *weights,
                         size_t n, size_t ahead, double *totals) {
  const size_t dim = model->dim;
  size_t t, j;
  if (model->dtype == SKM_FLOAT32 && !weights) { /* scores */
    model->simd->totals(model->rows, dim, rows, n, ahead, totals);
    return;
  }
  memset(totals, 0, dim * sizeof *totals);
  for (t = 0; t < n; t++) {
    const size_t at = (size_t)rows[t] * dim;
    const double weight = weights ? (double)weights[t] : 1.0;
    switch (model->dtype) {
      case SKM_FLOAT64: {
        const double *row = (const double *)model->rows + at;
        for (j = 0; j < dim; j++) totals[j] += row[j] * weight;
        break;
      }
      case SKM_FLOAT32: {
        const float *row = (const float *)model->rows + at;
        for (j = 0; j < dim; j++) totals[j] += (double)row[j] * weight;
        break;
      }
      case SKM_FLOAT16: {
        const uint16_t *row = (const uint16_t *)model->rows + at;
        for (j = 0; j < dim; j++) totals[j] += half_to_double(row[j]) * weight;
        break;
      }
      default: {
        const int8_t *row = (const int8_t *)model->rows + at;
        for (j = 0; j < dim; j++) totals[j] += (double)row[j] * weight;
      }
    }
  }
}

static void finish_exact(const double *totals, size_t dim, size_t n_tokens, int scaling,
                         float *out) {
  double divisor = scaling == SKM_SUM ? 1 : (double)n_tokens, largest = 0, squares = 0;
  size_t j;
  if (scaling == SKM_UNIT) {
    for (j = 0; j < dim; j++)
      if (fabs(totals[j]) > largest) largest = fabs(totals[j]);
    if (!(largest > 0)) {
      memset(out, 0, dim * sizeof *out);
      return;
    }
    for (j = 0; j < dim; j++) {
      double x = totals[j] / largest;
      squares += x * x;
    }
    squares = sqrt(squares);
    for (j = 0; j < dim; j++) out[j] = (float)(totals[j] / largest / squares);
    return;
  }
  for (j = 0; j < dim; j++) out[j] = (float)(totals[j] / divisor);
}

/* ---- one document ------------------------------------------------------------------------- */

static void pool_document(const skm_model *model, skm_workspace *ws, const skm_group_item *item,
                          int scaling, float *out) {
  const size_t dim = model->dim, n = item->n_rows;
  const uint32_t *rows = ws->ids + item->first_row;
  const float *weights = model->weights ? ws->row_weights + item->first_row : NULL;
  const size_t ahead = ws->n_ids - item->first_row;
  size_t t, j;
  double squares;
  if (item->n_tokens == 0) {
    memset(out, 0, dim * sizeof *out);
    return;
  }
  if (model->dtype != SKM_FLOAT64 && scaling != SKM_SUM) {
    const skm_sum sum = (weights ? model->simd->weighted_sum : model->simd->sum)[model->dtype];
    if (n <= BLOCK) {
      sum(model->rows, dim, rows, weights, n, ahead, ws->sums);
    } else {
      memset(ws->totals, 0, dim * sizeof *ws->totals);
      for (t = 0; t < n; t += BLOCK) {
        sum(model->rows, dim, rows + t, weights ? weights + t : NULL, n - t < BLOCK ? n - t : BLOCK,
            ahead - t, ws->sums);
        model->simd->fold(ws->sums, dim, ws->totals);
      }
      for (j = 0; j < dim; j++) ws->sums[j] = (float)ws->totals[j];
    }
    squares = model->simd->square_norm(ws->sums, dim);
    if (SKM_LIKELY(squares > SMALLEST_NORM * SMALLEST_NORM &&
                   squares < LARGEST_NORM * LARGEST_NORM)) {
      const double divisor = scaling == SKM_UNIT ? sqrt(squares) : (double)item->n_tokens;
      model->simd->scale(ws->sums, dim, (float)(1.0 / divisor), out);
      return;
    }
  }
  exact_totals(model, rows, weights, n, ahead, ws->totals);
  finish_exact(ws->totals, dim, item->n_tokens, scaling, out);
}

static void flush(const skm_model *model, skm_workspace *ws, int scaling, float *out,
                  uint8_t *empty) {
  size_t i;
  for (i = 0; i < ws->n_group; i++) {
    const skm_group_item *item = &ws->group[i];
    empty[item->document] = (uint8_t)((item->n_tokens == 0) | item->foreign << 1);
    ws->noted |= empty[item->document];
    pool_document(model, ws, item, scaling, out + (size_t)item->document * model->dim);
  }
  ws->n_group = ws->n_ids = 0;
}

int skm_pool(const skm_model *model, skm_workspace *ws, const skm_text *texts, size_t n,
             size_t max_length, int scaling, float *out, uint8_t *empty, uint8_t *truncated) {
  size_t i;
  int pending = SKM_OK, result, is_short, next_is_short = 0;
  skm_begin_run(ws);
  for (i = 0; i < n; i++) {
    const size_t first = ws->n_ids;
    skm_group_item *item = &ws->group[ws->n_group];
    is_short = next_is_short;
    next_is_short = i + 1 < n && !ws->done[i + 1] &&
                    skm_look_ahead(model, ws, &texts[i + 1], &ws->short_texts[(i + 1) & 1]);
    if (ws->done[i]) continue;
    result = is_short ? skm_tokenize_short(model, ws, &ws->short_texts[i & 1])
                      : skm_tokenize(model, ws, texts[i], max_length);
    if (SKM_UNLIKELY(result == SKM_ASK_TEXT)) { /* a short one */
      ws->n_ids = first;
      result = skm_tokenize(model, ws, texts[i], max_length);
    }
    if (result < 0) return result;
    if (result == SKM_PENDING) {
      pending = SKM_PENDING;
      ws->n_ids = first;
      continue;
    }
    if (to_rows(model, ws, &texts[i], first, max_length, &truncated[i], item) != SKM_OK)
      return SKM_NO_MEMORY;
    ws->noted |= truncated[i];
    item->document = (uint32_t)i;
    ws->done[i] = 1;
    if (++ws->n_group == SKM_GROUP || ws->n_ids >= GROUP_ROWS)
      flush(model, ws, scaling, out, empty);
  }
  flush(model, ws, scaling, out, empty);
  return pending;
}

int skm_pool_ids(const skm_model *model, skm_workspace *ws, const int32_t *ids,
                 const int64_t *indptr, size_t n, int normalize, float *out, uint8_t *empty) {
  size_t i;
  uint8_t truncated;
  skm_begin_run(ws);
  for (i = 0; i < n; i++) {
    const size_t first = ws->n_ids, length = (size_t)(indptr[i + 1] - indptr[i]);
    skm_group_item *item = &ws->group[ws->n_group];
    if (skm_ids_reserve(ws, length + 4) != SKM_OK) return SKM_NO_MEMORY;
    memcpy(ws->ids + first, ids + indptr[i], length * sizeof *ids);
    ws->n_ids += length;
    if (to_rows(model, ws, NULL, first, SKM_NO_LIMIT, &truncated, item) != SKM_OK)
      return SKM_NO_MEMORY;
    item->document = (uint32_t)i;
    if (++ws->n_group == SKM_GROUP || ws->n_ids >= GROUP_ROWS)
      flush(model, ws, normalize, out, empty);
  }
  flush(model, ws, normalize, out, empty);
  return SKM_OK;
}
