#ifndef SKM_WORKSPACE_H
#define SKM_WORKSPACE_H

#include "segment.h"

#define SKM_FRONT_BITS 16
#define SKM_FRONT_BUCKETS ((size_t)1 << SKM_FRONT_BITS)

uint64_t skm_hash_bytes(const uint8_t *p, size_t length);
const skm_record *skm_store_get(const skm_store *store, const uint8_t *p, size_t length,
                                uint64_t hash);
int skm_store_put(skm_store *store, const uint8_t *p, size_t length, uint64_t hash,
                  const uint32_t *ids, uint32_t n_ids);
/* Keeps the chunk as a question. */
int skm_ask_chunk(skm_workspace *ws, const uint8_t *p, size_t length, uint64_t hash);

#endif
