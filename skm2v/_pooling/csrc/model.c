/* Code point entries and pair table: built once, then read by all threads. */
#include "skm.h"

#include <stdlib.h>

#include "segment.h"

/* ---- code points -------------------------------------------------------------------------- */

/* Keeps `items` behind a 32-bit length; returns the offset, or UINT32_MAX without memory. */
static uint32_t arena_add(skm_model *model, const uint8_t *items, uint32_t length) {
  uint32_t size = (length + 4 + 4 + 7) & ~7u, /* four readable bytes behind the last item */
            offset = model->arena_used, chunk;
  if (size > SKM_ARENA_CHUNK) return UINT32_MAX;
  if (offset / SKM_ARENA_CHUNK != (offset + size - 1) / SKM_ARENA_CHUNK)
    offset = (offset / SKM_ARENA_CHUNK + 1) * SKM_ARENA_CHUNK;
  chunk = offset / SKM_ARENA_CHUNK;
  if (chunk >= SKM_ARENA_CHUNKS) return UINT32_MAX;
  if (!model->arena[chunk]) {
    uint8_t *memory = malloc(SKM_ARENA_CHUNK);
    if (!memory) return UINT32_MAX;
    skm_store_pointer((void **)&model->arena[chunk], memory);
  }
  memcpy(model->arena[chunk] + offset % SKM_ARENA_CHUNK, &length, 4);
  memcpy(model->arena[chunk] + offset % SKM_ARENA_CHUNK + 4, items, length);
  model->arena_used = offset + size;
  return offset;
}

/* True if the items end the word before them and leave no word open. */
static int is_closed(const uint8_t *items, size_t length) {
  size_t last = 0, i;
  for (i = 0; i < length; i += 2u + items[i + 1]) last = i;
  return items[0] != SKM_ITEM_WORD && items[last] != SKM_ITEM_WORD;
}

/* Whether added words have one of the characters, white space aside. */
static int in_added_words(const skm_model *model, const uint8_t *items, size_t length) {
  size_t i;
  for (i = 0; i < length; i += 2u + items[i + 1])
    if (items[i] != SKM_ITEM_SPACE && skm_added_has(&model->added, items + i + 2))
      return 1;
  return 0;
}

int skm_model_set_code_point(skm_model *model, uint32_t code_point, int flags, int edges,
                             const uint8_t *items, size_t length) {
  skm_cp *block = model->blocks[code_point >> 8], cp;
  memset(&cp, 0, sizeof cp);
  cp.f.flags = (uint8_t)flags;
  if (code_point < 128) {
    size_t i;
    for (i = 0; i < length; i += 2u + items[i + 1])
      model->ascii_changes |= items[i] == SKM_ITEM_ASK || items[i + 2] >= 128;
  }
  if (!block) {
    block = calloc(256, sizeof *block);
    if (!block) return SKM_NO_MEMORY;
    skm_store_pointer((void **)&model->blocks[code_point >> 8], block);
  }
  if (model->added.n) {
    uint8_t *row = model->added.edges[code_point >> 8];
    if (!row) {
      row = calloc(256, 1);
      if (!row) return SKM_NO_MEMORY;
      skm_store_pointer((void **)&model->added.edges[code_point >> 8], row);
    }
    row[code_point & 255] = (uint8_t)edges; /* published with the description */
  }
  if (length == 0) {
    cp.f.kind = SKM_CP_DROP;
  } else if (items[0] == SKM_ITEM_ASK) {
    cp.f.kind = SKM_CP_ASK;
  } else if (model->native == SKM_BYTE_LEVEL) {
    if (length == 2u + items[1]) {
      cp.f.kind = SKM_CP_WORD;
      cp.f.n_chars = items[0];
      cp.f.n_bytes = items[1];
      memcpy(cp.f.u.bytes, items + 2, items[1]);
    }
  } else if (length == 2u + items[1] && items[0] == SKM_ITEM_SPACE) {
    cp.f.kind = SKM_CP_SPACE;
    cp.f.n_bytes = items[1];
    memcpy(cp.f.u.bytes, items + 2, items[1]);
  } else if (model->native == SKM_WORDPIECE && is_closed(items, length)) {
    int32_t id;
    if (!in_added_words(model, items, length) && skm_single_token(model, items, length, &id)) {
      cp.f.kind = SKM_CP_ALONE;
      cp.f.u.value = (uint32_t)id;
    }
  } else {
    size_t i, n_bytes = 0, n_chars = 0;
    int words = 1;
    for (i = 0; i < length; i += 2u + items[i + 1]) {
      words &= items[i] == SKM_ITEM_WORD;
      n_bytes += items[i + 1];
      n_chars++;
    }
    if (words && n_bytes <= 4) {
      cp.f.kind = SKM_CP_WORD;
      cp.f.n_bytes = (uint8_t)n_bytes;
      cp.f.n_chars = (uint8_t)n_chars;
      n_bytes = 0;
      for (i = 0; i < length; i += 2u + items[i + 1]) {
        memcpy(cp.f.u.bytes + n_bytes, items + i + 2, items[i + 1]);
        n_bytes += items[i + 1];
      }
    }
  }
  if (cp.f.kind == SKM_CP_UNSET) {
    uint32_t offset = arena_add(model, items, (uint32_t)length);
    if (offset == UINT32_MAX) return SKM_NO_MEMORY;
    cp.f.kind = SKM_CP_PROGRAM;
    cp.f.u.value = offset;
  }
  if (model->added.n && code_point < 128) {
    uint8_t *byte = &model->added.ascii[code_point];
    *byte = SKM_ADDED_COMPLEX;
    if (cp.f.kind == SKM_CP_ALONE)
      *byte = SKM_ADDED_NO_TEXT;
    else if (length == 3 && items[1] == 1 && items[0] != SKM_ITEM_ASK && !SKM_CP_BEFORE(flags) &&
             (items[2] != ' ' || code_point == ' ')) /* runs of what becomes spaces may be one */
      *byte = items[2];
  }
  skm_store_release(&block[code_point & 255].whole, cp.whole);
  if (code_point < 128) skm_store_release(&model->ascii[code_point].whole, cp.whole);
  return SKM_OK;
}

/* ---- pairs -------------------------------------------------------------------------------- */

int skm_model_set_pairs(skm_model *model, const int32_t *pairs, uint32_t n, uint32_t first_row) {
  uint32_t size = 16, filter_bits = 1024, i;
  while (size < 2 * (uint64_t)n) size *= 2;
  while (filter_bits < 16 * (uint64_t)n && filter_bits < (1u << 26)) filter_bits *= 2;
  model->pair_mask = size - 1;
  model->pair_filter_mask = filter_bits - 1;
  model->first_pair_row = first_row;
  model->n_pairs = n;
  model->pair_keys = malloc(size * sizeof *model->pair_keys);
  model->pair_rows = malloc(size * sizeof *model->pair_rows);
  model->pair_filter = calloc(filter_bits / 64, sizeof *model->pair_filter);
  if (!model->pair_keys || !model->pair_rows || !model->pair_filter) return SKM_NO_MEMORY;
  memset(model->pair_keys, 0xff, size * sizeof *model->pair_keys); /* ids are >= 0: free */
  for (i = 0; i < n; i++) {
    uint64_t key = (uint64_t)(uint32_t)pairs[2 * i] << 32 | (uint32_t)pairs[2 * i + 1];
    uint64_t hash = skm_pair_hash(key);
    uint32_t slot = (uint32_t)(hash >> 32) & model->pair_mask;
    uint32_t bit = (uint32_t)hash & model->pair_filter_mask;
    while (model->pair_keys[slot] != UINT64_MAX) {
      if (model->pair_keys[slot] == key) break; /* the last one of equal pairs wins */
      slot = (slot + 1) & model->pair_mask;
    }
    model->pair_keys[slot] = key;
    model->pair_rows[slot] = first_row + i;
    model->pair_filter[bit / 64] |= (uint64_t)1 << bit % 64;
  }
  return SKM_OK;
}

int skm_model_set_merges(skm_model *model, const int32_t *merges, uint32_t n) {
  skm_byte_level *bpe = &model->byte_level;
  uint32_t size = 16, i;
  while (size < 2 * (uint64_t)n) size *= 2;
  bpe->mask = size - 1;
  bpe->pairs = malloc(size * sizeof *bpe->pairs);
  bpe->merges = malloc(size * sizeof *bpe->merges);
  if (!bpe->pairs || !bpe->merges) return SKM_NO_MEMORY;
  memset(bpe->pairs, 0xff, size * sizeof *bpe->pairs);
  for (i = 0; i < n; i++) {
    uint64_t key = (uint64_t)(uint32_t)merges[3 * i] << 32 | (uint32_t)merges[3 * i + 1];
    uint32_t slot = (uint32_t)skm_pair_hash(key) & bpe->mask;
    while (bpe->pairs[slot] != UINT64_MAX && bpe->pairs[slot] != key) slot = (slot + 1) & bpe->mask;
    bpe->pairs[slot] = key;
    bpe->merges[slot] = (uint64_t)i << 32 | (uint32_t)merges[3 * i + 2];
  }
  return SKM_OK;
}

/* ---- life --------------------------------------------------------------------------------- */

void skm_model_init(skm_model *model) {
  memset(model, 0, sizeof *model);
  model->dropped = -1;
}

void skm_model_free(skm_model *model) {
  size_t i;
  skm_trie_free(&model->trie);
  skm_added_free(&model->added);
  free(model->byte_level.pairs);
  free(model->byte_level.merges);
  for (i = 0; i < SKM_BLOCKS; i++) free(model->blocks[i]);
  for (i = 0; i < SKM_ARENA_CHUNKS; i++) free(model->arena[i]);
  free(model->pair_keys);
  free(model->pair_rows);
  free(model->pair_filter);
  memset(model, 0, sizeof *model);
}
