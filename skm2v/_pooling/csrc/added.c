/* Words that were added to a tokenizer, found in the normalized text before it is split.
 *
 * This is what `tokenizers` does with added tokens: from the left, the longest word that begins at
 * a character; a word that must stand alone is passed over, as a whole, where a letter or digit is
 * beside it. What is between two words is split as if it were a text.
 *
 * Where a chunk begins no word, and none begins in it and may go on behind it, its ids are those
 * without added words, and are cached as such. All other chunks come here: `skm_added_scan` tells
 * them apart, `skm_added_region` finds the words that begin in a chunk, looks ahead as far as it
 * must, and appends the ids up to the end of a chunk.
 */
#include <stdlib.h>

#include "workspace.h"

/* What a code point becomes, as far as it matters to a word beside it. */
#define EDGE_FIRST_WORD 1 /* begins with a letter, digit or mark */
#define EDGE_LAST_WORD 2
#define EDGE_LAST_WHITE 4
#define EDGE_ALL_WHITE 8

typedef struct {
  const skm_model *model;
  skm_workspace *ws;
  const skm_span *span;
  const uint8_t *start, *stop; /* raw: what is normalized */
  size_t n, n_marks;           /* normalized bytes, code points */
  unsigned after;              /* how the last code point may matter to the next one */
  int run;                     /* of spaces, at the end */
  /* where the search is */
  size_t at, mark;
  /* the word found: normalized and raw */
  size_t end;
  const uint8_t *raw_start, *raw_end;
  int32_t entry;
  uint32_t open_at; /* where the word that was cut off is in the trie, 0: something else is open */
} search;

/* ---- where words may begin ------------------------------------------------------------------ */

#define START_BITS 15

/* Bit of what begins with three bytes. Behind a space, which may be the end of a chunk, nothing
 * counts. */
SKM_INLINE uint32_t start_bit(uint32_t a, uint32_t b, uint32_t c) {
  return (a | b << 8 | (b == ' ' ? b : c) << 16) * UINT32_C(0x9E3779B1) >> (32 - START_BITS);
}

SKM_INLINE int may_begin(const skm_added *added, uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t bit = start_bit(a, b, c);
  return added->starts[bit / 64] >> bit % 64 & 1;
}

static void add_start(skm_added *added, const uint8_t *word, size_t length) {
  uint32_t b, c;
  const uint32_t second = length > 1 ? word[1] : 256, third = length > 2 ? word[2] : 256;
  for (b = second < 256 ? second : 0; b < 256; b++) { /* a word of two bytes has any third one */
    for (c = third < 256 ? third : 0; c < 256; c++) {
      const uint32_t bit = start_bit(word[0], b, c);
      added->starts[bit / 64] |= UINT64_C(1) << bit % 64;
      if (third < 256) break;
    }
    if (second < 256) break;
  }
}

/* ---- normalizing -------------------------------------------------------------------------- */

static int reserve(skm_workspace *ws, size_t n_bytes, size_t n_marks) {
  if (n_bytes > ws->plain_capacity) {
    const size_t capacity = 2 * n_bytes + 256;
    uint8_t *plain = realloc(ws->plain, capacity);
    if (!plain) return SKM_NO_MEMORY;
    ws->plain = plain;
    ws->plain_capacity = capacity;
  }
  if (n_marks > ws->marks_capacity) {
    const size_t capacity = 2 * n_marks + 64;
    skm_mark *marks = realloc(ws->marks, capacity * sizeof *marks);
    if (!marks) return SKM_NO_MEMORY;
    ws->marks = marks;
    ws->marks_capacity = capacity;
  }
  return SKM_OK;
}

/* Adds a normalized character; there is room for four bytes more. */
static void put(search *s, const uint8_t *bytes, size_t length) {
  const skm_added *added = &s->model->added;
  uint8_t *plain = s->ws->plain;
  if (length == 1 && *bytes == ' ' && added->collapse_length) {
    if (s->run++ == 0) {
      plain[s->n++] = ' ';
    } else if (s->run == 2) { /* two or more spaces are one of this */
      memcpy(plain + s->n - 1, added->collapse, added->collapse_length);
      s->n += added->collapse_length - 1;
    }
    return;
  }
  s->run = 0;
  memcpy(plain + s->n, bytes, length);
  s->n += length;
}

static void end_marks(search *s) {
  skm_mark *mark = &s->ws->marks[s->n_marks];
  mark->at = (uint32_t)s->n;
  mark->raw = (uint32_t)(s->stop - s->start);
  mark->edges = 0;
}

/* Normalizes up to `stop`. */
static int normalize(search *s, const uint8_t *stop) {
  const skm_model *model = s->model;
  const uint8_t *p = s->stop;
  int result = SKM_OK;
  if ((size_t)(stop - s->start) > UINT32_MAX / 64) return SKM_ASK_TEXT;
  if (reserve(s->ws, s->n + (size_t)(stop - p) + 8, s->n_marks + (size_t)(stop - p) + 2) != SKM_OK)
    return SKM_NO_MEMORY;
  while (p < stop) {
    const uint8_t *const here = p;
    uint32_t code_point;
    skm_cp cp;
    skm_mark *mark;
    if (*p < 128 && model->added.ascii[*p] < SKM_ADDED_NO_TEXT && *p != ' ' && result == SKM_OK) {
      /* room is there: a byte of text left for each */
      mark = &s->ws->marks[s->n_marks++];
      mark->at = (uint32_t)s->n;
      mark->raw = (uint32_t)(p - s->start);
      mark->edges = skm_edges(model, *p);
      s->ws->plain[s->n++] = model->added.ascii[*p];
      s->after = SKM_CP_AFTER(model->ascii[*p].f.flags);
      s->run = 0;
      p++;
      continue;
    }
    cp = skm_next_code_point(model, &p, &code_point);
    if (SKM_UNLIKELY(cp.f.kind == SKM_CP_UNSET)) {
      if (skm_ask_code_point(s->ws, code_point) != SKM_OK) return SKM_NO_MEMORY;
      result = SKM_ASK_CODE_POINT; /* go on, to ask for all of them at once */
      continue;
    }
    if (cp.f.kind != SKM_CP_DROP) {
      if ((s->after & SKM_CP_BEFORE(cp.f.flags)) && result == SKM_OK) result = SKM_ASK_TEXT;
      s->after = SKM_CP_AFTER(cp.f.flags);
    }
    if (cp.f.kind == SKM_CP_ASK && result == SKM_OK) result = SKM_ASK_TEXT;
    if (result != SKM_OK) continue;
    if (reserve(s->ws, s->n + (size_t)(stop - p) + 8, s->n_marks + (size_t)(stop - p) + 2) !=
        SKM_OK)
      return SKM_NO_MEMORY;
    mark = &s->ws->marks[s->n_marks++];
    mark->at = (uint32_t)s->n;
    mark->raw = (uint32_t)(here - s->start);
    mark->edges = skm_edges(model, code_point);
    switch (cp.f.kind) {
      case SKM_CP_WORD:
        if (model->native == SKM_BYTE_LEVEL || cp.f.n_chars == 1) {
          put(s, cp.f.u.bytes, cp.f.n_bytes);
        } else {
          s->run = 0;
          memcpy(s->ws->plain + s->n, cp.f.u.bytes, 4);
          s->n += cp.f.n_bytes;
        }
        break;
      case SKM_CP_SPACE:
        put(s, cp.f.u.bytes, cp.f.n_bytes);
        break;
      case SKM_CP_ALONE: {
        const uint8_t nothing = SKM_ADDED_NO_TEXT;
        put(s, &nothing, 1);
        break;
      }
      case SKM_CP_PROGRAM: {
        const uint8_t *items = model->arena[cp.f.u.value / SKM_ARENA_CHUNK];
        uint32_t length, i;
        items += cp.f.u.value % SKM_ARENA_CHUNK;
        memcpy(&length, items, 4);
        items += 4;
        if (reserve(s->ws, s->n + length + (size_t)(stop - p) + 8, s->n_marks + 2) != SKM_OK)
          return SKM_NO_MEMORY;
        for (i = 0; i < length; i += 2u + items[i + 1]) put(s, items + i + 2, items[i + 1]);
        break;
      }
      default: /* dropped */
        break;
    }
  }
  s->stop = stop;
  if (result == SKM_OK && reserve(s->ws, s->n + 8, s->n_marks + 2) != SKM_OK) return SKM_NO_MEMORY;
  if (result == SKM_OK) end_marks(s);
  return result;
}

/* Where the chunk with the byte at `p` ends. */
static const uint8_t *end_of_chunk(const search *s, const uint8_t *p) {
  const uint8_t *const end = s->span->end;
  if (s->model->native == SKM_UNIGRAM && !s->model->unigram.split) return end;
  if (s->model->native == SKM_WORDPIECE) {
    while (p < end && !skm_is_separator(*p)) p++;
  } else {
    while (p < end && !skm_begins_chunk(s->model, p)) p++;
  }
  return p;
}

/* Normalizes one more chunk, and the spaces before it. */
static int extend(search *s) {
  const uint8_t *p = s->stop, *const end = s->span->end;
  if (s->model->native == SKM_WORDPIECE) {
    while (p < end && skm_is_separator(*p)) p++;
  } else {
    while (p < end && *p == ' ') p++;
  }
  if (p == end) return s->span->last ? SKM_NO_CHUNK : SKM_MORE;
  return normalize(s, end_of_chunk(s, p));
}

/* ---- matching ----------------------------------------------------------------------------- */

/* Whether a word may go on behind the normalized text: a space comes next. */
static int goes_on(const search *s, uint32_t offset) {
  const skm_trie *trie = &s->model->added.trie;
  if (!offset) return 0;
  return s->run > 0 || (trie->units[offset ^ ' '] & 0xff) == ' ';
}

/* Whether the character before the code point `mark`, or behind the one before it, is a letter. */
static int letter_before(const search *s, size_t mark) {
  const skm_mark *marks = s->ws->marks;
  while (mark > 0 && marks[mark - 1].at == marks[mark].at) mark--;
  return mark > 0 && (marks[mark - 1].edges & EDGE_LAST_WORD);
}

static int letter_behind(const search *s, size_t mark) {
  const skm_mark *marks = s->ws->marks;
  while (mark < s->n_marks && marks[mark + 1].at == marks[mark].at) mark++;
  return mark < s->n_marks && (marks[mark].edges & EDGE_FIRST_WORD);
}

/* Finds the longest word at s->at: SKM_OK, SKM_NO_WORD or what keeps it from being found. */
static int match(search *s, int look_ahead) {
  const skm_added *added = &s->model->added;
  const uint32_t *units = added->trie.units;
  uint32_t offset = added->trie.root[0];
  size_t i = s->at, mark;
  int32_t found = -1;
  const skm_mark *marks;
  for (;;) {
    uint32_t place, unit;
    if (i == s->n) {
      int result;
      if (!goes_on(s, offset)) break;
      if (!look_ahead) {
        s->open_at = found < 0 && !s->run ? units[offset ^ ' '] >> 9 : 0;
        return SKM_MORE;
      }
      result = extend(s);
      if (result == SKM_NO_CHUNK) break;
      if (result != SKM_OK) return result;
      continue;
    }
    place = offset ^ s->ws->plain[i];
    unit = units[place];
    if ((unit & 0xff) != s->ws->plain[i]) break;
    i++;
    if (unit & 0x100) {
      found = added->trie.token[place];
      s->end = i;
    }
    offset = unit >> 9;
  }
  if (found < 0) return SKM_NO_WORD;
  /* Both ends must be between code points of the text. */
  marks = s->ws->marks;
  mark = s->mark;
  while (mark + 1 <= s->n_marks && marks[mark + 1].at <= s->at) mark++;
  if (marks[mark].at != s->at) return SKM_ASK_TEXT;
  s->raw_start = s->start + marks[mark].raw;
  s->mark = mark;
  while (marks[mark].at < s->end) mark++;
  if (marks[mark].at != s->end) return SKM_ASK_TEXT;
  s->raw_end = s->start + marks[mark].raw;
  s->entry = found;
  if (added->flags[found] & SKM_ADDED_IGNORED) s->entry = -1;
  if ((added->flags[found] & SKM_ADDED_SINGLE) &&
      (letter_before(s, s->mark) || letter_behind(s, mark)))
    s->entry = -1;
  return SKM_OK;
}

/* Goes to the next character behind one where no word begins, at which one may. */
static void step(search *s) {
  const uint8_t *const plain = s->ws->plain;
  do {
    const uint8_t lead = plain[s->at];
    s->at += lead < 0x80 || lead == SKM_ADDED_NO_TEXT ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  } while (s->at < s->n &&
           !may_begin(&s->model->added, plain[s->at], s->at + 1 < s->n ? plain[s->at + 1] : ' ',
                      s->at + 2 < s->n ? plain[s->at + 2] : ' '));
}

static void begin(search *s, const skm_model *model, skm_workspace *ws, const skm_span *span,
                  const uint8_t *start) {
  memset(s, 0, sizeof *s);
  s->model = model;
  s->ws = ws;
  s->span = span;
  s->start = s->stop = start;
}

/* Whether it shows at once that no word begins in a chunk of simple characters. */
static int begins_none(const skm_model *model, const uint8_t *p, size_t length) {
  const uint32_t *units = model->added.trie.units, root = model->added.trie.root[0];
  uint8_t text[64 + 2];
  uint64_t starts = 0;
  size_t i;
  if (length > 64 || SKM_CP_BEFORE(model->ascii[' '].f.flags)) return 0;
  for (i = 0; i < length; i++) {
    const uint8_t byte = p[i] < 128 ? model->added.ascii[p[i]] : SKM_ADDED_COMPLEX;
    if (byte == SKM_ADDED_COMPLEX) return 0;
    text[i] = byte;
  }
  text[length] = text[length + 1] = ' ';
  for (i = 0; i < length; i++)
    starts |= (uint64_t)may_begin(&model->added, text[i], text[i + 1], text[i + 2]) << i;
  for (; starts; starts &= starts - 1) {
    uint32_t offset = root;
    for (i = skm_ctz64(starts);; i++) {
      const uint32_t unit = units[offset ^ text[i]];
      if ((unit & 0xff) != text[i]) break;
      if (i == length || (unit & 0x100)) return 0;
      offset = unit >> 9;
    }
  }
  return 1;
}

/* Remembers where words go on behind the chunk and a space: in one place, or in several. */
static void remember_open(const skm_model *model, skm_workspace *ws, uint32_t at, int n_before) {
  const uint32_t *units = model->added.trie.units;
  uint32_t both[2], byte;
  int i;
  if (n_before == 0) {
    ws->open_kind = SKM_OPEN_ONE;
    ws->open_at = at;
    return;
  }
  both[0] = ws->open_at;
  both[1] = at;
  if (ws->open_kind == SKM_OPEN_ONE) ws->open_at = 0;
  for (i = ws->open_kind == SKM_OPEN_SOME; i < 2; i++)
    for (byte = 0; byte < SKM_ADDED_NO_TEXT; byte++)
      if ((units[both[i] ^ byte] & 0xff) == byte) ws->open_at |= UINT32_C(1) << byte % 32;
  ws->open_kind = SKM_OPEN_SOME;
}

int skm_added_scan(const skm_model *model, skm_workspace *ws, const uint8_t *p, size_t length) {
  const skm_span span = {p, p + length, 0, 1};
  search s;
  int kind = SKM_ADDED_NONE, n_open = 0, simple = 1, result;
  ws->open_kind = 0;
  if (begins_none(model, p, length)) return SKM_ADDED_NONE;
  begin(&s, model, ws, &span, p);
  result = normalize(&s, p + length);
  if (result != SKM_OK) return result;
  if (s.after & SKM_CP_BEFORE(model->ascii[' '].f.flags)) return SKM_ASK_TEXT;
  while (s.at < s.n) {
    result = match(&s, 0);
    if (result == SKM_MORE) {
      simple &= s.open_at && kind == SKM_ADDED_NONE;
      if (simple) remember_open(model, ws, s.open_at, n_open);
      n_open++;
    }
    if (result == SKM_NO_WORD || result == SKM_MORE) {
      step(&s);
      continue;
    }
    if (result != SKM_OK) return result;
    if (s.entry >= 0) kind = SKM_ADDED_INSIDE;
    s.at = s.end;
  }
  if (!n_open) return kind;
  if (!simple || kind != SKM_ADDED_NONE) ws->open_kind = 0;
  return SKM_ADDED_OPEN;
}

/* ---- regions ------------------------------------------------------------------------------ */

/* Whether white space right before `p` left tokens, which a word that strips it must not have. */
int skm_white_before(const skm_model *model, const skm_span *span, const uint8_t *p) {
  while (p > span->begin) {
    const uint8_t *q = p - 1, *s;
    uint32_t code_point;
    skm_cp cp;
    while (q > span->begin && (*q & 0xc0) == 0x80) q--;
    s = q;
    cp = skm_next_code_point(model, &s, &code_point);
    p = q;
    if (cp.f.kind == SKM_CP_UNSET || cp.f.kind == SKM_CP_ASK) return 1;
    if (cp.f.kind == SKM_CP_DROP) continue;
    if (!(skm_edges(model, code_point) & EDGE_LAST_WHITE)) return 0;
    if (model->native != SKM_UNIGRAM || model->unigram.spaces == SKM_SPACES_EACH ||
        model->added.collapse_length > 1 || cp.f.kind != SKM_CP_SPACE)
      return 1;
  }
  return span->white_before;
}

/* Whether the character before the word became a marker in place of several spaces. */
static int marker_before(const search *s) {
  const skm_added *added = &s->model->added;
  const size_t n = added->collapse_length;
  return n > 1 && s->at >= n && memcmp(s->ws->plain + s->at - n, added->collapse, n) == 0;
}

/* Moves the end of what is before a word to the left of its white space. */
static int strip(const search *s, const uint8_t *rest, int first, const uint8_t **end) {
  const skm_mark *marks = s->ws->marks;
  size_t mark = s->mark;
  for (; *end > rest && mark > 0; mark--) {
    const skm_mark *before = &marks[mark - 1];
    if (before->at != marks[mark].at && !(before->edges & EDGE_ALL_WHITE))
      return before->edges & EDGE_LAST_WHITE ? SKM_ASK_TEXT : SKM_OK;
    *end = s->start + before->raw;
    /* among several kinds of white space there may be a marker, which is none */
    if (s->model->added.collapse_length > 1 && mark < s->mark) return SKM_ASK_TEXT;
  }
  if (first && *end == s->start && skm_white_before(s->model, s->span, s->start))
    return SKM_ASK_TEXT;
  return SKM_OK;
}

/* Appends the ids of what is not an added word. */
static int put_rest(const search *s, const uint8_t *p, const uint8_t *end, int first, int last) {
  int result;
  if (p == end) return SKM_OK;
  switch (s->model->native) {
    case SKM_UNIGRAM:
      result = skm_unigram_segment(s->model, s->ws, p, end, last, !first && s->model->added.bare);
      break;
    case SKM_BYTE_LEVEL:
      result = skm_byte_level_segment(s->model, s->ws, p, end);
      break;
    default:
      result = skm_segment(s->model, s->ws, p, end, SIZE_MAX);
  }
  return result == SKM_ASK_CHUNK ? SKM_ASK_TEXT : result;
}

int skm_added_region(const skm_model *model, skm_workspace *ws, const uint8_t *start,
                     const skm_span *span, const uint8_t **behind) {
  search s;
  const uint8_t *rest = start, *boundary_raw, *end;
  size_t boundary, mark;
  int result, found = 0, crossed = 0;
  begin(&s, model, ws, span, start);
  boundary_raw = end_of_chunk(&s, start + (model->native != SKM_WORDPIECE && *start == ' '));
  result = normalize(&s, boundary_raw);
  if (result != SKM_OK) return result;
  boundary = s.n;
  while (s.at < boundary) {
    result = match(&s, 1);
    if (result == SKM_NO_WORD) {
      step(&s);
      continue;
    }
    if (result != SKM_OK) return result;
    if (s.entry >= 0) {
      const skm_added *added = &model->added;
      const int marker = marker_before(&s);
      end = s.raw_start;
      if (model->native != SKM_WORDPIECE && !marker) { /* white space before it belongs to it */
        result = strip(&s, rest, !found, &end);
        if (result != SKM_OK) return result;
      }
      result = put_rest(&s, rest, end, !found, marker);
      if (result != SKM_OK) return result;
      if (skm_ids_reserve(ws, 4) != SKM_OK) return SKM_NO_MEMORY;
      ws->ids[ws->n_ids++] = (uint32_t)added->ids[s.entry];
      rest = s.raw_end;
      found = 1;
    }
    s.at = s.end;
    if (s.end > boundary) { /* on to the end of the chunk that the word ends in */
      crossed = 1;
      boundary_raw = end_of_chunk(&s, s.raw_end);
      for (mark = s.mark; start + ws->marks[mark].raw < boundary_raw;) mark++;
      boundary = ws->marks[mark].at;
    }
  }
  if (s.after & SKM_CP_BEFORE(model->ascii[' '].f.flags)) return SKM_ASK_TEXT;
  *behind = boundary_raw;
  if (!found && !crossed) return SKM_NO_WORD;
  return put_rest(&s, rest, boundary_raw, !found, span->last && boundary_raw == span->end);
}

/* ---- building ----------------------------------------------------------------------------- */

static uint32_t code_point_of(const uint8_t *s) {
  if (s[0] < 0x80) return s[0];
  if (s[0] < 0xe0) return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
  if (s[0] < 0xf0) return (s[0] & 0x0fu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
  return (s[0] & 0x07u) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 | (s[3] & 0x3fu);
}

int skm_model_set_added(skm_model *model, const skm_word *words, size_t n, const uint8_t *flags,
                        const int32_t *ids) {
  skm_added *added = &model->added;
  size_t i, j;
  added->flags = malloc(n);
  added->ids = malloc(n * sizeof *ids);
  added->characters = calloc(0x110000 / 8, 1);
  added->starts = calloc((1u << START_BITS) / 64, sizeof *added->starts);
  if (!added->flags || !added->ids || !added->characters || !added->starts) return SKM_NO_MEMORY;
  memcpy(added->flags, flags, n);
  memcpy(added->ids, ids, n * sizeof *ids);
  for (i = 0; i < n; i++) {
    add_start(added, words[i].bytes, words[i].length);
    for (j = 0; j < words[i].length; j++) {
      const uint8_t *c = words[i].bytes + j;
      if ((*c & 0xc0) != 0x80) added->characters[code_point_of(c) / 8] |= 1 << code_point_of(c) % 8;
    }
  }
  added->n = n;
  return skm_trie_build(&added->trie, words, n);
}

int skm_added_has(const skm_added *added, const uint8_t *character) {
  const uint32_t c = code_point_of(character);
  return added->characters && (added->characters[c / 8] >> c % 8 & 1);
}

void skm_added_free(skm_added *added) {
  size_t i;
  skm_trie_free(&added->trie);
  free(added->flags);
  free(added->ids);
  free(added->characters);
  free(added->starts);
  for (i = 0; i < SKM_BLOCKS; i++) free(added->edges[i]);
}
