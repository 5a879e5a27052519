/* One chunk of UTF-8 to token ids: normalizer, pre-tokenizer and WordPiece in one pass. */
#ifndef SKM_SEGMENT_H
#define SKM_SEGMENT_H

#include "skm.h"

/* The segmenter's answer when only the reference tokenizer is exact. */
enum { SKM_ASK_CODE_POINT = 2, SKM_ASK_CHUNK = 3 };

SKM_INLINE uint64_t skm_pair_hash(uint64_t key) {
  key *= UINT64_C(0x9E3779B97F4A7C15);
  key ^= key >> 32;
  key *= UINT64_C(0xD6E8FEB86659FD93);
  return key ^ key >> 29;
}

/* Appends the ids of the chunk to ws->ids; stops early once ws holds more than `limit` ids. */
int skm_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p, const uint8_t *end,
                size_t limit);
/* True if the items, taken alone, make exactly one token. */
int skm_single_token(const skm_model *model, const uint8_t *items, size_t length, int32_t *id);

/* Room for `extra` more ids. */
int skm_ids_grow(skm_workspace *ws, size_t extra);
SKM_INLINE int skm_ids_reserve(skm_workspace *ws, size_t extra) {
  if (SKM_LIKELY(ws->n_ids + extra <= ws->ids_capacity)) return SKM_OK;
  return skm_ids_grow(ws, extra);
}

#endif
