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
static void front_put(skm_slot *bucket, uint64_t low, uint64_t high, const uint32_t *ids, size_t n,
                      int open) {
  bucket[1].key[0] = low;
  bucket[1].key[1] = high;
  memset(bucket[1].ids, 0, sizeof bucket[1].ids);
  memcpy(bucket[1].ids, ids, n * sizeof *ids);
  *slot_count(&bucket[1]) = (uint8_t)(n | (unsigned)open);
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
  if (model->native == SKM_UNIGRAM) return skm_unigram_segment(model, ws, p, p + length, 0, 0);
  if (model->native == SKM_BYTE_LEVEL) return skm_byte_level_segment(model, ws, p, p + length);
  return skm_segment(model, ws, p, p + length, length >= LONG_CHUNK ? limit : SIZE_MAX);
}

/* Ids of a chunk that the front cache does not know. Where added words may begin in it: the ids
 * without them, and the result SKM_ADDED_OPEN. */
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
  if (!record && model->added.n) {
    const int kind = skm_added_scan(model, ws, p, length);
    if (kind == SKM_ASK_CODE_POINT) return SKM_PENDING;
    if (kind == SKM_ADDED_INSIDE && model->native == SKM_WORDPIECE) {
      const skm_span span = {p, p + length, 0, 1};
      return skm_added_region(model, ws, p, &span, &p); /* whatever is around the chunk */
    }
    if (kind != SKM_ADDED_NONE) {
      if (kind != SKM_ADDED_INSIDE && kind != SKM_ADDED_OPEN) return kind;
      result = segment(model, ws, p, length, SIZE_MAX);
      if (result == SKM_ASK_CODE_POINT) return SKM_PENDING;
      return result == SKM_OK ? SKM_ADDED_OPEN : result == SKM_ASK_CHUNK ? SKM_ASK_TEXT : result;
    }
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
    if (model->added.n) return SKM_ASK_TEXT; /* a word may reach over the chunk's end */
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

/* Whether what is behind a chunk shows at once that it begins no added word. */
static int breaks_off(const skm_model *model, skm_slot *slot, const uint8_t *p,
                      const skm_span *span) {
  const uint32_t *units = model->added.trie.units;
  const uint8_t kind = *slot_count(slot);
  uint32_t at = slot->ids[3], code_point;
  if (!(kind & (SKM_OPEN_ONE | SKM_OPEN_SOME)) || p >= span->end || *p != ' ') return 0;
  if (model->ascii[' '].f.kind == SKM_CP_DROP) return 0;
  for (p++; p < span->end;) {
    skm_cp cp = skm_next_code_point(model, &p, &code_point);
    int fits = cp.f.kind == SKM_CP_WORD;
    if ((!fits && cp.f.kind != SKM_CP_ALONE) || SKM_CP_BEFORE(cp.f.flags)) return 0;
    if (fits && kind & SKM_OPEN_SOME) {
      if (at >> cp.f.u.bytes[0] % 32 & 1) return 0;
      fits = 0;
    }
    if (fits) {
      size_t i;
      for (i = 0; i < cp.f.n_bytes && fits; i++) {
        const uint32_t unit = units[at ^ cp.f.u.bytes[i]];
        fits = (unit & 0xff) == cp.f.u.bytes[i];
        if (fits && unit & 0x100) return 0;
        at = unit >> 9;
      }
    }
    if (!fits) { /* a mark behind the character might make another one of it */
      if (p >= span->end) return 0;
      cp = skm_next_code_point(model, &p, &code_point);
      return cp.f.kind != SKM_CP_UNSET && cp.f.kind != SKM_CP_DROP && cp.f.kind != SKM_CP_ASK &&
             !SKM_CP_BEFORE(cp.f.flags);
    }
  }
  return 0;
}

/* As `resolve`, but without the ids if the result is SKM_ADDED_OPEN. */
SKM_INLINE int look_up(const skm_model *model, skm_workspace *ws, const skm_short_chunk *chunk,
                       size_t limit, const skm_span *span) {
  const uint64_t low = chunk->low, high = chunk->high;
  skm_slot *slot = chunk->bucket;
  if (SKM_UNLIKELY(slot->key[0] != low || ((slot->key[1] ^ high) & KEY_BYTES_OF_HIGH))) {
    slot = chunk->bucket + 1;
    if (slot->key[0] != low || ((slot->key[1] ^ high) & KEY_BYTES_OF_HIGH)) {
      const size_t first = ws->n_ids;
      const int result = resolve(model, ws, chunk->start, chunk->length, limit);
      if ((result == SKM_OK || result == SKM_ADDED_OPEN) && ws->n_ids - first <= 4)
        front_put(chunk->bucket, low, high, ws->ids + first, ws->n_ids - first,
                  result == SKM_OK ? 0 : SKM_OPEN);
      if (result == SKM_ADDED_OPEN) {
        if (ws->open_kind && ws->n_ids - first < 4) {
          chunk->bucket[1].ids[3] = ws->open_at;
          *slot_count(&chunk->bucket[1]) |= (uint8_t)ws->open_kind;
        }
        ws->n_ids = first;
      }
      return result;
    } else {
      const skm_slot known = *slot;
      chunk->bucket[1] = chunk->bucket[0];
      chunk->bucket[0] = known;
      slot = chunk->bucket;
    }
  }
  if (skm_ids_reserve(ws, 4) != SKM_OK) return SKM_NO_MEMORY;
  if (SKM_UNLIKELY(*slot_count(slot) & SKM_OPEN) &&
      !breaks_off(model, slot, chunk->start + chunk->length, span))
    return SKM_ADDED_OPEN;
  memcpy(ws->ids + ws->n_ids, slot->ids, sizeof slot->ids);
  ws->n_ids += *slot_count(slot) & SKM_SLOT_IDS;
  return SKM_OK;
}

/* Appends the ids from a chunk on in which added words may begin; `*behind` is where they end. */
static SKM_NOINLINE int open_chunk(const skm_model *model, skm_workspace *ws, const uint8_t *start,
                                   size_t length, const skm_slot *slot, const skm_span *span,
                                   const uint8_t **behind) {
  int result = skm_added_region(model, ws, start, span, behind);
  if (result == SKM_NO_WORD) {
    if (slot) {
      if (skm_ids_reserve(ws, 4) != SKM_OK) return SKM_NO_MEMORY;
      memcpy(ws->ids + ws->n_ids, slot->ids, sizeof slot->ids);
      ws->n_ids += *slot_count((skm_slot *)slot) & SKM_SLOT_IDS;
      return SKM_OK;
    }
    if (model->native == SKM_UNIGRAM)
      result = skm_unigram_segment(model, ws, start, start + length,
                                   span->last && start + length == span->end, 0);
    else
      result = segment(model, ws, start, length, SIZE_MAX);
  }
  return result == SKM_ASK_CODE_POINT ? SKM_PENDING
         : result == SKM_ASK_CHUNK    ? SKM_ASK_TEXT
                                      : result;
}

/* The slot of the chunk, if it is in the front cache. */
SKM_INLINE const skm_slot *slot_of(const skm_short_chunk *chunk) {
  int i;
  for (i = 0; i < 2; i++)
    if (chunk->bucket[i].key[0] == chunk->low &&
        !((chunk->bucket[i].key[1] ^ chunk->high) & KEY_BYTES_OF_HIGH))
      return &chunk->bucket[i];
  return NULL;
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

/* Ids of the chunks that were fetched, and of text behind them that belongs to an added word:
 * `*behind` is where that ends, and moves. SKM_MORE: what is behind the span may matter to the
 * chunk at `*behind`. */
SKM_INLINE int look_up_all(const skm_model *model, skm_workspace *ws, const skm_short_chunk *chunks,
                           size_t n, size_t limit, const skm_span *span, const uint8_t **behind) {
  size_t i;
  int pending = SKM_OK;
  for (i = 0; i < n; i++) {
    int result;
    if (SKM_UNLIKELY(chunks[i].start < *behind)) continue;
    result = look_up(model, ws, &chunks[i], limit, span);
    if (SKM_UNLIKELY(result != SKM_OK)) {
      if (result == SKM_ADDED_OPEN) {
        result = open_chunk(model, ws, chunks[i].start, chunks[i].length, slot_of(&chunks[i]), span,
                            behind);
        if (result == SKM_MORE) {
          *behind = chunks[i].start;
          return SKM_MORE;
        }
        if (result == SKM_OK) continue;
      }
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
    if (SKM_UNLIKELY(length > 15 || !skm_is_separator(*stop) || n == SKM_SHORT_CHUNKS)) return 0;
    fetch(ws, p, length, &out->chunks[n]);
    n += length != 0;
    p = stop + 1;
  }
  out->n = n;
  out->end = end;
  return 1;
}

int skm_tokenize_short(const skm_model *model, skm_workspace *ws, const skm_short_text *text) {
  const skm_span span = {text->bytes, text->end, 0, 1};
  const uint8_t *behind = text->bytes;
  return look_up_all(model, ws, text->chunks, text->n, SIZE_MAX, &span, &behind);
}

#define AHEAD 16 /* chunks whose cache lines are fetched at the same time */

/* Ids of a chunk that is too long for the front cache; `*behind` as in look_up_all. */
static int look_up_long(const skm_model *model, skm_workspace *ws, const uint8_t *p, size_t length,
                        size_t limit, const skm_span *span, const uint8_t **behind) {
  const size_t first = ws->n_ids;
  int result = resolve(model, ws, p, length, limit);
  if (SKM_UNLIKELY(result == SKM_ADDED_OPEN)) {
    ws->n_ids = first;
    result = open_chunk(model, ws, p, length, NULL, span, behind);
    if (result == SKM_MORE) *behind = p;
  }
  return result;
}

/* Ids of the chunks of a span; `*stop` is where they end, before its end if what comes next may
 * matter. */
static int split(const skm_model *model, skm_workspace *ws, const skm_span *span, size_t limit,
                 const uint8_t **stopped) {
  const uint8_t *p = span->begin, *const end = span->end;
  int pending = SKM_OK;
  skm_scan scan = scan_from(p);
  while (p < end && ws->n_ids <= limit) {
    skm_short_chunk chunks[AHEAD];
    const uint8_t *long_chunk = NULL, *behind = p;
    size_t n = 0, length = 0;
    int result;
    while (n < AHEAD && p < end) {
      const uint8_t *stop = next_low_byte(&scan);
      if (SKM_UNLIKELY(stop - p > 15 || !skm_is_separator(*stop))) {
        long_chunk = p;
        while (!skm_is_separator(*stop)) stop = next_low_byte(&scan);
      }
      length = (size_t)(stop - p);
      p = stop + 1;
      if (SKM_UNLIKELY(long_chunk != NULL)) break;
      fetch(ws, stop - length, length, &chunks[n]);
      n += length != 0;
    }
    result = look_up_all(model, ws, chunks, n, limit, span, &behind);
    if (result == SKM_PENDING) pending = SKM_PENDING;
    if (result >= SKM_OK && result <= SKM_PENDING && long_chunk && long_chunk >= behind)
      result = look_up_long(model, ws, long_chunk, length, limit, span, &behind);
    if (SKM_UNLIKELY(result != SKM_OK)) {
      if (result == SKM_MORE) {
        *stopped = behind;
        return pending;
      }
      if (result != SKM_PENDING) return result;
      pending = SKM_PENDING;
    }
    if (SKM_UNLIKELY(behind > p)) {
      p = behind;
      scan = scan_from(p);
    }
  }
  *stopped = end;
  return pending;
}

/* ---- chunks that own the space before them ------------------------------------------------- */

/* Whether the end of the text may matter to the ids of its last chunk. */
static int end_matters(const skm_model *model, const uint8_t *end) {
  return model->native == SKM_UNIGRAM && model->unigram.spaces == SKM_SPACES_RUNS &&
         (end[-1] >= 128 || model->ascii[end[-1]].f.kind != SKM_CP_WORD);
}

/* Starts at a chunk: what begins it does not end it. */
SKM_INLINE skm_scan scan_owned(const uint8_t *p) {
  skm_scan scan = scan_from(p);
  if (*p <= 32) scan.mask &= scan.mask - 1;
  return scan;
}

/* Ids of the last chunk of a text, whose end matters to it. */
static int resolve_last(const skm_model *model, skm_workspace *ws, const uint8_t *p,
                        const skm_span *span, const uint8_t **behind) {
  int result = SKM_OK;
  if (model->added.n) {
    result = skm_added_scan(model, ws, p, (size_t)(span->end - p));
    if (result == SKM_ADDED_INSIDE || result == SKM_ADDED_OPEN)
      return open_chunk(model, ws, p, (size_t)(span->end - p), NULL, span, behind);
    if (result == SKM_ADDED_NONE) result = SKM_OK;
  }
  if (result == SKM_OK) result = skm_unigram_segment(model, ws, p, span->end, 1, 0);
  return result == SKM_ASK_CODE_POINT ? SKM_PENDING : result;
}

/* As `split`, for a span that ends at a space. */
static int split_owned(const skm_model *model, skm_workspace *ws, const skm_span *span,
                       size_t limit, const uint8_t **stopped) {
  const uint8_t *p = span->begin, *const end = span->end;
  const int last = span->last && p < end && end_matters(model, end);
  int pending = SKM_OK;
  skm_scan scan = scan_owned(p);
  while (p < end && ws->n_ids <= limit) {
    skm_short_chunk chunks[AHEAD];
    const uint8_t *long_chunk = NULL, *behind = p;
    size_t n = 0, length = 0;
    int result;
    while (n < AHEAD && p < end) {
      int zero = *p == 0; /* in a key, zeros are bytes behind the chunk */
      const uint8_t *stop = next_low_byte(&scan);
      for (; stop < end && !skm_begins_chunk(model, stop); stop = next_low_byte(&scan))
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
    result = look_up_all(model, ws, chunks, n, limit, span, &behind);
    if (result == SKM_PENDING) pending = SKM_PENDING;
    if (result >= SKM_OK && result <= SKM_PENDING && long_chunk && long_chunk >= behind)
      result = last && p == end
                   ? resolve_last(model, ws, long_chunk, span, &behind)
                   : look_up_long(model, ws, long_chunk, length, limit, span, &behind);
    if (SKM_UNLIKELY(result != SKM_OK)) {
      if (result == SKM_MORE) {
        *stopped = behind;
        return pending;
      }
      if (result != SKM_PENDING) return result;
      pending = SKM_PENDING;
    }
    if (SKM_UNLIKELY(behind > p)) {
      p = behind;
      scan = scan_owned(p);
    }
  }
  *stopped = end;
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
    while (n > 0 && !skm_is_separator(text[n - 1])) n--;
    return n;
  }
  /* Whether a byte begins a chunk depends on the character behind it, which may be cut off. */
  for (n = n > 4 ? n - 4 : 0; n > 0 && !skm_begins_chunk(model, text + n);) n--;
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

/* Appends the ids of a text that is one chunk. */
static int whole_text(const skm_model *model, skm_workspace *ws, const skm_span *span) {
  const uint8_t *behind;
  int result = model->added.n ? skm_added_region(model, ws, span->begin, span, &behind) : SKM_NO_WORD;
  if (result == SKM_NO_WORD) result = skm_unigram_segment(model, ws, span->begin, span->end, 1, 0);
  return result == SKM_ASK_CODE_POINT ? SKM_PENDING : result;
}

/* Appends the ids of a document; stops soon after more than `max_length` of them. */
static int tokenize(const skm_model *model, skm_workspace *ws, const skm_text *text,
                    size_t max_length) {
  const size_t limit = max_length > SIZE_MAX - ws->n_ids ? SIZE_MAX : ws->n_ids + max_length;
  const int whole = model->native == SKM_UNIGRAM && !model->unigram.split;
  size_t position = 0, filled = 0, looked = 0, want = whole ? text->length : PIECE;
  int pending = SKM_OK, white_before = 0;
  while (position < text->length) {
    size_t n = text->length - position < want ? text->length - position : want, stop;
    const int last = position + n == text->length;
    const uint8_t *stopped;
    skm_span span;
    ptrdiff_t written;
    int result;
    if (SKM_UNLIKELY(position - looked >= SKM_LOOK)) {
      looked = position;
      if (model->interrupted && model->interrupted()) return SKM_INTERRUPTED;
    }
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
    span.begin = ws->text;
    span.end = stopped = ws->text + stop;
    span.white_before = white_before;
    span.last = last;
    if (model->native <= SKM_WORDPIECE) {
      result = split(model, ws, &span, limit, &stopped);
    } else if (whole) {
      result = whole_text(model, ws, &span);
    } else {
      result = split_owned(model, ws, &span, limit, &stopped);
    }
    if (result == SKM_PENDING)
      pending = SKM_PENDING;
    else if (result != SKM_OK)
      return result;
    if (ws->n_ids > limit) break;
    stop = (size_t)(stopped - ws->text);
    if (model->added.n) white_before = skm_white_before(model, &span, stopped);
    filled -= stop;
    memmove(ws->text, ws->text + stop, filled);
    want = stop ? PIECE : 2 * want; /* nothing was done: an added word may go on and on */
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
