#include "segment.h"

#include <stdlib.h>

int skm_ids_grow(skm_workspace *ws, size_t extra) {
  size_t capacity = ws->ids_capacity ? ws->ids_capacity : 4096;
  uint32_t *ids;
  while (capacity < ws->n_ids + extra) capacity *= 2;
  ids = realloc(ws->ids, capacity * sizeof *ids);
  if (!ids) return SKM_NO_MEMORY;
  ws->ids = ids;
  ws->ids_capacity = capacity;
  return SKM_OK;
}

/* Greedy longest match from the left. Every vocabulary entry is whole UTF-8 characters, so a
 * match of bytes ends at a character. Returns the number of ids written to `out`; a word that
 * cannot be split is one unknown token. `out` has room for one id per byte. */
static size_t wordpiece(const skm_model *model, const uint8_t *word, size_t length,
                        uint32_t *out) {
  const uint32_t *units = model->trie.units;
  const uint32_t n_units = model->trie.n_units, n_ids = model->trie.n_ids;
  size_t start = 0, n = 0;
  uint32_t root = model->trie.root[0];
  while (start < length) {
    uint32_t offset = root, best = 0, id;
    size_t i = start, end = 0;
    do {
      const uint32_t at = offset ^ word[i];
      uint32_t unit;
      if (SKM_UNLIKELY(at >= n_units)) break;
      unit = units[at];
      if ((unit & 0xff) != word[i]) break;
      i++;
      if (unit & 0x100) {
        best = at;
        end = i;
      }
      offset = unit >> 9;
    } while (i < length);
    if (end == 0) {
      out[0] = (uint32_t)model->unknown;
      return 1;
    }
    id = (uint32_t)model->trie.token[best];
    out[n++] = SKM_LIKELY(id < n_ids) ? id : (uint32_t)model->unknown;
    start = end;
    root = model->trie.root[1];
  }
  return n;
}

typedef struct {
  const skm_model *model;
  skm_workspace *ws;
  size_t n_bytes, n_chars;
} open_word;

static SKM_NOINLINE int end_word_slow(open_word *word) {
  skm_workspace *ws = word->ws;
  if (skm_ids_reserve(ws, word->n_bytes + 4) != SKM_OK) return SKM_NO_MEMORY;
  if (word->n_chars > word->model->max_chars)
    ws->ids[ws->n_ids++] = (uint32_t)word->model->unknown;
  else
    ws->n_ids += wordpiece(word->model, ws->word, word->n_bytes, ws->ids + ws->n_ids);
  word->n_bytes = word->n_chars = 0;
  return SKM_OK;
}

SKM_INLINE int end_word(open_word *word) { return word->n_chars ? end_word_slow(word) : SKM_OK; }

/* `bytes` has four readable bytes. The buffer holds max_chars characters of up to 4 bytes, one code
 * point's output beyond them, and the bytes that are copied for nothing. */
SKM_INLINE void add_to_word(open_word *word, const uint8_t *bytes, size_t n_bytes, size_t n_chars) {
  if (SKM_LIKELY(word->n_chars <= word->model->max_chars)) {
    memcpy(word->ws->word + word->n_bytes, bytes, 4);
    word->n_bytes += n_bytes;
    word->n_chars += n_chars;
  }
}

static int run_items(open_word *word, const uint8_t *items, size_t length) {
  size_t i;
  for (i = 0; i < length; i += 2u + items[i + 1]) {
    if (items[i] != SKM_ITEM_WORD && end_word(word) != SKM_OK) return SKM_NO_MEMORY;
    if (items[i] == SKM_ITEM_SPACE) continue;
    add_to_word(word, items + i + 2, items[i + 1], 1);
    if (items[i] == SKM_ITEM_PUNCTUATION && end_word(word) != SKM_OK) return SKM_NO_MEMORY;
  }
  return SKM_OK;
}

int skm_single_token(const skm_model *model, const uint8_t *items, size_t length, int32_t *id) {
  uint8_t bytes[64];
  uint32_t ids[64] = {0};
  size_t i, n_bytes = 0, n_words = 0, n;
  int open = 0;
  for (i = 0; i < length; i += 2u + items[i + 1]) {
    if (items[i] == SKM_ITEM_SPACE) {
      open = 0;
      continue;
    }
    if (!open || items[i] == SKM_ITEM_PUNCTUATION) n_words++;
    open = items[i] == SKM_ITEM_WORD;
    if (n_bytes + items[i + 1] > sizeof bytes) return 0;
    memcpy(bytes + n_bytes, items + i + 2, items[i + 1]);
    n_bytes += items[i + 1];
  }
  if (n_words != 1 || model->max_chars < 64) return 0;
  n = wordpiece(model, bytes, n_bytes, ids);
  *id = (int32_t)ids[0];
  return n == 1;
}

int skm_ask_code_point(skm_workspace *ws, uint32_t code_point) {
  uint32_t *recent = &ws->asked[code_point & 255];
  if (*recent == code_point) return SKM_OK;
  if (ws->n_code_points == ws->code_points_capacity) {
    size_t capacity = ws->code_points_capacity ? 2 * ws->code_points_capacity : 256;
    uint32_t *grown = realloc(ws->code_points, capacity * sizeof *grown);
    if (!grown) return SKM_NO_MEMORY;
    ws->code_points = grown;
    ws->code_points_capacity = capacity;
  }
  *recent = code_point;
  ws->code_points[ws->n_code_points++] = code_point;
  return SKM_OK;
}

/* Whether a chunk goes on behind `*stop`, which moves. */
static SKM_NOINLINE int goes_on(const skm_model *model, const uint8_t *p, const uint8_t **stop,
                                const uint8_t *end) {
  if (*stop == end || (model->interrupted && model->interrupted())) return 0;
  *stop = (size_t)(end - p) > SKM_LOOK ? p + SKM_LOOK : end;
  return 1;
}

int skm_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p, const uint8_t *end,
                size_t limit) {
  const uint8_t *stop = (size_t)(end - p) > SKM_LOOK ? p + SKM_LOOK : end;
  open_word word = {model, ws, 0, 0};
  int result = SKM_OK;
  unsigned after = 0; /* of the last code point with any output: a mark that may be reordered */
  while (p < stop || goes_on(model, p, &stop, end)) {
    uint32_t code_point;
    const skm_cp cp = skm_next_code_point(model, &p, &code_point);
    if (SKM_UNLIKELY(cp.f.flags | after) && cp.f.kind != SKM_CP_DROP &&
        cp.f.kind != SKM_CP_UNSET) {
      if ((after & SKM_CP_BEFORE(cp.f.flags)) && result == SKM_OK) result = SKM_ASK_CHUNK;
      after = SKM_CP_AFTER(cp.f.flags);
    }
    switch (cp.f.kind) {
      case SKM_CP_WORD:
        add_to_word(&word, cp.f.u.bytes, cp.f.n_bytes, cp.f.n_chars);
        break;
      case SKM_CP_DROP:
        break;
      case SKM_CP_SPACE:
        if (end_word(&word) != SKM_OK) return SKM_NO_MEMORY;
        break;
      case SKM_CP_ALONE:
        if (end_word(&word) != SKM_OK || skm_ids_reserve(ws, 4) != SKM_OK) return SKM_NO_MEMORY;
        ws->ids[ws->n_ids++] = cp.f.u.value;
        break;
      case SKM_CP_PROGRAM: {
        const uint8_t *items = model->arena[cp.f.u.value / SKM_ARENA_CHUNK];
        uint32_t length;
        items += cp.f.u.value % SKM_ARENA_CHUNK;
        memcpy(&length, items, 4);
        if (run_items(&word, items + 4, length) != SKM_OK) return SKM_NO_MEMORY;
        break;
      }
      default: /* go on, to ask for all of the chunk's code points at once */
        if (skm_ask_code_point(ws, code_point) != SKM_OK) return SKM_NO_MEMORY;
        result = SKM_ASK_CODE_POINT;
    }
    if (SKM_UNLIKELY(ws->n_ids > limit) && result == SKM_OK) return SKM_OK;
  }
  if (stop < end) return SKM_INTERRUPTED;
  if (end_word(&word) != SKM_OK) return SKM_NO_MEMORY;
  return result;
}
