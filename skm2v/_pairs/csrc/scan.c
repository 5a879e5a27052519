/* From rows and blocks of columns to verified pairs and neighbours. */
#include "scan.h"

#include <math.h>

/* What the bound may lose to rounding of its own, and a cosine to being stored as float32. */
#define SLACK 1e-6
#define FAR (1 << 30) /* no product of codes gets there, see the greatest width in quantizing.py */
#define AHEAD 4       /* candidates whose vectors are fetched early */

/* The product of codes below which no column of the block reaches `threshold`, or one less. */
SKM_INLINE int32_t floor_of(const skm_scan *scan, size_t row, size_t block, double threshold,
                            double per_scale) {
  double least = threshold - SLACK - scan->left.rest[row] * scan->right.rest[block] -
                 scan->left.length[row] * scan->right.error[block] -
                 scan->left.error[row] * scan->right.rounded[block];
  least *= per_scale;
  /* A cast rounds towards zero. */
  return least > FAR ? FAR : least < -FAR ? -FAR : (int32_t)least - 1;
}

/* Candidates of a tile of rows in columns start..stop of a block. Rows that are too many repeat the
 * last one. */
static size_t tile(const skm_scan *scan, size_t row, int n_rows, size_t block, size_t start,
                   size_t stop, const double *thresholds, skm_candidate *out) {
  const skm_scanner *scanner = scan->scanner;
  const uint8_t *codes[SKM_MOST_ROWS];
  int32_t floors[SKM_MOST_ROWS];
  size_t padded = (scan->right.n + 2 * SKM_GROUP - 1) / (2 * SKM_GROUP) * (2 * SKM_GROUP);
  double per_scale = 1 / scan->scale;
  int r, reachable = 0;
  for (r = 0; r < scanner->n_rows; r++) {
    int real = r < n_rows ? r : n_rows - 1;
    codes[r] = scan->left.codes + (row + real) * scan->width;
    floors[r] = floor_of(scan, row + real, block, thresholds[real], per_scale);
    reachable |= floors[r] < FAR - 1;
  }
  if (!reachable) return 0;
  if (stop > padded) stop = padded;
  if (scan->triangle && row + 1 > start) start = (row + 1) / (2 * SKM_GROUP) * (2 * SKM_GROUP);
  if (start >= stop) return 0;
  return scanner->candidates(codes, scan->width, floors, n_rows, scan->right.codes,
                             scan->right.limits, start, stop, out);
}

/* The vector of a row of columns; `buffer` has room for one. */
SKM_INLINE const float *vector_of(const skm_scanner *scanner, const skm_columns *columns,
                                  size_t dim, int32_t row, float *buffer) {
  if (columns->vectors) return columns->vectors + (size_t)row * dim;
  scanner->widen(columns->halves + (size_t)row * dim, buffer, dim);
  return buffer;
}

SKM_INLINE void fetch_row(const skm_columns *columns, size_t dim, int32_t row) {
  size_t size = columns->vectors ? sizeof(float) : sizeof(uint16_t), bytes = dim * size, at;
  const char *start = columns->vectors ? (const char *)columns->vectors
                                       : (const char *)columns->halves;
  for (at = 0; at < bytes; at += 64) SKM_PREFETCH(start + (size_t)row * bytes + at);
}

SKM_INLINE void fetch(const skm_scan *scan, const skm_candidate *found, size_t i, size_t n) {
  if (i + AHEAD < n)
    fetch_row(&scan->right, scan->dim, scan->right.rows[found[i + AHEAD].column]);
}

/* Symmetric, and exactly 1 for equal vectors, as the root of a square is exact. */
static float cosine(const skm_scan *scan, size_t row, uint32_t column) {
  float buffer[SKM_MOST_DIM];
  int32_t i = scan->left.rows[row], j = scan->right.rows[column];
  double dot = scan->scanner->dot(scan->left.vectors + (size_t)i * scan->dim,
                                  vector_of(scan->scanner, &scan->right, scan->dim, j, buffer),
                                  scan->dim);
  return (float)(dot / sqrt(scan->left.squares[i] * scan->right.squares[j]));
}

void skm_cosines(const skm_scanner *scanner, const float *vector, double square,
                 const skm_columns *others, size_t dim, const int32_t *rows, size_t n, float *out) {
  float buffer[SKM_MOST_DIM];
  size_t i;
  for (i = 0; i < n; i++) {
    double product = square * others->squares[rows[i]];
    if (i + AHEAD < n) fetch_row(others, dim, rows[i + AHEAD]);
    out[i] = 0;
    if (product > 0) {
      const float *other = vector_of(scanner, others, dim, rows[i], buffer);
      out[i] = (float)(scanner->dot(vector, other, dim) / sqrt(product));
    }
  }
}

void skm_squares(const skm_scanner *scanner, const float *vectors, size_t n, size_t dim,
                 double *squares) {
  size_t i;
  for (i = 0; i < n; i++)
    squares[i] = scanner->dot(vectors + i * dim, vectors + i * dim, dim);
}

size_t skm_scan_pairs(const skm_scan *scan, size_t start, size_t stop, float threshold,
                      int64_t *cursor, int32_t *left, int32_t *right, float *similarity,
                      size_t capacity, int64_t *n_candidates) {
  skm_candidate found[SKM_MOST_ROWS * SKM_BLOCK];
  double thresholds[SKM_MOST_ROWS];
  size_t height = (size_t)scan->scanner->n_rows, n = 0, i;
  size_t n_tiles = (stop - start + height - 1) / height;
  size_t first = scan->triangle ? start / SKM_BLOCK : 0;
  size_t steps = (scan->right.n_blocks - first) * n_tiles, step;
  for (i = 0; i < SKM_MOST_ROWS; i++) thresholds[i] = threshold;
  for (step = (size_t)*cursor; step < steps; step++) {
    size_t row = start + step % n_tiles * height, block = first + step / n_tiles, m;
    int n_rows = (int)(stop - row < height ? stop - row : height);
    if (n + height * SKM_BLOCK > capacity) {
      *cursor = (int64_t)step;
      return n;
    }
    m = tile(scan, row, n_rows, block, block * SKM_BLOCK, (block + 1) * SKM_BLOCK, thresholds,
             found);
    *n_candidates += (int64_t)m;
    for (i = 0; i < m; i++) {
      size_t own = row + found[i].row;
      fetch(scan, found, i, m);
      if (scan->triangle && found[i].column <= own) continue;
      similarity[n] = cosine(scan, own, found[i].column);
      left[n] = scan->left.rows[own];
      right[n] = scan->right.rows[found[i].column];
      n += similarity[n] >= threshold;
    }
  }
  *cursor = -1;
  return n;
}

/* ---- neighbours --------------------------------------------------------------------------- */

/* The k best so far are a heap whose top is the worst of them. */
SKM_INLINE int worse(float a, int32_t row_a, float b, int32_t row_b) {
  return a < b || (a == b && row_a > row_b);
}

static void heap_push(float *similarity, int32_t *rows, int32_t *filled, size_t k, float value,
                      int32_t row) {
  size_t at, next;
  if ((size_t)*filled < k) { /* up from the end */
    at = (size_t)(*filled)++;
    while (at && worse(value, row, similarity[(at - 1) / 2], rows[(at - 1) / 2])) {
      next = (at - 1) / 2;
      similarity[at] = similarity[next];
      rows[at] = rows[next];
      at = next;
    }
  } else { /* down from the top, whose place it takes */
    if (!worse(similarity[0], rows[0], value, row)) return;
    for (at = 0; (next = 2 * at + 1) < k; at = next) {
      if (next + 1 < k &&
          worse(similarity[next + 1], rows[next + 1], similarity[next], rows[next]))
        next++;
      if (!worse(similarity[next], rows[next], value, row)) break;
      similarity[at] = similarity[next];
      rows[at] = rows[next];
    }
  }
  similarity[at] = value;
  rows[at] = row;
}

void skm_scan_nearest(const skm_scan *scan, size_t start, size_t stop, size_t k, float threshold,
                     float *similarity, int32_t *found_rows, int32_t *filled) {
  skm_candidate found[SKM_MOST_ROWS * SKM_BLOCK];
  size_t height = (size_t)scan->scanner->n_rows, first, last, row, i;
  int r;
  skm_scan all = *scan; /* both directions of a pair count */
  all.triangle = 0;
  for (row = start; row < stop; row++) filled[row - start] = 0;
  /* While little is known, every column is a candidate: few at first, then twice as many. */
  for (first = 0; first < scan->right.n_blocks * SKM_BLOCK; first = last) {
    size_t block = first / SKM_BLOCK;
    last = first ? first < SKM_BLOCK ? 2 * first : first + SKM_BLOCK : 2 * SKM_GROUP;
    for (row = start; row < stop; row += height) {
      double thresholds[SKM_MOST_ROWS];
      int n_rows = (int)(stop - row < height ? stop - row : height);
      size_t m;
      for (r = 0; r < n_rows; r++) {
        size_t place = row + r - start;
        thresholds[r] = threshold;
        if ((size_t)filled[place] == k && similarity[place * k] > threshold)
          thresholds[r] = similarity[place * k];
      }
      m = tile(&all, row, n_rows, block, first, last, thresholds, found);
      for (i = 0; i < m; i++) {
        size_t own = row + found[i].row, place = own - start;
        int32_t other = scan->right.rows[found[i].column];
        float value;
        fetch(scan, found, i, m);
        if (scan->triangle && other == scan->left.rows[own]) continue;
        if (scan->permitted && !scan->permitted[other]) continue;
        value = cosine(scan, own, found[i].column);
        if (value < threshold) continue;
        heap_push(similarity + place * k, found_rows + place * k, filled + place, k, value, other);
      }
    }
  }
}
