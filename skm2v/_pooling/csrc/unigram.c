/* One chunk to the ids of a Unigram model whose words begin with a marker (Metaspace).
 *
 * The normalized chunk is cut into pieces, each of which is segmented by the best sum of token
 * scores: a search over the bytes of the piece, in the order and with the roundings of the
 * reference tokenizer, as sums that are nearly equal decide which of two ways is taken.
 */
#include <stdlib.h>

#include "segment.h"

/* Longer pieces are left to the reference tokenizer. */
#define MOST_BYTES ((size_t)1 << 16)
#define NO_WAY UINT32_MAX

/* ---- best path ---------------------------------------------------------------------------- */

static int nodes_reserve(skm_workspace *ws, size_t n) {
  skm_node *nodes;
  size_t capacity = ws->nodes_capacity ? ws->nodes_capacity : 256;
  if (n <= ws->nodes_capacity) return SKM_OK;
  while (capacity < n) capacity *= 2;
  nodes = realloc(ws->nodes, capacity * sizeof *nodes);
  if (!nodes) return SKM_NO_MEMORY;
  ws->nodes = nodes;
  ws->nodes_capacity = capacity;
  return SKM_OK;
}

/* A way with the same score does not replace an older one. */
SKM_INLINE void offer(skm_node *node, double score, size_t start, int32_t id) {
  if (node->start == NO_WAY || score > node->score) {
    node->score = score;
    node->start = (uint32_t)start;
    node->id = id;
  }
}

/* Writes the ids of unknown characters in a row, last one first; their number. */
static size_t put_unknown(const skm_model *model, const uint8_t *bytes, size_t length,
                          uint32_t *out) {
  const skm_unigram *unigram = &model->unigram;
  const int32_t id = skm_find_token(&model->trie, bytes, length);
  size_t i;
  if (id >= 0) {
    out[0] = (uint32_t)id;
    return 1;
  }
  for (i = 0; unigram->byte_fallback && i < length; i++) {
    const int32_t byte_id = unigram->byte_ids[bytes[length - 1 - i]];
    if (byte_id < 0) break;
    out[i] = (uint32_t)byte_id;
  }
  if (i == length) return length;
  out[0] = (uint32_t)model->unknown;
  return 1;
}

/* Appends the ids of a piece. */
static int segment_piece(const skm_model *model, skm_workspace *ws, const uint8_t *piece,
                         size_t n) {
  const skm_trie *trie = &model->trie;
  const double *scores = model->unigram.scores;
  const int32_t unknown = model->unknown;
  skm_node *nodes;
  size_t at, end, unknown_end, i;
  uint32_t *ids, *first;
  if (nodes_reserve(ws, n + 1) != SKM_OK || skm_ids_reserve(ws, n + 4) != SKM_OK)
    return SKM_NO_MEMORY;
  nodes = ws->nodes;
  for (i = 1; i <= n; i++) nodes[i].start = NO_WAY;
  nodes[0].score = 0;
  for (at = 0; at < n;) {
    const uint8_t lead = piece[at];
    const size_t next = at + (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
    const double score = nodes[at].score;
    uint32_t offset = trie->root[0];
    int single = 0;
    for (i = at; i < n;) {
      const uint32_t place = offset ^ piece[i];
      uint32_t unit;
      if (SKM_UNLIKELY(place >= trie->n_units)) break;
      unit = trie->units[place];
      if ((unit & 0xff) != piece[i]) break;
      i++;
      if (unit & 0x100) {
        const int32_t id = trie->token[place];
        if ((uint32_t)id >= trie->n_ids) break;
        offer(&nodes[i], scores[id] + score, at, id);
        single |= i == next;
      }
      offset = unit >> 9;
    }
    if (!single) offer(&nodes[next], model->unigram.unknown_score + score, at, unknown);
    at = next;
  }
  ids = first = ws->ids + ws->n_ids;
  for (end = n, unknown_end = 0; end > 0; end = nodes[end].start) {
    if (nodes[end].id == unknown) { /* neighbours are one unknown */
      if (!unknown_end) unknown_end = end;
      continue;
    }
    if (unknown_end) ids += put_unknown(model, piece + end, unknown_end - end, ids);
    unknown_end = 0;
    *ids++ = (uint32_t)nodes[end].id;
  }
  if (unknown_end) ids += put_unknown(model, piece, unknown_end, ids);
  ws->n_ids += (size_t)(ids - first);
  for (; first + 1 < ids; first++) { /* found from the end */
    const uint32_t id = *first;
    *first = *--ids;
    *ids = id;
  }
  return SKM_OK;
}

/* ---- pieces ------------------------------------------------------------------------------- */

typedef struct {
  const skm_model *model;
  skm_workspace *ws;
  size_t n;  /* bytes of the open piece */
  int space; /* a run of spaces came before what comes next */
  int bare;  /* the text does not begin with a marker */
} open_piece;

SKM_INLINE int put(open_piece *piece, const uint8_t *bytes, size_t length) {
  skm_workspace *ws = piece->ws;
  if (SKM_UNLIKELY(piece->n + 4 > ws->word_capacity)) {
    uint8_t *word = realloc(ws->word, 2 * ws->word_capacity);
    if (!word) return SKM_NO_MEMORY;
    ws->word = word;
    ws->word_capacity *= 2;
  }
  memcpy(ws->word + piece->n, bytes, 4);
  piece->n += length;
  return SKM_OK;
}

static int put_marker(open_piece *piece) {
  piece->space = 0;
  return put(piece, piece->model->unigram.marker, piece->model->unigram.marker_length);
}

static int end_piece(open_piece *piece) {
  int result = SKM_OK;
  if (piece->n > MOST_BYTES) return SKM_ASK_TEXT;
  if (piece->n) result = segment_piece(piece->model, piece->ws, piece->ws->word, piece->n);
  piece->n = 0;
  return result;
}

SKM_INLINE int put_word(open_piece *piece, const uint8_t *bytes, size_t length) {
  if (((piece->n == 0 && !piece->bare) || piece->space) && put_marker(piece) != SKM_OK)
    return SKM_NO_MEMORY;
  return put(piece, bytes, length);
}

SKM_INLINE int put_space(open_piece *piece) {
  const skm_unigram *unigram = &piece->model->unigram;
  if (unigram->split) {
    const int result = end_piece(piece);
    if (result != SKM_OK) return result;
  }
  if (unigram->spaces == SKM_SPACES_EACH) return put_marker(piece);
  piece->space = 1;
  return SKM_OK;
}

static int put_items(open_piece *piece, const uint8_t *items, size_t length) {
  size_t i;
  int result = SKM_OK;
  for (i = 0; i < length && result == SKM_OK; i += 2u + items[i + 1])
    result = items[i] == SKM_ITEM_SPACE ? put_space(piece)
                                        : put_word(piece, items + i + 2, items[i + 1]);
  return result;
}

int skm_unigram_segment(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                        const uint8_t *end, int last, int bare) {
  open_piece piece = {model, ws, 0, 0, bare};
  unsigned after = 0; /* how the code point before may matter to the next one */
  int asked = 0, result = SKM_OK;
  while (p < end) {
    uint32_t code_point;
    const skm_cp cp = skm_next_code_point(model, &p, &code_point);
    if (SKM_UNLIKELY(cp.f.kind == SKM_CP_UNSET)) {
      if (skm_ask_code_point(ws, code_point) != SKM_OK) return SKM_NO_MEMORY;
      asked = 1; /* go on, to ask for all of them at once */
      continue;
    }
    if (after & SKM_CP_BEFORE(cp.f.flags)) result = SKM_ASK_TEXT;
    after = SKM_CP_AFTER(cp.f.flags);
    if (result != SKM_OK) continue;
    switch (cp.f.kind) {
      case SKM_CP_WORD:
        result = put_word(&piece, cp.f.u.bytes, cp.f.n_bytes);
        break;
      case SKM_CP_SPACE:
        result = put_space(&piece);
        break;
      case SKM_CP_PROGRAM: {
        const uint8_t *items = model->arena[cp.f.u.value / SKM_ARENA_CHUNK];
        uint32_t length;
        items += cp.f.u.value % SKM_ARENA_CHUNK;
        memcpy(&length, items, 4);
        result = put_items(&piece, items + 4, length);
        break;
      }
      case SKM_CP_ASK:
        result = SKM_ASK_TEXT;
        break;
      default: /* dropped */
        break;
    }
    if (result < 0) return result;
  }
  if (asked) return SKM_ASK_CODE_POINT;
  if (result != SKM_OK) return result;
  /* A space comes next, unless the text ends. */
  if (after & SKM_CP_BEFORE(model->ascii[' '].f.flags)) return SKM_ASK_TEXT;
  if (last && piece.space && model->unigram.spaces == SKM_SPACES_RUNS &&
      put_marker(&piece) != SKM_OK)
    return SKM_NO_MEMORY;
  return end_piece(&piece);
}
