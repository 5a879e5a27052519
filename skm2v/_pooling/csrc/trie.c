/* The vocabulary as a double-array trie: one 4-byte load per byte of a word.
 *
 * unit = offset << 9 | has token << 8 | label. The child of node i for byte b is node offset ^ b,
 * if that unit's label is b. No two nodes have the same offset, so the label identifies the
 * parent too. A free unit has the label 0xff, a byte that UTF-8 does not have. This is also how files
 * have it: a change of it is another format of theirs, see kernel_state.py.
 */
#include <stdlib.h>

#include "segment.h"

#define FREE 0xffu
#define MOST_UNITS (1u << 23)

/* ---- collecting: nodes found through a hash table of edges (node, byte) -> node -------------- */

typedef struct {
  uint64_t *slots; /* key << 32 | child, 0 = free */
  uint32_t mask, n_nodes;
  int shift;
  int32_t *token; /* per node, -1: none */
} builder;

static uint32_t edge_hash(uint32_t key, int shift) {
  return (uint32_t)(skm_pair_hash(key) >> 32) >> shift;
}

static int builder_resize(builder *b, int bits) {
  uint32_t mask = (1u << bits) - 1, i, j;
  uint64_t *slots = calloc((size_t)mask + 1, sizeof *slots);
  int32_t *token = realloc(b->token, ((size_t)mask + 1) * sizeof *token);
  if (token) b->token = token;
  if (!slots || !token) {
    free(slots);
    return SKM_NO_MEMORY;
  }
  for (i = 0; b->slots && i <= b->mask; i++) {
    if (!b->slots[i]) continue;
    for (j = edge_hash((uint32_t)(b->slots[i] >> 32), 32 - bits); slots[j]; j = (j + 1) & mask) {
    }
    slots[j] = b->slots[i];
  }
  free(b->slots);
  b->slots = slots;
  b->mask = mask;
  b->shift = 32 - bits;
  return SKM_OK;
}

static int builder_add(builder *b, uint32_t node, const uint8_t *bytes, size_t length,
                       int32_t id) {
  size_t i;
  for (i = 0; i < length; i++) {
    uint32_t key = node << 8 | bytes[i], j;
    if (b->n_nodes * 2 > b->mask) {
      if (b->n_nodes >= MOST_UNITS) return SKM_TOO_LARGE;
      if (builder_resize(b, 33 - b->shift) != SKM_OK) return SKM_NO_MEMORY;
    }
    for (j = edge_hash(key, b->shift);; j = (j + 1) & b->mask) {
      if (!b->slots[j]) {
        b->token[b->n_nodes] = -1;
        b->slots[j] = (uint64_t)key << 32 | b->n_nodes++;
        break;
      }
      if ((uint32_t)(b->slots[j] >> 32) == key) break;
    }
    node = (uint32_t)b->slots[j];
  }
  b->token[node] = id;
  return SKM_OK;
}

/* ---- packing ------------------------------------------------------------------------------ */

typedef struct {
  skm_trie *trie;
  uint8_t *used;    /* offsets taken */
  uint32_t *next;   /* a unit at or behind this one that may be free */
  uint32_t capacity;
  uint32_t from[4]; /* where to look for nodes with 1, 2, 3 and more children */
} packer;

static int packer_grow(packer *p, uint32_t needed) {
  skm_trie *trie = p->trie;
  uint32_t capacity = p->capacity ? p->capacity : 4096, i;
  uint32_t *units;
  int32_t *token;
  uint8_t *used;
  uint32_t *next;
  while (capacity <= needed) capacity *= 2;
  if (capacity > MOST_UNITS) return SKM_TOO_LARGE;
  units = realloc(trie->units, capacity * sizeof *units);
  if (units) trie->units = units;
  token = realloc(trie->token, capacity * sizeof *token);
  if (token) trie->token = token;
  used = realloc(p->used, capacity);
  if (used) p->used = used;
  next = realloc(p->next, capacity * sizeof *next);
  if (next) p->next = next;
  if (!units || !token || !used || !next) return SKM_NO_MEMORY;
  for (i = p->capacity; i < capacity; i++) {
    units[i] = FREE;
    token[i] = -1;
    used[i] = 0;
    next[i] = i;
  }
  p->capacity = capacity;
  return SKM_OK;
}

/* First free unit from `at` on; may be one past the capacity. */
static uint32_t next_free(packer *p, uint32_t at) {
  while (at < p->capacity && (p->trie->units[at] & 255) != FREE) {
    uint32_t behind = p->next[at] > at ? p->next[at] : at + 1;
    if (behind < p->capacity && (p->trie->units[behind] & 255) != FREE &&
        p->next[behind] > behind)
      behind = p->next[behind];
    at = p->next[at] = behind;
  }
  return at;
}

/* Finds an offset under which all labels are free. Where several places did not fit, nodes with as
 * many children do not look again: packing takes linear time, and nodes with one child fill the
 * holes. */
static int find_offset(packer *p, const uint8_t *labels, uint32_t n, uint32_t *found) {
  uint32_t *from = &p->from[n < 4 ? n - 1 : 3];
  uint32_t at = next_free(p, *from), tried;
  for (tried = 0;; at = next_free(p, at + 1), tried++) {
    uint32_t offset = at ^ labels[0], i;
    if ((offset | 255) >= p->capacity) {
      const int status = packer_grow(p, offset | 255);
      if (status != SKM_OK) return status;
    }
    if (p->used[offset]) continue;
    for (i = 1; i < n; i++)
      if ((p->trie->units[offset ^ labels[i]] & 255) != FREE) break;
    if (i < n) continue;
    if (tried > 8) *from = at;
    *found = offset;
    return SKM_OK;
  }
}

static int pack(packer *p, const builder *b) {
  skm_trie *trie = p->trie;
  const uint32_t n = b->n_nodes;
  uint32_t *first = calloc((size_t)n + 1, sizeof *first); /* children of each node in `edges` */
  uint64_t *edges = malloc((size_t)n * sizeof *edges);
  uint32_t *place = malloc((size_t)n * sizeof *place);
  uint32_t i, node;
  int status = SKM_NO_MEMORY;
  if (!first || !edges || !place || packer_grow(p, 4095) != SKM_OK) goto end;
  for (i = 0; i <= b->mask; i++)
    if (b->slots[i]) first[(b->slots[i] >> 40) + 1]++;
  for (i = 0; i < n; i++) first[i + 1] += first[i];
  for (i = 0; i <= b->mask; i++)
    if (b->slots[i]) edges[first[b->slots[i] >> 40]++] = b->slots[i];
  for (i = n; i > 0; i--) first[i] = first[i - 1];
  first[0] = 0;
  p->used[0] = 1; /* the offset of leaves: no unit is found through it */
  for (node = 0; node < n; node++) { /* parents come before their children */
    const uint32_t n_children = first[node + 1] - first[node];
    const uint64_t *children = edges + first[node];
    uint8_t labels[256];
    uint32_t offset = 0;
    if (n_children) {
      for (i = 0; i < n_children; i++) labels[i] = (uint8_t)(children[i] >> 32);
      status = find_offset(p, labels, n_children, &offset);
      if (status != SKM_OK) goto end;
      p->used[offset] = 1;
      for (i = 0; i < n_children; i++) {
        place[(uint32_t)children[i]] = offset ^ labels[i];
        trie->units[offset ^ labels[i]] = labels[i];
      }
    }
    if (node < 2) {
      trie->root[node] = offset;
    } else {
      trie->units[place[node]] |= offset << 9 | (uint32_t)(b->token[node] >= 0) << 8;
      trie->token[place[node]] = b->token[node];
    }
  }
  status = SKM_OK;
end:
  free(first);
  free(edges);
  free(place);
  return status;
}

/* Gives back the free units behind the last one, of which the capacity has up to as many again. */
static void trim(const packer *p) {
  skm_trie *trie = p->trie;
  uint32_t n = p->capacity;
  void *smaller;
  while (n > 256 && (trie->units[n - 1] & 255) == FREE) n--;
  trie->n_units = n = ((n - 1) | 255) + 1;
  if ((smaller = realloc(trie->units, n * sizeof *trie->units))) trie->units = smaller;
  if ((smaller = realloc(trie->token, n * sizeof *trie->token))) trie->token = smaller;
}

/* ---- interface ---------------------------------------------------------------------------- */

int skm_trie_build(skm_trie *trie, const skm_word *words, size_t n) {
  builder b = {NULL, 0, 2, 0, NULL};
  packer p = {trie, NULL, NULL, 0, {0, 0, 0, 0}};
  int status = builder_resize(&b, 12);
  size_t i;
  if (status == SKM_OK) b.token[0] = b.token[1] = -1;
  for (i = 0; i < n && status == SKM_OK; i++)
    if (words[i].length)
      status = builder_add(&b, (uint32_t)words[i].root, words[i].bytes, words[i].length,
                           words[i].id);
  if (status == SKM_OK) status = pack(&p, &b);
  if (status == SKM_OK) trim(&p);
  trie->n_ids = INT32_MAX;
  free(b.slots);
  free(b.token);
  free(p.used);
  free(p.next);
  return status;
}

int skm_trie_borrow(skm_trie *trie, const uint32_t *units, const int32_t *token, size_t n,
                    const uint32_t root[2], uint32_t n_ids) {
  uint32_t outside = 0;
  size_t i;
  if (n == 0 || n > MOST_UNITS || n % 256) return SKM_DAMAGED;
  if (root[0] >= n || root[1] >= n) return SKM_DAMAGED;
  for (i = 0; i < n; i++) {
    const uint32_t unit = units[i];
    outside |= (unit >> 9) >= n;
    outside |= (unit >> 8 & 1) & ((uint32_t)token[i] >= n_ids);
  }
  if (outside) return SKM_DAMAGED;
  trie->units = (uint32_t *)units;
  trie->token = (int32_t *)token;
  trie->root[0] = root[0];
  trie->root[1] = root[1];
  trie->n_units = (uint32_t)n;
  trie->n_ids = n_ids;
  trie->borrowed = 1;
  return SKM_OK;
}

int32_t skm_find_token(const skm_trie *trie, const uint8_t *bytes, size_t length) {
  uint32_t offset = trie->root[0];
  size_t i;
  for (i = 0; i < length; i++) {
    const uint32_t at = offset ^ bytes[i];
    uint32_t unit;
    if (at >= trie->n_units) return -1;
    unit = trie->units[at];
    if ((unit & 0xff) != bytes[i]) return -1;
    if (i + 1 == length) {
      const uint32_t id = (uint32_t)trie->token[at];
      return unit & 0x100 && id < trie->n_ids ? (int32_t)id : -1;
    }
    offset = unit >> 9;
  }
  return -1;
}

void skm_trie_free(skm_trie *trie) {
  if (trie->borrowed) return;
  free(trie->units);
  free(trie->token);
}
