/* One document to token ids: transcode, split at spaces, look the chunks up.
 *
 * The normalizer and the pre-tokenizer treat what is left and right of a boundary separately, so a
 * chunk always makes the same ids. WordPiece: only space, tab, LF and CR end a chunk, and belong to
 * none. Unigram and byte-level BPE: a space begins a chunk and belongs to it.
 */
#include "workspace.h"

#include <stdlib.h>

#define PIECE 16384      /* code units transcoded at a time */
#define STORE_BYTES 256  /* longer chunks are segmented anew every time */
#define STORE_IDS 128
#define LONG_CHUNK 4096  /* from here on segmenting may stop at the limit */

SKM_INLINE int is_separator(uint8_t c) {
  return c <= 32 && (UINT64_C(0x100002600) >> c & 1);
}

/* ---- code units to UTF-8 ------------------------------------------------------------------ */

SKM_INLINE uint8_t *put2(uint8_t *out, uint32_t c) {
  out[0] = (uint8_t)(0xc0 | c >> 6);
  out[1] = (uint8_t)(0x80 | (c & 0x3f));
  return out + 2;
}

SKM_INLINE uint8_t *put3(uint8_t *out, uint32_t c) {
  out[0] = (uint8_t)(0xe0 | c >> 12);
  out[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
  out[2] = (uint8_t)(0x80 | (c & 0x3f));
  return out + 3;
}

/* Writes the UTF-8 of `n` code units from `start`; bytes written, or SKM_SURROGATE. */
static ptrdiff_t transcode(const skm_text *text, size_t start, size_t n, uint8_t *out) {
  uint8_t *const begin = out;
  size_t i;
  if (text->ascii) {
    memcpy(out, (const uint8_t *)text->data + start, n);
    return (ptrdiff_t)n;
  }
  if (text->unit == 1) {
    const uint8_t *s = (const uint8_t *)text->data + start;
    for (i = 0; i < n; i++) {
      if (s[i] < 0x80)
        *out++ = s[i];
      else
        out = put2(out, s[i]);
    }
  } else if (text->unit == 2) {
    const uint16_t *s = (const uint16_t *)text->data + start;
    for (i = 0; i < n; i++) {
      uint32_t c = s[i];
      if (c < 0x80)
        *out++ = (uint8_t)c;
      else if (c < 0x800)
        out = put2(out, c);
      else if ((c & 0xf800) == 0xd800)
        return SKM_SURROGATE;
      else
        out = put3(out, c);
    }
  } else {
    const uint32_t *s = (const uint32_t *)text->data + start;
    for (i = 0; i < n; i++) {
      uint32_t c = s[i];
      if (c < 0x80) {
        *out++ = (uint8_t)c;
      } else if (c < 0x800) {
        out = put2(out, c);
      } else if (c < 0x10000) {
        if ((c & 0xf800) == 0xd800) return SKM_SURROGATE;
        out = put3(out, c);
      } else if (c > 0x10ffff) { /* not a string of Python's */
        return SKM_SURROGATE;
      } else {
        out[0] = (uint8_t)(0xf0 | c >> 18);
        out[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        out[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        out[3] = (uint8_t)(0x80 | (c & 0x3f));
        out += 4;
      }
    }
  }
  return out - begin;
}

/* ---- chunks to ids ------------------------------------------------------------------------ */

#if defined(SKM_BIG_ENDIAN)
#define KEY_BYTES_OF_HIGH UINT64_C(0xffffffffffffff00)
#else
#define KEY_BYTES_OF_HIGH UINT64_C(0x00ffffffffffffff)
#endif

SKM_INLINE skm_slot *bucket_of(const skm_workspace *ws, uint64_t low, uint64_t high) {
  uint64_t hash = low * UINT64_C(0x9E3779B97F4A7C15);
  hash = (hash ^ hash >> 32 ^ high) * UINT64_C(0xD6E8FEB86659FD93);
  return ws->front + 2 * (hash >> (64 - SKM_FRONT_BITS));
}

SKM_INLINE uint8_t *slot_count(skm_slot *slot) { return (uint8_t *)slot->key + 15; }

/* A new chunk takes the second slot; one that is met again moves to the first. */
static void front_put(skm_slot *bucket, uint64_t low, uint64_t high, const uint32_t *ids,
                      size_t n) {
  bucket[1].key[0] = low;
  bucket[1].key[1] = high;
  memset(bucket[1].ids, 0, sizeof bucket[1].ids);
  memcpy(bucket[1].ids, ids, n * sizeof *ids);
  *slot_count(&bucket[1]) = (uint8_t)n;
}

/* Appends the ids of a record. */
static int put_record(skm_workspace *ws, const skm_record *record) {
  if (record->n_ids == SKM_UNANSWERED) return SKM_PENDING;
  if (skm_ids_reserve(ws, (size_t)record->n_ids + 4) != SKM_OK) return SKM_NO_MEMORY;
  memcpy(ws->ids + ws->n_ids, record + 1, (size_t)record->n_ids * 4);
  ws->n_ids += record->n_ids;
  return SKM_OK;
}

static int segment(const skm_model *model, skm_workspace *ws, const uint8_t *p, size_t length,
                   size_t limit) {
  if (model->native == SKM_UNIGRAM) return skm_unigram_segment(model, ws, p, p + length, 0);
  if (model->native == SKM_BYTE_LEVEL) return skm_byte_level_segment(model, ws, p, p + length);
  return skm_segment(model, ws, p, p + length, length >= LONG_CHUNK ? limit : SIZE_MAX);
}

/* Ids of a chunk that the front cache does not know. */
static SKM_NOINLINE int resolve(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                                size_t length, size_t limit) {
  size_t first = ws->n_ids;
  int stored = length > 15 && length <= STORE_BYTES, result;
  uint64_t hash = 0;
  const skm_record *record = NULL;
  if (stored || !model->native) {
    hash = skm_hash_bytes(p, length);
    record = skm_store_get(&ws->store, p, length, hash);
  }
  if (!record && model->native) {
    result = segment(model, ws, p, length, limit);
    if (result == SKM_OK) {
      size_t n = ws->n_ids - first;
      if (stored && n <= STORE_IDS && ws->store.used <= SKM_STORE_LIMIT)
        return skm_store_put(&ws->store, p, length, hash, ws->ids + first, (uint32_t)n);
      return SKM_OK;
    }
    ws->n_ids = first;
    if (result == SKM_ASK_CODE_POINT) return SKM_PENDING;
    if (result != SKM_ASK_CHUNK) return result;
    if (!stored) {
      hash = skm_hash_bytes(p, length);
      record = skm_store_get(&ws->store, p, length, hash);
    }
  }
  if (!record) {
    result = skm_ask_chunk(ws, p, length, hash);
    return result == SKM_OK ? SKM_PENDING : result;
  }
  return put_record(ws, record);
}

SKM_INLINE int look_up(const skm_model *model, skm_workspace *ws, const skm_short_chunk *chunk,
                       size_t limit) {
  const uint64_t low = chunk->low, high = chunk->high;
  skm_slot *slot = chunk->bucket;
  if (SKM_UNLIKELY(slot->key[0] != low || ((slot->key[1] ^ high) & KEY_BYTES_OF_HIGH))) {
    slot = chunk->bucket + 1;
    if (slot->key[0] != low || ((slot->key[1] ^ high) & KEY_BYTES_OF_HIGH)) {
      const size_t first = ws->n_ids;
      const int result = resolve(model, ws, chunk->start, chunk->length, limit);
      if (result == SKM_OK && ws->n_ids - first <= 4)
        front_put(chunk->bucket, low, high, ws->ids + first, ws->n_ids - first);
      return result;
    } else {
      const skm_slot known = *slot;
      chunk->bucket[1] = chunk->bucket[0];
      chunk->bucket[0] = known;
      slot = chunk->bucket;
    }
  }
  if (skm_ids_reserve(ws, 4) != SKM_OK) return SKM_NO_MEMORY;
  memcpy(ws->ids + ws->n_ids, slot->ids, sizeof slot->ids);
  ws->n_ids += *slot_count(slot);
  return SKM_OK;
}

/* ---- splitting ---------------------------------------------------------------------------- */

/* 16 bytes of 0xff, then 16 of zero: the window at 16 - n keeps n bytes. */
static const uint8_t KEEP[32] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0,    0,
    0,    0,    0,    0,    0,    0,    0,    0,    0,    0};

/* One bit for each of 64 bytes: whether it is <= 32. */
SKM_INLINE uint64_t low_bytes(const uint8_t *p) {
  uint64_t mask = 0;
  int i;
#if defined(SKM_X86_64)
  for (i = 0; i < 4; i++) {
    const __m128i bytes = _mm_loadu_si128((const __m128i *)(p + 16 * i));
    const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(32)), bytes);
    mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(low) << 16 * i;
  }
#elif defined(SKM_BIG_ENDIAN)
  for (i = 0; i < 64; i++) mask |= (uint64_t)(p[i] <= 32) << i;
#else
  for (i = 0; i < 8; i++) { /* eight bytes at a time: the top bit of each, then these side by side */
    const uint64_t bytes = skm_read64(p + 8 * i), top = UINT64_C(0x8080808080808080);
    const uint64_t low = ~(bytes | ((bytes & ~top) + UINT64_C(0x5f5f5f5f5f5f5f5f))) & top;
    mask |= ((low >> 7) * UINT64_C(0x0102040810204080) >> 56) << 8 * i;
  }
#endif
  return mask;
}

/* Goes from one byte <= 32 to the next. Where a chunk begins is known early that way: a search that
 * started at the end of the chunk before would have to wait for it. */
typedef struct {
  const uint8_t *base;
  uint64_t mask; /* of the 64 bytes from base, those still ahead */
} skm_scan;

SKM_INLINE skm_scan scan_from(const uint8_t *p) {
  skm_scan scan = {p, low_bytes(p)};
  return scan;
}

SKM_INLINE const uint8_t *next_low_byte(skm_scan *scan) {
  const uint8_t *p;
  while (SKM_UNLIKELY(!scan->mask)) {
    scan->base += 64;
    scan->mask = low_bytes(scan->base);
  }
  p = scan->base + skm_ctz64(scan->mask);
  scan->mask &= scan->mask - 1;
  return p;
}

/* Prepares the look-up of the chunk of at most 15 bytes at `p`. */
SKM_INLINE void fetch(const skm_workspace *ws, const uint8_t *p, size_t length,
                      skm_short_chunk *chunk) {
  chunk->low = skm_read64(p) & skm_read64(KEEP + 16 - length);
  chunk->high = skm_read64(p + 8) & skm_read64(KEEP + 24 - length);
  chunk->bucket = bucket_of(ws, chunk->low, chunk->high);
  SKM_PREFETCH(chunk->bucket);
  chunk->start = p;
  chunk->length = length;
}

/* Ids of the chunks that were fetched. */
SKM_INLINE int look_up_all(const skm_model *model, skm_workspace *ws, const skm_short_chunk *chunks,
                           size_t n, size_t limit) {
  size_t i;
  int pending = SKM_OK;
  for (i = 0; i < n; i++) {
    const int result = look_up(model, ws, &chunks[i], limit);
    if (SKM_UNLIKELY(result != SKM_OK)) {
      if (result != SKM_PENDING) return result;
      pending = SKM_PENDING;
    }
  }
  return pending;
}

int skm_look_ahead(const skm_model *model, const skm_workspace *ws, const skm_text *text,
                   skm_short_text *out) {
  const uint8_t *p = out->bytes, *end;
  ptrdiff_t written;
  size_t n = 0;
  skm_scan scan;
  if (text->length > SKM_SHORT_LENGTH || model->native > SKM_WORDPIECE) return 0;
  written = transcode(text, 0, text->length, out->bytes);
  if (written < 0) return 0;
  end = p + written;
  memset(out->bytes + written, ' ', SKM_PADDING);
  scan = scan_from(p);
  while (p < end) {
    const uint8_t *stop = next_low_byte(&scan);
    const size_t length = (size_t)(stop - p);
    if (SKM_UNLIKELY(length > 15 || !is_separator(*stop) || n == SKM_SHORT_CHUNKS)) return 0;
    fetch(ws, p, length, &out->chunks[n]);
    n += length != 0;
    p = stop + 1;
  }
  out->n = n;
  return 1;
}

int skm_tokenize_short(const skm_model *model, skm_workspace *ws, const skm_short_text *text) {
  return look_up_all(model, ws, text->chunks, text->n, SIZE_MAX);
}

#define AHEAD 16 /* chunks whose cache lines are fetched at the same time */

/* Ids of the chunks in [p, end); `end` is at a separator or at the padding. */
static int split(const skm_model *model, skm_workspace *ws, const uint8_t *p, const uint8_t *end,
                 size_t limit) {
  int pending = SKM_OK;
  skm_scan scan = scan_from(p);
  while (p < end && ws->n_ids <= limit) {
    skm_short_chunk chunks[AHEAD];
    const uint8_t *long_chunk = NULL;
    size_t n = 0, length = 0;
    int result;
    while (n < AHEAD && p < end) {
      const uint8_t *stop = next_low_byte(&scan);
      if (SKM_UNLIKELY(stop - p > 15 || !is_separator(*stop))) {
        long_chunk = p;
        while (!is_separator(*stop)) stop = next_low_byte(&scan);
      }
      length = (size_t)(stop - p);
      p = stop + 1;
      if (SKM_UNLIKELY(long_chunk != NULL)) break;
      fetch(ws, stop - length, length, &chunks[n]);
      n += length != 0;
    }
    result = look_up_all(model, ws, chunks, n, limit);
    if (result == SKM_PENDING)
      pending = SKM_PENDING;
    else if (result != SKM_OK)
      return result;
    if (long_chunk) {
      result = resolve(model, ws, long_chunk, length, limit);
      if (result < 0) return result;
      if (result == SKM_PENDING) pending = SKM_PENDING;
    }
  }
  return pending;
}

/* ---- chunks that own the space before them ------------------------------------------------- */

/* Whether a chunk begins at *p, behind which there is a whole character. In byte-level models a run
 * of white space is cut before its last space only, which belongs to the next word. */
SKM_INLINE int begins_chunk(const skm_model *model, const uint8_t *p) {
  if (*p != ' ') return 0;
  if (model->native == SKM_UNIGRAM) return 1;
  switch (p[1]) { /* the first bytes of white space; others than these that begin so are rare */
    case 0xc2:
      return p[2] != 0x85 && p[2] != 0xa0;
    case 0xe1:
      return p[2] != 0x9a && p[2] != 0xa0;
    case 0xe2:
      return p[2] != 0x80 && p[2] != 0x81;
    case 0xe3:
      return p[2] != 0x80;
    default:
      return p[1] > ' ';
  }
}

/* Whether the end of the text may matter to the ids of its last chunk. */
static int end_matters(const skm_model *model, const uint8_t *end) {
  return model->native == SKM_UNIGRAM && model->unigram.spaces == SKM_SPACES_RUNS &&
         (end[-1] >= 128 || model->ascii[end[-1]].f.kind != SKM_CP_WORD);
}

/* As `split`, but `end` is at a space; `last`: the text ends there. */
static int split_owned(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                       const uint8_t *end, size_t limit, int last) {
  int pending = SKM_OK;
  skm_scan scan = scan_from(p);
  if (*p <= 32) scan.mask &= scan.mask - 1; /* what begins the first chunk does not end it */
  last = last && p < end && end_matters(model, end);
  while (p < end && ws->n_ids <= limit) {
    skm_short_chunk chunks[AHEAD];
    const uint8_t *long_chunk = NULL;
    size_t n = 0, length = 0;
    int result;
    while (n < AHEAD && p < end) {
      int zero = *p == 0; /* in a key, zeros are bytes behind the chunk */
      const uint8_t *stop = next_low_byte(&scan);
      for (; stop < end && !begins_chunk(model, stop); stop = next_low_byte(&scan))
        zero |= *stop == 0;
      length = (size_t)(stop - p);
      if (length > 15 || zero || (last && p + length == end)) {
        long_chunk = p;
        p += length;
        break;
      }
      fetch(ws, p, length, &chunks[n++]);
      p += length;
    }
    result = look_up_all(model, ws, chunks, n, limit);
    if (result == SKM_PENDING)
      pending = SKM_PENDING;
    else if (result != SKM_OK)
      return result;
    if (long_chunk) {
      if (last && p == end) {
        result = skm_unigram_segment(model, ws, long_chunk, end, 1);
        if (result == SKM_ASK_CODE_POINT) result = SKM_PENDING;
      } else {
        result = resolve(model, ws, long_chunk, length, limit);
      }
      if (result == SKM_PENDING)
        pending = SKM_PENDING;
      else if (result != SKM_OK)
        return result;
    }
  }
  return pending;
}

/* ---- documents ---------------------------------------------------------------------------- */

static int text_reserve(skm_workspace *ws, size_t capacity) {
  uint8_t *text;
  if (capacity <= ws->text_capacity) return SKM_OK;
  if (capacity < 2 * ws->text_capacity) capacity = 2 * ws->text_capacity;
  text = realloc(ws->text, capacity);
  if (!text) return SKM_NO_MEMORY;
  ws->text = text;
  ws->text_capacity = capacity;
  return SKM_OK;
}

SKM_INLINE size_t widest(const skm_text *text) {
  return text->ascii ? 1 : text->unit == 1 ? 2 : text->unit == 2 ? 3 : 4;
}

/* Where the last chunk begins, or a separator before it ends, in the `n` bytes from `text`; 0 if
 * they are one chunk. */
static size_t last_boundary(const skm_model *model, const uint8_t *text, size_t n) {
  if (model->native <= SKM_WORDPIECE) {
    while (n > 0 && !is_separator(text[n - 1])) n--;
    return n;
  }
  /* Whether a byte begins a chunk depends on the character behind it, which may be cut off. */
  for (n = n > 4 ? n - 4 : 0; n > 0 && !begins_chunk(model, text + n);) n--;
  return n;
}

/* Appends the ids of a document that the reference tokenizer has to see as a whole. */
static int ask_text(skm_workspace *ws, const skm_text *text) {
  const skm_record *record;
  ptrdiff_t written;
  uint64_t hash;
  if (text_reserve(ws, text->length * widest(text) + SKM_PADDING) != SKM_OK) return SKM_NO_MEMORY;
  written = transcode(text, 0, text->length, ws->text);
  if (written < 0) return (int)written;
  hash = ~skm_hash_bytes(ws->text, (size_t)written); /* not the record of an equal chunk */
  record = skm_store_get(&ws->store, ws->text, (size_t)written, hash);
  if (!record) {
    const int result = skm_ask_chunk(ws, ws->text, (size_t)written, hash);
    return result == SKM_OK ? SKM_PENDING : result;
  }
  return put_record(ws, record);
}

/* Appends the ids of a document; stops soon after more than `max_length` of them. */
static int tokenize(const skm_model *model, skm_workspace *ws, const skm_text *text,
                    size_t max_length) {
  const size_t limit = max_length > SIZE_MAX - ws->n_ids ? SIZE_MAX : ws->n_ids + max_length;
  const int whole = model->native == SKM_UNIGRAM && !model->unigram.split;
  size_t position = 0, filled = 0, want = whole ? text->length : PIECE;
  int pending = SKM_OK;
  while (position < text->length) {
    size_t n = text->length - position < want ? text->length - position : want, stop;
    const int last = position + n == text->length;
    ptrdiff_t written;
    int result;
    if (text_reserve(ws, filled + n * widest(text) + SKM_PADDING) != SKM_OK) return SKM_NO_MEMORY;
    written = transcode(text, position, n, ws->text + filled);
    if (written < 0) return (int)written;
    position += n;
    filled = stop = filled + (size_t)written;
    memset(ws->text + filled, ' ', SKM_PADDING);
    if (!last) {
      stop = last_boundary(model, ws->text, filled);
      if (stop == 0) { /* no boundary yet: the chunk goes on */
        want *= 2;
        continue;
      }
    }
    if (model->native <= SKM_WORDPIECE) {
      result = split(model, ws, ws->text, ws->text + stop, limit);
    } else if (whole) {
      result = skm_unigram_segment(model, ws, ws->text, ws->text + stop, 1);
      if (result == SKM_ASK_CODE_POINT) result = SKM_PENDING;
    } else {
      result = split_owned(model, ws, ws->text, ws->text + stop, limit, last);
    }
    if (result == SKM_PENDING)
      pending = SKM_PENDING;
    else if (result != SKM_OK)
      return result;
    if (ws->n_ids > limit) break;
    filled -= stop;
    memmove(ws->text, ws->text + stop, filled);
    want = PIECE;
  }
  return pending;
}

int skm_tokenize(const skm_model *model, skm_workspace *ws, skm_text text, size_t max_length) {
  const size_t first = ws->n_ids;
  const int result = tokenize(model, ws, &text, max_length);
  if (result != SKM_ASK_TEXT) return result;
  ws->n_ids = first;
  return ask_text(ws, &text);
}
