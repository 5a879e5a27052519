/* Pairs of similar vectors, with every scanner of this machine that takes codes of 8 bits. */
#include "golden.h"
#include "scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY ((size_t)SKM_MOST_ROWS * SKM_BLOCK)

static void fill(const golden *file, skm_scan *scan, int number) {
  const int64_t *option = golden_get(file, golden_name("scan", number, "options"), NULL);
#define ARRAY(name) golden_get(file, golden_name("scan", number, name), NULL)
  memset(scan, 0, sizeof *scan);
  scan->width = (size_t)option[0];
  scan->dim = (size_t)option[1];
  scan->triangle = (int)option[2];
  scan->scale = *(const double *)ARRAY("scale");
  scan->left.codes = ARRAY("left.codes");
  scan->left.rest = ARRAY("left.rest");
  scan->left.length = ARRAY("left.length");
  scan->left.error = ARRAY("left.error");
  scan->left.rows = golden_get(file, golden_name("scan", number, "left.rows"), &scan->left.n);
  scan->left.vectors = ARRAY("left.vectors");
  scan->left.squares = ARRAY("left.squares");
  scan->right.codes = ARRAY("right.codes");
  scan->right.limits = ARRAY("right.limits");
  scan->right.rest =
      golden_get(file, golden_name("scan", number, "right.rest"), &scan->right.n_blocks);
  scan->right.rounded = ARRAY("right.rounded");
  scan->right.error = ARRAY("right.error");
  scan->right.rows = golden_get(file, golden_name("scan", number, "right.rows"), &scan->right.n);
  if (option[3])
    scan->right.halves = ARRAY("right.vectors");
  else
    scan->right.vectors = ARRAY("right.vectors");
  scan->right.squares = ARRAY("right.squares");
  scan->permitted = golden_find(file, golden_name("scan", number, "permitted"), NULL);
}

/* Pairs in the order in which the scan finds them, which is the same for all scanners. */
static size_t pairs(const golden *file, const skm_scan *scan, int number, int call) {
  const int64_t *range = (const int64_t *)ARRAY("pairs") + 2 * call;
  float threshold = ((const float *)ARRAY("pairs.thresholds"))[call];
  const int64_t *ends = (const int64_t *)ARRAY("pairs.ends") + call;
  size_t n = 0, expected = (size_t)(ends[1] - ends[0]), found;
  int32_t *left = malloc((expected + CAPACITY) * 4), *right = malloc((expected + CAPACITY) * 4);
  float *similarity = malloc((expected + CAPACITY) * 4);
  int64_t cursor = 0, n_candidates = 0;
  if (!left || !right || !similarity) golden_fail("no memory", "");
  while (cursor != -1 && n <= expected) {
    found = skm_scan_pairs(scan, (size_t)range[0], (size_t)range[1], threshold, &cursor, left + n,
                           right + n, similarity + n, CAPACITY, &n_candidates);
    n += found;
  }
  if (n != expected) {
    golden_compare("the number of pairs", "1", "0", 1);
  } else {
    golden_compare("left", left, (const int32_t *)ARRAY("pairs.left") + ends[0], n * 4);
    golden_compare("right", right, (const int32_t *)ARRAY("pairs.right") + ends[0], n * 4);
    golden_compare("cosines", similarity, (const float *)ARRAY("pairs.cosines") + ends[0], n * 4);
  }
  free(left);
  free(right);
  free(similarity);
  return n;
}

/* The nearest in no order: by similarity and number. */
typedef struct {
  float similarity;
  int32_t found;
} near;

static int compare(const void *a, const void *b) {
  const near *one = a, *other = b;
  if (one->similarity != other->similarity) return one->similarity < other->similarity ? 1 : -1;
  return (one->found > other->found) - (one->found < other->found);
}

static size_t nearest(const golden *file, const skm_scan *scan, int number, int call) {
  const int64_t *fields = (const int64_t *)ARRAY("nearest") + 4 * call;
  float threshold = ((const float *)ARRAY("nearest.thresholds"))[call];
  size_t n = (size_t)(fields[1] - fields[0]), k = (size_t)fields[2], i, j;
  const float *similarity = (const float *)ARRAY("nearest.cosines") + fields[3];
  const int32_t *rows = (const int32_t *)ARRAY("nearest.found") + fields[3];
  float *out = malloc(n * k * 4);
  int32_t *found = malloc(n * k * 4), *filled = malloc(n * 4);
  near *sorted = malloc(k * sizeof(near));
  if (!out || !found || !filled || !sorted) golden_fail("no memory", "");
  skm_scan_nearest(scan, (size_t)fields[0], (size_t)fields[1], k, threshold, out, found, filled);
  for (i = 0; i < n; i++) {
    for (j = 0; j < (size_t)filled[i]; j++)
      sorted[j].similarity = out[i * k + j], sorted[j].found = found[i * k + j];
    qsort(sorted, (size_t)filled[i], sizeof(near), compare);
    for (j = 0; j < k; j++) {
      /* record.py fills with -1 what was not found. */
      int32_t row = j < (size_t)filled[i] ? sorted[j].found : -1;
      float cosine = j < (size_t)filled[i] ? sorted[j].similarity : -1.0f;
      golden_compare("nearest", &row, rows + i * k + j, 4);
      golden_compare("cosines of nearest", &cosine, similarity + i * k + j, 4);
    }
  }
  free(out);
  free(found);
  free(filled);
  free(sorted);
  return n * k;
}

size_t golden_scan(const golden *file) {
  static const char *const names[] = {"neon", "scalar"};
  size_t compared = 0, k, n;
  for (k = 0; k < sizeof names / sizeof *names; k++) {
    const skm_scanner *scanner = skm_scanner_select(names[k]);
    int number, call;
    if (!scanner) continue;
    for (number = 0; golden_find(file, golden_name("scan", number, "options"), NULL); number++) {
      skm_scan scan;
      double *squares;
      fill(file, &scan, number);
      scan.scanner = scanner;
      golden_get(file, golden_name("scan", number, "left.squares"), &n);
      squares = malloc(n * sizeof(double));
      if (!squares) golden_fail("no memory", "");
      skm_squares(scanner, scan.left.vectors, n, scan.dim, squares);
      golden_compare("squares", squares, scan.left.squares, n * sizeof(double));
      compared += n;
      free(squares);
      golden_get(file, golden_name("scan", number, "pairs.thresholds"), &n);
      for (call = 0; call < (int)n; call++) compared += pairs(file, &scan, number, call);
      golden_get(file, golden_name("scan", number, "nearest.thresholds"), &n);
      for (call = 0; call < (int)n; call++) compared += nearest(file, &scan, number, call);
    }
    printf("%s: %s\n", (const char *)golden_get(file, "name", NULL), names[k]);
  }
  return compared;
}
