/* One chunk of UTF-8 to token ids: normalizer, pre-tokenizer and model in one pass. */
#ifndef SKM_SEGMENT_H
#define SKM_SEGMENT_H

#include "skm.h"

/* The segmenter's answer when only the reference tokenizer is exact. */
enum { SKM_ASK_CODE_POINT = 2, SKM_ASK_CHUNK = 3, SKM_ASK_TEXT = 4 };

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
 * the text ends with it. */
int skm_unigram_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                        const uint8_t *end, int last);
/* True if the items, taken alone, make exactly one token. */
int skm_single_token(const skm_model *model, const uint8_t *items, size_t length, int32_t *id);

/* The same for a byte-level BPE model. A chunk without a space begins the text. */
int skm_byte_level_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                           const uint8_t *end);
/* Token that is exactly these bytes, or -1. */
int32_t skm_find_token(const skm_trie *trie, const uint8_t *bytes, size_t length);

/* Keeps a code point as a question. */
int skm_ask_code_point(skm_workspace *ws, uint32_t code_point);

/* The table's entry of the code point at *p, valid UTF-8; *p moves behind it. */
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
  }
  *code_point = c;
  block = skm_load_pointer((void *const *)&model->blocks[c >> 8]);
  cp.whole = block ? skm_load_acquire(&block[c & 255].whole) : 0;
  return cp;
}

/* Room for `extra` more ids. */
int skm_ids_grow(skm_workspace *ws, size_t extra);
SKM_INLINE int skm_ids_reserve(skm_workspace *ws, size_t extra) {
  if (SKM_LIKELY(ws->n_ids + extra <= ws->ids_capacity)) return SKM_OK;
  return skm_ids_grow(ws, extra);
}

#endif
