/* Buffers and caches of one running call, and the questions it asks. */
#include "workspace.h"

#include <stdlib.h>

#define KEEP_TEXT ((size_t)1 << 20) /* bigger text and id buffers are given back between batches */

skm_workspace *skm_workspace_new(const skm_model *model) {
  skm_workspace *ws = calloc(1, sizeof *ws);
  if (!ws) return NULL;
  ws->dim = model->dim;
  ws->word_capacity = 4 * (size_t)model->max_chars + 64;
  /* calloc: pages of the front cache are only touched when used */
  ws->front_memory = calloc(1, SKM_FRONT_BUCKETS * 2 * sizeof(skm_slot) + 64);
  ws->word = malloc(ws->word_capacity);
  ws->sums = malloc((ws->dim + 16) * sizeof *ws->sums);
  ws->totals = malloc((ws->dim + 16) * sizeof *ws->totals);
  ws->store.mask = 255;
  ws->store.index = calloc((size_t)ws->store.mask + 1, sizeof *ws->store.index);
  if (!ws->front_memory || !ws->word || !ws->sums || !ws->totals || !ws->store.index ||
      skm_ids_grow(ws, 1) != SKM_OK) {
    skm_workspace_free(ws);
    return NULL;
  }
  ws->front = (skm_slot *)(((uintptr_t)ws->front_memory + 63) & ~(uintptr_t)63);
  memset(ws->asked, 0xff, sizeof ws->asked);
  return ws;
}

void skm_workspace_free(skm_workspace *ws) {
  if (!ws) return;
  free(ws->front_memory);
  free(ws->store.arena);
  free(ws->store.index);
  free(ws->text);
  free(ws->ids);
  free(ws->row_weights);
  free(ws->word);
  free(ws->nodes);
  free(ws->classes);
  free(ws->symbols);
  free(ws->heap);
  free(ws->plain);
  free(ws->marks);
  free(ws->sums);
  free(ws->totals);
  free(ws->code_points);
  free(ws->chunks);
  free(ws->done);
  free(ws);
}

size_t skm_workspace_size(const skm_workspace *ws) {
  return sizeof *ws + SKM_FRONT_BUCKETS * 2 * sizeof(skm_slot) + ws->store.capacity +
         ((size_t)ws->store.mask + 1) * sizeof *ws->store.index + ws->text_capacity +
         ws->ids_capacity * sizeof *ws->ids +
         ws->row_weights_capacity * sizeof *ws->row_weights + ws->word_capacity +
         ws->nodes_capacity * sizeof *ws->nodes + ws->classes_capacity +
         ws->symbols_capacity * (sizeof *ws->symbols + 3 * sizeof *ws->heap) + ws->plain_capacity +
         ws->marks_capacity * sizeof *ws->marks +
         ws->dim * (sizeof *ws->sums + sizeof *ws->totals) +
         ws->code_points_capacity * sizeof *ws->code_points +
         ws->chunks_capacity * sizeof *ws->chunks + ws->done_capacity;
}

int skm_workspace_begin(skm_workspace *ws, size_t n_documents) {
  skm_store *store = &ws->store;
  if (store->used > SKM_STORE_LIMIT) {
    free(store->arena);
    store->arena = NULL;
    store->used = store->capacity = 0;
    store->n = 0;
    memset(store->index, 0, ((size_t)store->mask + 1) * sizeof *store->index);
  }
  if (ws->text_capacity > KEEP_TEXT) {
    free(ws->text);
    ws->text = NULL;
    ws->text_capacity = 0;
  }
  if (ws->ids_capacity * sizeof *ws->ids > KEEP_TEXT) {
    free(ws->ids);
    free(ws->row_weights);
    ws->ids = NULL;
    ws->row_weights = NULL;
    ws->ids_capacity = ws->row_weights_capacity = 0;
  }
  ws->n_ids = ws->n_group = 0;
  ws->noted = 0;
  if (ws->done_capacity < n_documents) {
    uint8_t *done = realloc(ws->done, n_documents);
    if (!done) return SKM_NO_MEMORY;
    ws->done = done;
    ws->done_capacity = n_documents;
  }
  memset(ws->done, 0, n_documents);
  return skm_ids_reserve(ws, 4096);
}

void skm_begin_run(skm_workspace *ws) {
  if (ws->n_code_points) memset(ws->asked, 0xff, sizeof ws->asked);
  ws->n_ids = ws->n_group = ws->n_code_points = ws->n_chunks = 0;
}

/* ---- store -------------------------------------------------------------------------------- */

uint64_t skm_seed;

uint64_t skm_hash_bytes(const uint8_t *p, size_t length) {
  uint64_t hash = skm_seed ^ length * UINT64_C(0x9E3779B97F4A7C15);
  while (length >= 8) {
    hash = (hash ^ skm_read64(p)) * UINT64_C(0xD6E8FEB86659FD93);
    hash ^= hash >> 32;
    p += 8;
    length -= 8;
  }
  if (length) {
    uint64_t rest = 0;
    memcpy(&rest, p, length);
    hash = (hash ^ rest) * UINT64_C(0xD6E8FEB86659FD93);
    hash ^= hash >> 32;
  }
  hash *= UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 29;
}

static skm_record *record_at(const skm_store *store, uint32_t offset) {
  return (skm_record *)(store->arena + (size_t)offset * 8);
}

static size_t record_size(size_t n_ids, size_t n_bytes) {
  return (sizeof(skm_record) + n_ids * 4 + n_bytes + 7) & ~(size_t)7;
}

/* Slot of the record with these bytes, or the free slot where it belongs. */
static uint32_t find(const skm_store *store, const uint8_t *p, size_t length, uint64_t hash) {
  uint32_t i = (uint32_t)hash & store->mask;
  for (;; i = (i + 1) & store->mask) {
    const skm_record *record;
    size_t n_ids;
    if (!store->index[i]) return i;
    record = record_at(store, store->index[i] - 1);
    if (record->hash != hash || record->n_bytes != length) continue;
    n_ids = record->n_ids == SKM_UNANSWERED ? 0 : record->n_ids;
    if (memcmp((const uint8_t *)(record + 1) + n_ids * 4, p, length) == 0) return i;
  }
}

const skm_record *skm_store_get(const skm_store *store, const uint8_t *p, size_t length,
                                uint64_t hash) {
  uint32_t i = find(store, p, length, hash);
  return store->index[i] ? record_at(store, store->index[i] - 1) : NULL;
}

/* Appends a record to the arena; its offset / 8, or UINT32_MAX without memory. */
static uint32_t append(skm_store *store, uint64_t hash, const uint8_t *p, size_t length,
                       const uint32_t *ids, uint32_t n_ids) {
  size_t stored = n_ids == SKM_UNANSWERED ? 0 : n_ids, size = record_size(stored, length);
  uint32_t offset;
  skm_record *record;
  if (length >= UINT32_MAX || (store->used + size) / 8 >= UINT32_MAX - 1) return UINT32_MAX;
  if (store->used + size > store->capacity) {
    size_t capacity = store->capacity ? store->capacity : 65536;
    uint8_t *arena;
    while (capacity < store->used + size) capacity *= 2;
    arena = realloc(store->arena, capacity);
    if (!arena) return UINT32_MAX;
    store->arena = arena;
    store->capacity = capacity;
  }
  offset = (uint32_t)(store->used / 8);
  record = record_at(store, offset);
  record->hash = hash;
  record->n_bytes = (uint32_t)length;
  record->n_ids = n_ids;
  if (stored) memcpy(record + 1, ids, stored * 4);
  memcpy((uint8_t *)(record + 1) + stored * 4, p, length);
  store->used += size;
  return offset;
}

static int store_grow(skm_store *store) {
  uint32_t mask = store->mask * 2 + 1, i, j;
  uint32_t *index = calloc((size_t)mask + 1, sizeof *index);
  if (!index) return SKM_NO_MEMORY;
  for (i = 0; i <= store->mask; i++) {
    if (!store->index[i]) continue;
    j = (uint32_t)record_at(store, store->index[i] - 1)->hash & mask;
    while (index[j]) j = (j + 1) & mask;
    index[j] = store->index[i];
  }
  free(store->index);
  store->index = index;
  store->mask = mask;
  return SKM_OK;
}

int skm_store_put(skm_store *store, const uint8_t *p, size_t length, uint64_t hash,
                  const uint32_t *ids, uint32_t n_ids) {
  uint32_t offset;
  if (2 * store->n > store->mask && store_grow(store) != SKM_OK) return SKM_NO_MEMORY;
  offset = append(store, hash, p, length, ids, n_ids);
  if (offset == UINT32_MAX) return SKM_NO_MEMORY;
  store->index[find(store, p, length, hash)] = offset + 1;
  store->n++;
  return SKM_OK;
}

/* ---- questions ---------------------------------------------------------------------------- */

int skm_ask_chunk(skm_workspace *ws, const uint8_t *p, size_t length, uint64_t hash) {
  if (ws->n_chunks == ws->chunks_capacity) {
    size_t capacity = ws->chunks_capacity ? 2 * ws->chunks_capacity : 64;
    uint32_t *chunks = realloc(ws->chunks, capacity * sizeof *chunks);
    if (!chunks) return SKM_NO_MEMORY;
    ws->chunks = chunks;
    ws->chunks_capacity = capacity;
  }
  if (skm_store_put(&ws->store, p, length, hash, NULL, SKM_UNANSWERED) != SKM_OK)
    return SKM_NO_MEMORY;
  ws->chunks[ws->n_chunks++] = ws->store.index[find(&ws->store, p, length, hash)] - 1;
  return SKM_OK;
}

const uint8_t *skm_question(const skm_workspace *ws, size_t i, size_t *length) {
  const skm_record *record = record_at(&ws->store, ws->chunks[i]);
  *length = record->n_bytes;
  return (const uint8_t *)(record + 1);
}

int skm_answer(skm_workspace *ws, size_t i, const int32_t *ids, size_t n) {
  skm_store *store = &ws->store;
  const skm_record *question = record_at(store, ws->chunks[i]);
  size_t length = question->n_bytes;
  uint64_t hash = question->hash;
  uint32_t slot = find(store, (const uint8_t *)(question + 1), length, hash), offset;
  /* append() may move the arena under the question's bytes */
  uint8_t *bytes = malloc(length);
  if (!bytes) return SKM_NO_MEMORY;
  memcpy(bytes, question + 1, length);
  offset = append(store, hash, bytes, length, (const uint32_t *)ids, (uint32_t)n);
  free(bytes);
  if (offset == UINT32_MAX) return SKM_NO_MEMORY;
  store->index[slot] = offset + 1;
  return SKM_OK;
}
