/* One chunk to the ids of a byte-level BPE model.
 *
 * The normalized chunk is cut into words as the regular expressions of GPT-2 and of its successors
 * do it, and the bytes of a word are merged in the order of the reference tokenizer.
 */
#include <stdlib.h>

#include "segment.h"

/* Longer words are left to the reference tokenizer. */
#define MOST_BYTES ((size_t)1 << 16)

/* ---- merging ------------------------------------------------------------------------------ */

/* Rank and id of what a pair becomes; UINT64_MAX: it is not merged. */
SKM_INLINE uint64_t find_merge(const skm_byte_level *bpe, uint32_t left, uint32_t right) {
  const uint64_t key = (uint64_t)left << 32 | right;
  uint32_t slot = (uint32_t)skm_pair_hash(key) & bpe->mask;
  while (bpe->pairs[slot] != key) {
    if (bpe->pairs[slot] == UINT64_MAX) return UINT64_MAX;
    slot = (slot + 1) & bpe->mask;
  }
  return bpe->merges[slot];
}

SKM_INLINE int comes_first(const skm_merge *a, const skm_merge *b) {
  return a->rank < b->rank || (a->rank == b->rank && a->position < b->position);
}

static size_t heap_push(skm_merge *heap, size_t n, skm_merge merge) {
  size_t at = n;
  while (at && comes_first(&merge, &heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = merge;
  return n + 1;
}

/* Removes the first one; `n` is the number before. */
static size_t heap_pop(skm_merge *heap, size_t n) {
  const skm_merge merge = heap[--n];
  size_t at = 0, child;
  while ((child = 2 * at + 1) < n) {
    if (child + 1 < n && comes_first(&heap[child + 1], &heap[child])) child++;
    if (!comes_first(&heap[child], &merge)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = merge;
  return n;
}

static size_t push_pair(const skm_byte_level *bpe, const skm_symbol *symbols, int32_t left,
                        int32_t right, skm_merge *heap, size_t n) {
  const uint64_t found = find_merge(bpe, symbols[left].id, symbols[right].id);
  skm_merge merge;
  if (found == UINT64_MAX) return n;
  merge.rank = (uint32_t)(found >> 32);
  merge.id = (uint32_t)found;
  merge.position = (uint32_t)left;
  return heap_push(heap, n, merge);
}

static int symbols_reserve(skm_workspace *ws, size_t n) {
  size_t capacity = ws->symbols_capacity ? ws->symbols_capacity : 64;
  skm_symbol *symbols;
  skm_merge *heap;
  if (n <= ws->symbols_capacity) return SKM_OK;
  while (capacity < n) capacity *= 2;
  symbols = realloc(ws->symbols, capacity * sizeof *symbols);
  if (symbols) ws->symbols = symbols;
  /* A merge of two symbols adds at most two pairs, so there are never 3 n of them. */
  heap = realloc(ws->heap, 3 * capacity * sizeof *heap);
  if (heap) ws->heap = heap;
  if (!symbols || !heap) return SKM_NO_MEMORY;
  ws->symbols_capacity = capacity;
  return SKM_OK;
}

/* Appends the ids of a word. */
static int merge_word(const skm_model *model, skm_workspace *ws, const uint8_t *word, size_t n) {
  const skm_byte_level *bpe = &model->byte_level;
  skm_symbol *symbols;
  skm_merge *heap;
  size_t n_heap = 0, i;
  int32_t at;
  if (n > MOST_BYTES) return SKM_ASK_TEXT;
  if (symbols_reserve(ws, n) != SKM_OK || skm_ids_reserve(ws, n + 4) != SKM_OK)
    return SKM_NO_MEMORY;
  if (bpe->whole_words) {
    const int32_t id = skm_find_token(&model->trie, word, n);
    if (id >= 0) {
      ws->ids[ws->n_ids++] = (uint32_t)id;
      return SKM_OK;
    }
  }
  symbols = ws->symbols;
  heap = ws->heap;
  for (i = 0; i < n; i++) {
    symbols[i].id = (uint32_t)bpe->byte_ids[word[i]];
    symbols[i].previous = (int32_t)i - 1;
    symbols[i].next = i + 1 < n ? (int32_t)i + 1 : -1;
  }
  for (i = 0; i + 1 < n; i++)
    n_heap = push_pair(bpe, symbols, (int32_t)i, (int32_t)i + 1, heap, n_heap);
  while (n_heap) {
    const skm_merge merge = heap[0];
    skm_symbol *left = &symbols[merge.position], *right;
    uint64_t found;
    n_heap = heap_pop(heap, n_heap);
    if (left->id == UINT32_MAX || left->next < 0) continue; /* merged into another, or the last */
    right = &symbols[left->next];
    /* The pair may have changed since; what counts is that the same token comes out. */
    found = find_merge(bpe, left->id, right->id);
    if (found == UINT64_MAX || (uint32_t)found != merge.id) continue;
    left->id = merge.id;
    left->next = right->next;
    right->id = UINT32_MAX;
    if (left->next >= 0) symbols[left->next].previous = (int32_t)merge.position;
    if (left->previous >= 0)
      n_heap = push_pair(bpe, symbols, left->previous, (int32_t)merge.position, heap, n_heap);
    if (left->next >= 0)
      n_heap = push_pair(bpe, symbols, (int32_t)merge.position, left->next, heap, n_heap);
  }
  for (at = 0; at >= 0; at = symbols[at].next) ws->ids[ws->n_ids++] = symbols[at].id;
  return SKM_OK;
}

/* ---- words -------------------------------------------------------------------------------- */

/* The normalized chunk: `classes` has the item class of each character at its first byte. */
typedef struct {
  const uint8_t *bytes, *classes;
  size_t n;
} characters;

SKM_INLINE size_t next_character(const characters *text, size_t at) {
  do at++;
  while (at < text->n && text->classes[at] == 255);
  return at;
}

SKM_INLINE int is(const characters *text, size_t at, int item) {
  return at < text->n && text->classes[at] == item;
}

SKM_INLINE int is_line_end(const characters *text, size_t at) {
  return at < text->n && (text->bytes[at] == '\n' || text->bytes[at] == '\r');
}

static size_t run_of(const characters *text, size_t at, int item) {
  while (is(text, at, item)) at = next_character(text, at);
  return at;
}

/* End of 's, 't, 're, 've, 'm, 'll or 'd at `at`, or `at`. */
static size_t contraction(const characters *text, size_t at, int any_case) {
  uint8_t c[3] = {0, 0, 0};
  size_t i;
  if (text->bytes[at] != '\'') return at;
  for (i = 0; i < 3 && at + i < text->n; i++) {
    c[i] = text->bytes[at + i];
    if (any_case && c[i] >= 'A' && c[i] <= 'Z') c[i] |= 0x20;
  }
  if (c[1] == 's' || c[1] == 't' || c[1] == 'm' || c[1] == 'd') return at + 2;
  if ((c[1] == 'r' && c[2] == 'e') || (c[1] == 'v' && c[2] == 'e') || (c[1] == 'l' && c[2] == 'l'))
    return at + 3;
  if (any_case && c[1] == 0xc5 && c[2] == 0xbf) return at + 3; /* the long s */
  return at;
}

/* End of the word that begins at `at`; the alternatives are tried in the expression's order. */
static size_t end_of_word(const skm_byte_level *bpe, const characters *text, size_t at) {
  const int space = text->bytes[at] == ' ';
  size_t end = contraction(text, at, bpe->any_case), behind, i;
  if (end > at) return end;
  behind = next_character(text, at);
  /* letters, perhaps with one character before them */
  if (is(text, at, SKM_ITEM_LETTER)) return run_of(text, at, SKM_ITEM_LETTER);
  if (is(text, behind, SKM_ITEM_LETTER) &&
      (bpe->any_prefix ? !is_line_end(text, at) && !is(text, at, SKM_ITEM_NUMBER) : space))
    return run_of(text, behind, SKM_ITEM_LETTER);
  /* numbers */
  if (is(text, at, SKM_ITEM_NUMBER)) {
    if (!bpe->digits) return run_of(text, at, SKM_ITEM_NUMBER);
    for (i = 0, end = at; i < bpe->digits && is(text, end, SKM_ITEM_NUMBER); i++)
      end = next_character(text, end);
    return end;
  }
  if (!bpe->digits && space && is(text, behind, SKM_ITEM_NUMBER))
    return run_of(text, behind, SKM_ITEM_NUMBER);
  /* everything else that is not white space */
  if (is(text, at, SKM_ITEM_WORD) || (space && is(text, behind, SKM_ITEM_WORD))) {
    end = run_of(text, space ? behind : at, SKM_ITEM_WORD);
    while (bpe->lines && is_line_end(text, end)) end++;
    return end;
  }
  /* white space: up to its last line end, or without the character before what comes next */
  end = run_of(text, at, SKM_ITEM_SPACE);
  if (bpe->lines)
    for (i = end; i > at; i--)
      if (is_line_end(text, i - 1)) return i;
  if (end < text->n) {
    for (i = end - 1; text->classes[i] == 255;) i--;
    if (i > at) return i;
  }
  return end;
}

/* ---- chunks ------------------------------------------------------------------------------- */

static int grow(uint8_t **buffer, size_t *capacity, size_t n) {
  size_t wanted = *capacity ? *capacity : 256;
  uint8_t *grown;
  if (n <= *capacity) return SKM_OK;
  while (wanted < n) wanted *= 2;
  grown = realloc(*buffer, wanted);
  if (!grown) return SKM_NO_MEMORY;
  *buffer = grown;
  *capacity = wanted;
  return SKM_OK;
}

/* Adds a character; `bytes` has four readable bytes. */
SKM_INLINE int put(skm_workspace *ws, size_t *n, const uint8_t *bytes, size_t length, int item) {
  if (SKM_UNLIKELY(*n + 4 > ws->classes_capacity || *n + 4 > ws->word_capacity) &&
      (grow(&ws->word, &ws->word_capacity, *n + 4) != SKM_OK ||
       grow(&ws->classes, &ws->classes_capacity, *n + 4) != SKM_OK))
    return SKM_NO_MEMORY;
  memcpy(ws->word + *n, bytes, 4);
  memset(ws->classes + *n, 255, 4);
  ws->classes[*n] = (uint8_t)item;
  *n += length;
  return SKM_OK;
}

int skm_byte_level_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                           const uint8_t *end) {
  static const uint8_t blank[4] = " ";
  const skm_byte_level *bpe = &model->byte_level;
  unsigned after = 0; /* how the code point before may matter to the next one */
  int asked = 0, result = SKM_OK, prefix = bpe->prefix_space && *p != ' ';
  characters text;
  size_t n = 0, at, stop;
  while (p < end) {
    uint32_t code_point;
    const skm_cp cp = skm_next_code_point(model, &p, &code_point);
    if (SKM_UNLIKELY(cp.f.kind == SKM_CP_UNSET)) {
      if (skm_ask_code_point(ws, code_point) != SKM_OK) return SKM_NO_MEMORY;
      asked = 1; /* go on, to ask for all of them at once */
      continue;
    }
    if ((after & SKM_CP_BEFORE(cp.f.flags)) || cp.f.kind == SKM_CP_ASK) result = SKM_ASK_TEXT;
    after = SKM_CP_AFTER(cp.f.flags);
    if (result != SKM_OK) continue;
    if (prefix && put(ws, &n, blank, 1, SKM_ITEM_SPACE) != SKM_OK) return SKM_NO_MEMORY;
    prefix = 0;
    if (SKM_LIKELY(cp.f.kind == SKM_CP_WORD)) {
      if (put(ws, &n, cp.f.u.bytes, cp.f.n_bytes, cp.f.n_chars) != SKM_OK) return SKM_NO_MEMORY;
    } else if (cp.f.kind == SKM_CP_PROGRAM) {
      const uint8_t *items = model->arena[cp.f.u.value / SKM_ARENA_CHUNK];
      uint32_t length, i;
      items += cp.f.u.value % SKM_ARENA_CHUNK;
      memcpy(&length, items, 4);
      items += 4;
      for (i = 0; i < length; i += 2u + items[i + 1])
        if (put(ws, &n, items + i + 2, items[i + 1], items[i]) != SKM_OK) return SKM_NO_MEMORY;
    }
  }
  if (asked) return SKM_ASK_CODE_POINT;
  if (result != SKM_OK) return result;
  /* A space comes next, unless the text ends. */
  if (after & SKM_CP_BEFORE(model->ascii[' '].f.flags)) return SKM_ASK_TEXT;
  text.bytes = ws->word;
  text.classes = ws->classes;
  text.n = n;
  for (at = 0; at < n && result == SKM_OK; at = stop) {
    stop = end_of_word(bpe, &text, at);
    result = merge_word(model, ws, ws->word + at, stop - at);
  }
  return result;
}
