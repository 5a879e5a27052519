/* One chunk of UTF-8 to token ids: normalizer, pre-tokenizer and model in one pass. */
#ifndef SKM_SEGMENT_H
#define SKM_SEGMENT_H

#include "skm.h"

/* The segmenter's answer when only the reference tokenizer is exact. */
enum { SKM_ASK_CODE_POINT = 2, SKM_ASK_CHUNK = 3, SKM_ASK_TEXT = 4 };
/* Answers about added words. */
enum {
  SKM_NO_WORD = 5,
  SKM_MORE,         /* what is behind the text in memory may matter */
  SKM_NO_CHUNK,     /* nothing is behind the text */
  SKM_ADDED_NONE,   /* no word begins in the chunk */
  SKM_ADDED_INSIDE, /* some do, and they end in it */
  SKM_ADDED_OPEN    /* some may, and may go on behind it */
};

/* The text in memory, of which a part is looked at. */
typedef struct {
  const uint8_t *begin, *end; /* `end` is at the end of a chunk */
  int white_before;           /* what came before `begin` ends with white space */
  int last;                   /* the text ends at `end` */
} skm_span;

SKM_INLINE uint64_t skm_pair_hash(uint64_t key) {
  key ^= skm_seed;
  key *= UINT64_C(0x9E3779B97F4A7C15);
  key ^= key >> 32;
  key *= UINT64_C(0xD6E8FEB86659FD93);
  return key ^ key >> 29;
}

/* Appends the ids of the chunk to ws->ids; stops early once ws holds more than `limit` ids. */
int skm_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p, const uint8_t *end,
                size_t limit);
/* The same for a Unigram model. A chunk begins with its space, if there is one before it; `last`:
 * the text ends with it; `bare`: it begins without a marker. */
int skm_unigram_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                        const uint8_t *end, int last, int bare);
/* True if the items, taken alone, make exactly one token. */
int skm_single_token(const skm_model *model, const uint8_t *items, size_t length, int32_t *id);

/* The same for a byte-level BPE model. A chunk without a space begins the text. */
int skm_byte_level_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                           const uint8_t *end);
/* Token that is exactly these bytes, or -1. */
int32_t skm_find_token(const skm_trie *trie, const uint8_t *bytes, size_t length);

/* Tells which added words begin in a chunk: SKM_ADDED_*, or a question. */
int skm_added_scan(const skm_model *model, skm_workspace *ws, const uint8_t *p, size_t length);
/* Finds the added words that begin in the chunk at `start`. SKM_OK: the ids up to `*behind`, the
 * end of a chunk, were appended; SKM_NO_WORD: there are none, and nothing was. */
int skm_added_region(const skm_model *model, skm_workspace *ws, const uint8_t *start,
                     const skm_span *span, const uint8_t **behind);
int skm_white_before(const skm_model *model, const skm_span *span, const uint8_t *p);
/* Whether an added word has the character. */
int skm_added_has(const skm_added *added, const uint8_t *character);
void skm_added_free(skm_added *added);

/* Keeps a code point as a question. */
int skm_ask_code_point(skm_workspace *ws, uint32_t code_point);

/* The table's entry of the code point at *p, valid UTF-8; *p moves behind it. Memory of Arrow that
 * somebody writes while it is read may hold anything: what is no code point is a surrogate, which
 * has no entry. Four bytes more than the text are readable. */
SKM_INLINE skm_cp skm_next_code_point(const skm_model *model, const uint8_t **p,
                                      uint32_t *code_point) {
  const uint8_t *s = *p;
  const skm_cp *block;
  skm_cp cp;
  uint32_t c = s[0];
  if (c < 128) {
    *p = s + 1;
    *code_point = c;
    cp.whole = skm_load_acquire(&model->ascii[c].whole);
    return cp;
  }
  if (c < 0xe0) {
    *p = s + 2;
    c = (c & 0x1f) << 6 | (s[1] & 0x3fu);
  } else if (c < 0xf0) {
    *p = s + 3;
    c = (c & 0x0f) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
  } else {
    *p = s + 4;
    c = (c & 0x07) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
    if (SKM_UNLIKELY(c > 0x10ffff)) c = 0xd800;
  }
  *code_point = c;
  block = skm_load_pointer((void *const *)&model->blocks[c >> 8]);
  cp.whole = block ? skm_load_acquire(&block[c & 255].whole) : 0;
  return cp;
}

/* How a described code point of a model with added words looks to its neighbours. */
SKM_INLINE uint8_t skm_edges(const skm_model *model, uint32_t code_point) {
  const uint8_t *edges = skm_load_pointer((void *const *)&model->added.edges[code_point >> 8]);
  return edges ? edges[code_point & 255] : 0;
}

/* ---- chunks: where they end, see tokenize.c ------------------------------------------------ */

SKM_INLINE int skm_is_separator(uint8_t c) {
  return c <= 32 && (UINT64_C(0x100002600) >> c & 1);
}

/* Whether a chunk begins at *p, behind which there is a whole character. In byte-level models a run
 * of white space is cut before its last space only, which belongs to the next word. */
SKM_INLINE int skm_begins_chunk(const skm_model *model, const uint8_t *p) {
  if (*p != ' ') return 0;
  if (model->native == SKM_UNIGRAM) return 1;
  switch (p[1]) { /* the first bytes of white space; others than these that begin so are rare */
    case 0xc2:
      return p[2] != 0x85 && p[2] != 0xa0;
    case 0xe1:
      return p[2] != 0x9a && p[2] != 0xa0;
    case 0xe2:
      return p[2] != 0x80 && p[2] != 0x81;
    case 0xe3:
      return p[2] != 0x80;
    default:
      return p[1] > ' ';
  }
}

/* Room for `extra` more ids. */
int skm_ids_grow(skm_workspace *ws, size_t extra);
SKM_INLINE int skm_ids_reserve(skm_workspace *ws, size_t extra) {
  if (SKM_LIKELY(ws->n_ids + extra <= ws->ids_capacity)) return SKM_OK;
  return skm_ids_grow(ws, extra);
}

#endif
