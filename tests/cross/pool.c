/* From texts to vectors, with every instruction set of this machine. */
#include "golden.h"
#include "skm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 100 /* results do not depend on it */

/* Byte strings, one after the other. */
typedef struct {
  const uint8_t *bytes;
  const int64_t *ends; /* n + 1 */
  size_t n;
} strings;

static strings strings_of(const golden *file, const char *bytes, const char *ends) {
  strings found;
  size_t n;
  found.bytes = golden_get(file, bytes, NULL);
  found.ends = golden_get(file, ends, &n);
  found.n = n - 1;
  return found;
}

static size_t length_of(strings all, size_t i) { return (size_t)(all.ends[i + 1] - all.ends[i]); }
static const uint8_t *start_of(strings all, size_t i) { return all.bytes + all.ends[i]; }

/* Words as the kernel takes them; roots and ids may be NULL: zeros, and the positions. */
static skm_word *words_of(strings all, const int32_t *roots, const int32_t *ids) {
  skm_word *words = calloc(all.n + 1, sizeof(skm_word));
  size_t i;
  if (!words) golden_fail("no memory", "");
  for (i = 0; i < all.n; i++) {
    words[i].root = roots ? roots[i] : 0;
    words[i].id = ids ? ids[i] : (int32_t)i;
    words[i].bytes = start_of(all, i);
    words[i].length = length_of(all, i);
  }
  return words;
}

static void must(int status, const char *what) {
  if (status != SKM_OK) golden_fail("an error of", what);
}

/* ---- the model ---------------------------------------------------------------------------- */

enum { DTYPE, DIM, N_TOKENS, NATIVE, ASCII_CHANGES, UNKNOWN, MAX_CHARS, DROPPED, FIRST_PAIR, EAGER };

static void describe(const golden *file, skm_model *model, size_t i) {
  const uint32_t *code_points = golden_get(file, "described", NULL);
  const uint8_t *edges = golden_get(file, "edges", NULL);
  strings all = strings_of(file, "descriptions", "descriptions.ends");
  const uint8_t *p = start_of(all, i);
  must(skm_model_set_code_point(model, code_points[i], p[0], edges[i], p + 1,
                                length_of(all, i) - 1),
       "a code point");
}

static void set_added(const golden *file, skm_model *model) {
  strings all = strings_of(file, "added.words", "added.words.ends");
  skm_word *words = words_of(all, NULL, NULL);
  size_t n;
  const uint8_t *collapse = golden_get(file, "added.collapse", &n);
  must(skm_model_set_added(model, words, all.n, golden_get(file, "added.flags", NULL),
                           golden_get(file, "added.ids", NULL)),
       "the added words");
  free(words);
  model->added.collapse_length = n;
  memcpy(model->added.collapse, collapse, n);
  model->added.bare = (int)golden_number(file, "added.options", 0);
}

static void set_unigram(const golden *file, skm_model *model) {
  skm_unigram *unigram = &model->unigram;
  size_t n;
  const void *data;
  unigram->scores = golden_get(file, "unigram.scores", NULL);
  unigram->unknown_score = *(const double *)golden_get(file, "unigram.unknown_score", NULL);
  data = golden_get(file, "unigram.marker", &unigram->marker_length);
  memcpy(unigram->marker, data, unigram->marker_length);
  unigram->spaces = (int)golden_number(file, "unigram.options", 0);
  unigram->split = (int)golden_number(file, "unigram.options", 1);
  data = golden_get(file, "unigram.byte_ids", &n);
  unigram->byte_fallback = n == 256;
  memcpy(unigram->byte_ids, data, n * sizeof(int32_t));
}

static void set_byte_level(const golden *file, skm_model *model) {
  skm_byte_level *bpe = &model->byte_level;
  size_t n;
  const int32_t *merges = golden_get(file, "bpe.merges", &n);
  memcpy(bpe->byte_ids, golden_get(file, "bpe.byte_ids", NULL), sizeof bpe->byte_ids);
  bpe->whole_words = (int)golden_number(file, "bpe.options", 0);
  bpe->prefix_space = (int)golden_number(file, "bpe.options", 1);
  bpe->any_prefix = (int)golden_number(file, "bpe.options", 2);
  bpe->any_case = (int)golden_number(file, "bpe.options", 3);
  bpe->digits = (uint32_t)golden_number(file, "bpe.options", 4);
  bpe->lines = (int)golden_number(file, "bpe.options", 5);
  must(skm_model_set_merges(model, merges, (uint32_t)(n / 3)), "the merges");
}

/* As Kernel.__init__ of _kernel.pyx does it. */
static void build(const golden *file, skm_model *model, const skm_simd *simd) {
  const int64_t *option = golden_get(file, "options", NULL);
  size_t n, i;
  const int32_t *pairs = golden_find(file, "pairs", &n);
  skm_model_init(model);
  model->rows = golden_get(file, "rows", NULL);
  model->dim = (size_t)option[DIM];
  model->dtype = (int)option[DTYPE];
  model->weights = golden_find(file, "weights", NULL);
  model->foreign = golden_find(file, "foreign", NULL);
  model->mapping = golden_find(file, "mapping", NULL);
  model->n_tokens = (uint32_t)option[N_TOKENS];
  model->native = (int)option[NATIVE];
  model->ascii_changes = (int)option[ASCII_CHANGES];
  model->unknown = (int32_t)option[UNKNOWN];
  model->max_chars = (uint32_t)option[MAX_CHARS];
  model->dropped = (int32_t)option[DROPPED];
  model->simd = simd;
  if (golden_find(file, "words", NULL)) {
    strings all = strings_of(file, "words", "words.ends");
    skm_word *words = words_of(all, golden_get(file, "words.roots", NULL),
                               golden_get(file, "words.ids", NULL));
    must(skm_trie_build(&model->trie, words, all.n), "the vocabulary");
    free(words);
  }
  if (golden_find(file, "unigram.scores", NULL)) set_unigram(file, model);
  if (golden_find(file, "bpe.byte_ids", NULL)) set_byte_level(file, model);
  if (golden_find(file, "added.words", NULL)) set_added(file, model);
  if (n)
    must(skm_model_set_pairs(model, pairs, (uint32_t)(n / 2), (uint32_t)option[FIRST_PAIR]),
         "the pairs");
  for (i = 0; i < (size_t)option[EAGER]; i++) describe(file, model, i);
}

/* ---- questions ---------------------------------------------------------------------------- */

static void answer_code_point(const golden *file, skm_model *model, uint32_t code_point) {
  size_t n, i;
  const uint32_t *code_points = golden_get(file, "described", &n);
  for (i = 0; i < n; i++)
    if (code_points[i] == code_point) {
      describe(file, model, i);
      return;
    }
  golden_fail("a code point was asked for that Python did not ask for", "");
}

static void answer_chunk(const golden *file, skm_workspace *ws, size_t number) {
  strings all = strings_of(file, "chunks", "chunks.ends");
  const int32_t *ids = golden_get(file, "chunks.ids", NULL);
  const int64_t *ends = golden_get(file, "chunks.ids.ends", NULL);
  size_t length, i;
  const uint8_t *chunk = skm_question(ws, number, &length);
  for (i = 0; i < all.n; i++)
    if (length_of(all, i) == length && memcmp(start_of(all, i), chunk, length) == 0) {
      must(skm_answer(ws, number, ids + ends[i], (size_t)(ends[i + 1] - ends[i])), "an answer");
      return;
    }
  golden_fail("a chunk was asked for that Python did not ask for", "");
}

static void answer(const golden *file, skm_model *model, skm_workspace *ws, int status) {
  size_t i;
  if (status != SKM_PENDING) golden_fail("an error of", "pooling");
  for (i = 0; i < ws->n_code_points; i++) answer_code_point(file, model, ws->code_points[i]);
  for (i = 0; i < ws->n_chunks; i++) answer_chunk(file, ws, i);
}

/* ---- runs --------------------------------------------------------------------------------- */

/* The i-th text in an allocation of its own. */
static skm_text text_of(const golden *file, size_t i) {
  const int64_t *fields = (const int64_t *)golden_get(file, "texts", NULL) + 4 * i;
  static const char *const names[] = {"", "texts.1", "texts.2", "", "texts.4"};
  skm_text text;
  text.unit = (int)fields[0];
  text.length = (size_t)fields[2];
  text.ascii = text.plain = (int)fields[3];
  text.data = golden_copy((const uint8_t *)golden_get(file, names[text.unit], NULL) +
                              fields[1] * text.unit,
                          text.length * (size_t)text.unit);
  return text;
}

static size_t run_texts(const golden *file, skm_model *model, skm_workspace *ws, int number) {
  const int64_t *option = golden_get(file, golden_name("run", number, "options"), NULL);
  const int64_t *rows = golden_get(file, golden_name("run", number, "texts"), NULL);
  const int64_t *ends = golden_get(file, golden_name("run", number, "ids.ends"), NULL);
  const int32_t *ids = golden_get(file, golden_name("run", number, "ids"), NULL);
  size_t n, i, k, start, limit = option[0] < 0 ? SKM_NO_LIMIT : (size_t)option[0];
  size_t width = model->dim * sizeof(float);
  float *out;
  uint8_t *empty, *truncated;
  golden_get(file, golden_name("run", number, "texts"), &n);
  out = malloc(n * width + 1);
  empty = calloc(n + 1, 1);
  truncated = calloc(n + 1, 1);
  if (!out || !empty || !truncated) golden_fail("no memory", "");
  for (start = 0; start < n; start += BATCH) {
    skm_text texts[BATCH];
    size_t m = n - start < BATCH ? n - start : BATCH;
    int status;
    for (i = 0; i < m; i++) texts[i] = text_of(file, (size_t)rows[start + i]);
    must(skm_workspace_begin(ws, m), "a batch");
    while ((status = skm_pool(model, ws, texts, m, limit, (int)option[1],
                              out + start * model->dim, empty + start, truncated + start)))
      answer(file, model, ws, status);
    for (i = 0; i < m; i++) {
      const int64_t *end = ends + start + i;
      do {
        skm_begin_run(ws);
        ws->n_ids = 0;
        if ((status = skm_tokenize(model, ws, texts[i], limit)))
          answer(file, model, ws, status);
      } while (status);
      k = ws->n_ids < limit ? ws->n_ids : limit;
      golden_compare("the number of ids", &k, &(size_t){(size_t)(end[1] - end[0])}, sizeof k);
      if (k == (size_t)(end[1] - end[0])) golden_compare("ids", ws->ids, ids + end[0], k * 4);
    }
    for (i = 0; i < m; i++) free((void *)texts[i].data);
  }
  golden_compare("vectors", out, golden_get(file, golden_name("run", number, "out"), NULL),
                 n * width);
  golden_compare("empty", empty, golden_get(file, golden_name("run", number, "empty"), NULL), n);
  golden_compare("truncated", truncated,
                 golden_get(file, golden_name("run", number, "truncated"), NULL), n);
  free(out);
  free(empty);
  free(truncated);
  return n;
}

size_t golden_pool(const golden *file) {
  static const char *const names[] = {"avx512", "avx2", "sse2", "neon", "scalar"};
  size_t compared = 0, k;
  for (k = 0; k < sizeof names / sizeof *names; k++) {
    const skm_simd *simd = skm_simd_select(names[k]);
    skm_model model;
    skm_workspace *ws;
    int number;
    if (!simd) continue;
    skm_seed = 0x9e3779b97f4a7c15u * (k + 1);
    build(file, &model, simd);
    ws = skm_workspace_new(&model);
    if (!ws) golden_fail("no memory", "");
    for (number = 0; golden_find(file, golden_name("run", number, "options"), NULL); number++)
      compared += run_texts(file, &model, ws, number);
    skm_workspace_free(ws);
    skm_model_free(&model);
    printf("%s: %s\n", (const char *)golden_get(file, "name", NULL), names[k]);
  }
  return compared;
}
