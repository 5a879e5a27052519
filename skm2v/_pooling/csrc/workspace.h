#ifndef SKM_WORKSPACE_H
#define SKM_WORKSPACE_H

#include "segment.h"

#define SKM_FRONT_BITS 16
#define SKM_FRONT_BUCKETS ((size_t)1 << SKM_FRONT_BITS)

/* Bytes of the store after which chunks that can be segmented again are not kept any more; it is
 * emptied before the next batch. */
#define SKM_STORE_LIMIT (8u << 20)

uint64_t skm_hash_bytes(const uint8_t *p, size_t length);
const skm_record *skm_store_get(const skm_store *store, const uint8_t *p, size_t length,
                                uint64_t hash);
int skm_store_put(skm_store *store, const uint8_t *p, size_t length, uint64_t hash,
                  const uint32_t *ids, uint32_t n_ids);
/* Keeps the chunk as a question. */
int skm_ask_chunk(skm_workspace *ws, const uint8_t *p, size_t length, uint64_t hash);

/* Splits a short text and fetches what its chunks need, to be followed by skm_tokenize_short when
 * the text before it is done: the memory's answers come in the meantime. 0 if the text is too long,
 * has a long chunk, or is not split at separators. */
int skm_look_ahead(const skm_model *model, const skm_workspace *ws, const skm_text *text,
                   skm_short_text *out);
/* Appends the ids of the text. */
int skm_tokenize_short(const skm_model *model, skm_workspace *ws, const skm_short_text *text);

#endif
