/* Exact search for pairs of vectors by their cosine.
 *
 * A vector of length 1 is cut into a prefix and a rest, by rotation. Its prefix is rounded to
 * int8 codes. For two vectors x and y with codes p and q, scale s, errors of rounding e and f:
 *
 *   x.y  <=  s (p.q) + |prefix of x| |f| + |e| |rounded prefix of y| + |rest of x| |rest of y|
 *
 * so a pair can reach a cosine only if the integer p.q reaches a floor. Columns come in blocks,
 * for which the largest terms of y are known: a row has one floor for a whole block. What passes
 * is a candidate, whose cosine is computed from the vectors themselves in a fixed order of
 * additions: no instruction set, thread or order of rows changes a bit of it.
 *
 * Nothing here touches the Python API, so all of it runs without the GIL.
 */
#ifndef SKM_SCAN_H
#define SKM_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

#define SKM_GROUP 16   /* columns whose codes lie side by side */
#define SKM_BLOCK 512  /* columns that share a floor */
#define SKM_MOST_ROWS 6 /* rows that one pass over a block takes, at most */
#define SKM_MOST_DIM 8192 /* numbers of a vector; as LARGEST_WIDTH in coding.py */

typedef struct {
  uint32_t row, column;
} skm_candidate;

typedef struct {
  const char *name;
  int n_rows;    /* rows of a tile */
  int row_limit; /* codes of rows lie in -row_limit..row_limit, */
  int offset;    /* to which this is added, as the instruction wants them unsigned */
  /* Candidates of `n_rows` rows in columns start..stop, which are multiples of 2 SKM_GROUP. */
  size_t (*candidates)(const uint8_t *const *codes, size_t width, const int32_t *floors, int n_rows,
                       const int8_t *columns, const int32_t *limits, size_t start, size_t stop,
                       skm_candidate *out);
  double (*dot)(const float *a, const float *b, size_t dim);
  /* The floats that float16 numbers stand for, exactly. */
  void (*widen)(const uint16_t *halves, float *out, size_t dim);
} skm_scanner;

/* Rows: one side of the comparison. Element i describes the vector `vectors[rows[i]]`. */
typedef struct {
  size_t n;
  const uint8_t *codes; /* (n, width) */
  const double *rest, *length, *error; /* norms: of the rest, of the prefix, of its rounding */
  const int32_t *rows;
  const float *vectors;  /* (any, dim) */
  const double *squares; /* squared norms of the vectors */
} skm_rows;

/* Columns: the other side, in groups of SKM_GROUP and blocks of SKM_BLOCK. */
typedef struct {
  size_t n, n_blocks;
  const int8_t *codes;   /* (groups, width / 4, SKM_GROUP, 4) */
  const int32_t *limits; /* products of columns must exceed these; INT32_MAX for padding */
  const double *rest, *rounded, *error; /* of blocks: the largest norms */
  const int32_t *rows;
  const float *vectors;    /* or, where that is NULL, */
  const uint16_t *halves;  /* the same as float16 */
  const double *squares;
} skm_columns;

typedef struct {
  const skm_scanner *scanner;
  skm_rows left;
  skm_columns right;
  size_t width, dim;
  double scale;             /* of a product of codes */
  int triangle;             /* both sides are the same vectors: only pairs row < column */
  const uint8_t *permitted; /* rows of the right side that may be found; NULL for all */
} skm_scan;

/* Named one, or the best of this CPU for NULL; NULL if it is not available. */
const skm_scanner *skm_scanner_select(const char *name);

/* Squared norms of n vectors. */
void skm_squares(const skm_scanner *scanner, const float *vectors, size_t n, size_t dim,
                 double *squares);

/* Cosines of one vector, whose squared norm is `square`, with some rows of others, which are floats
 * or float16 as in skm_columns; 0 for a row of zeros. */
void skm_cosines(const skm_scanner *scanner, const float *vector, double square,
                 const skm_columns *others, size_t dim, const int32_t *rows, size_t n, float *out);

/* Pairs of rows start..stop whose cosine is at least `threshold`, as numbers of vectors.
 * `cursor` is 0 at first; while it is not -1 on return there is more to come, and nothing else
 * may have changed at the next call. `capacity` is at least SKM_MOST_ROWS * SKM_BLOCK. */
size_t skm_scan_pairs(const skm_scan *scan, size_t start, size_t stop, float threshold,
                      int64_t *cursor, int32_t *left, int32_t *right, float *similarity,
                      size_t capacity, int64_t *n_candidates);

/* The k most similar vectors of the right side for rows start..stop, the first of equal ones;
 * not the vector itself where both sides are the same (`triangle`).
 * `similarity` and `found` have k columns and stop - start rows; `filled` says how many of them
 * are filled, in no order. */
void skm_scan_nearest(const skm_scan *scan, size_t start, size_t stop, size_t k, float threshold,
                     float *similarity, int32_t *found, int32_t *filled);

#endif
