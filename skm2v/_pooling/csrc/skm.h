/* The compiled path from text to pooled vectors.
 *
 *   text ──transcode──► UTF-8 ──split at spaces──► chunks
 *   chunk ──front cache / store / segmenter──► token ids
 *   ids ──truncate, drop unknown, map, add pairs──► table rows ──sum, norm──► vector
 *
 * A `skm_model` is built once and shared by all threads; only its code point entries grow, and
 * each of those is published with one atomic 8-byte store. A `skm_workspace` holds everything
 * that changes (caches, buffers) and belongs to one call at a time. Nothing here touches the
 * Python API, so all of it runs without the GIL. What it cannot decide by itself (an unknown code
 * point, a chunk only the reference tokenizer can split) it writes into the workspace as a
 * question; the caller answers and runs the unfinished documents again.
 */
#ifndef SKM_H
#define SKM_H

#include <stddef.h>
#include <stdint.h>

#include "platform.h"

/* Results of the functions below; negative values are errors. */
enum {
  SKM_OK = 0,
  SKM_PENDING = 1,
  SKM_NO_MEMORY = -1,
  SKM_SURROGATE = -2,
  SKM_INTERRUPTED = -3,
  SKM_TOO_LARGE = -4,
  SKM_DAMAGED = -5
};

/* ---- code points -------------------------------------------------------------------------- */

/* What the normalizer and pre-tokenizer make of one code point. */
enum {
  SKM_CP_UNSET = 0, /* not asked yet */
  SKM_CP_DROP,      /* deleted */
  SKM_CP_WORD,      /* `bytes` (UTF-8, at most 4) continue the current word */
  SKM_CP_SPACE,     /* ends the word */
  SKM_CP_ALONE,     /* ends the word, then is exactly the token `value` */
  SKM_CP_PROGRAM,   /* anything else: items at arena offset `value` */
  SKM_CP_ASK        /* a text with it is a question for the reference tokenizer */
};
/* Classes of the items that describe a code point, see skm_model_set_code_point. */
enum {
  SKM_ITEM_WORD = 0,
  SKM_ITEM_SPACE,
  SKM_ITEM_PUNCTUATION,
  SKM_ITEM_ASK,
  SKM_ITEM_LETTER, /* byte-level: a word character is neither of these two */
  SKM_ITEM_NUMBER
};
/* Flags: the low four bits say in which ways a code point may depend on the one before it, the high
 * four in which ways it may matter to the one after it. Where two neighbours have a way in common
 * the descriptions of single code points do not hold. */
#define SKM_CP_BEFORE(flags) ((flags) & 15u)
#define SKM_CP_AFTER(flags) ((unsigned)(flags) >> 4)

typedef union {
  struct {
    uint8_t kind, flags, n_bytes, n_chars; /* byte-level: n_chars is the item class */
    union {
      uint8_t bytes[4];
      uint32_t value;
    } u;
  } f;
  uint64_t whole; /* published as one store */
} skm_cp;

/* ---- model -------------------------------------------------------------------------------- */

enum { SKM_FLOAT32 = 0, SKM_FLOAT16 = 1, SKM_INT8 = 2, SKM_FLOAT64 = 3 };

#define SKM_BLOCKS 0x1100 /* 256 code points each */
#define SKM_ARENA_CHUNKS 4096
#define SKM_ARENA_CHUNK 65536

/* Double-array trie of the vocabulary's bytes, see trie.c. Its arrays may be those of a file that is
 * mapped into memory, and that somebody writes into after it was checked: whatever they hold, no
 * look-up reads outside of them, or gives another token than those from 0 to n_ids - 1. */
typedef struct {
  uint32_t *units;
  int32_t *token;   /* per unit */
  uint32_t root[2]; /* offsets: start of a word, continuation */
  uint32_t n_units; /* a multiple of 256, so that all places under an offset are inside or none */
  uint32_t n_ids;   /* tokens from here on are none */
  int borrowed;     /* somebody else frees the arrays */
} skm_trie;

typedef struct {
  int root;
  int32_t id;
  const uint8_t *bytes;
  size_t length;
} skm_word;

/* How chunks are segmented; 0: every new one is a question for the reference tokenizer. */
enum { SKM_NOT_NATIVE = 0, SKM_WORDPIECE, SKM_UNIGRAM, SKM_BYTE_LEVEL };

/* What becomes of spaces where words begin with a marker, see unigram.c. */
enum {
  SKM_SPACES_EACH,     /* each is a marker and begins a piece */
  SKM_SPACES_RUNS,     /* a run is one marker, also at the end of the text */
  SKM_SPACES_BETWEEN,  /* a run is one marker, none at the end of the text */
};

typedef struct {
  const double *scores;   /* per token, borrowed; the trie has no others */
  double unknown_score;
  uint8_t marker[4];      /* UTF-8 */
  size_t marker_length;
  int spaces;             /* SKM_SPACES_* */
  int split;              /* pieces begin at markers; 0: the text is one piece */
  int byte_fallback;
  int32_t byte_ids[256];  /* tokens of single bytes for byte_fallback, -1: none */
} skm_unigram;

/* Pre-tokenizers of byte-level models, see byte_level.c. */
typedef struct {
  int32_t byte_ids[256];
  uint64_t *pairs; /* open addressing: left << 32 | right, UINT64_MAX is free */
  uint64_t *merges; /* rank << 32 | id of what the pair becomes */
  uint32_t mask;
  int whole_words; /* words in the vocabulary are not merged */
  int prefix_space; /* a text begins with a space */
  int any_prefix; /* any character but CR, LF and numbers may begin a word; 0: a space */
  int any_case; /* of 's, 't and so on */
  uint32_t digits; /* numbers are cut into so many digits; 0: not, and may begin with a space */
  int lines; /* punctuation takes the ends of lines behind it, and white space before them */
} skm_byte_level;

typedef struct {
  uint32_t id;
  int32_t previous, next; /* -1: none */
} skm_symbol;

typedef struct {
  uint32_t rank, position, id;
} skm_merge;

/* Words that were added to the tokenizer, see added.c. */
enum {
  SKM_ADDED_SINGLE = 1,  /* found only where no letter or digit is beside it */
  SKM_ADDED_IGNORED = 2  /* passed over: a special token, which is ordinary text here */
};

typedef struct {
  size_t n;
  skm_trie trie;  /* of the normalized words; the token is the position in the arrays */
  uint8_t *flags; /* SKM_ADDED_* */
  int32_t *ids;
  uint8_t *characters; /* a bit for each code point: whether a normalized word has it */
  uint8_t collapse[4]; /* what two or more spaces become in normalized text */
  size_t collapse_length; /* 0: they stay */
  int bare; /* Unigram: text behind a word does not begin with a marker */
  uint8_t *edges[SKM_BLOCKS]; /* of 256 code points each, beside `blocks` of the model */
  uint64_t *starts;   /* a bit for a hash of the three bytes that words begin with, see added.c */
  uint8_t ascii[128]; /* the one byte that a character becomes, or SKM_ADDED_* below */
} skm_added;
#define SKM_ADDED_NO_TEXT 0xfe /* what no added word has */
#define SKM_ADDED_COMPLEX 0xff

typedef struct {
  /* tokenizer */
  int native;            /* SKM_NOT_NATIVE and so on */
  skm_trie trie;
  skm_unigram unigram;
  skm_byte_level byte_level;
  skm_added added;
  int32_t unknown;       /* id the segmenter emits for a word it cannot split */
  uint32_t max_chars;    /* longer words are unknown */
  skm_cp ascii[128];     /* a copy of the start of block 0 */
  skm_cp *blocks[SKM_BLOCKS];
  uint8_t *arena[SKM_ARENA_CHUNKS];
  uint32_t arena_used;
  /* pooling */
  int32_t dropped;       /* token id that is left out of the mean, -1: none */
  uint32_t n_tokens;     /* vocabulary size */
  const void *rows;      /* (n_rows, dim), borrowed */
  size_t dim;
  int dtype;
  const float *weights;   /* (n_tokens + n_pairs,), borrowed, or NULL */
  const uint8_t *foreign; /* a bit for each token, borrowed, or NULL; see pool.c */
  int ascii_changes;      /* ASCII characters may become others */
  const int32_t *mapping; /* (n_tokens,), borrowed, or NULL */
  uint64_t *pair_keys;    /* open addressing, left << 32 | right */
  uint32_t *pair_rows;
  uint32_t pair_mask, n_pairs, first_pair_row;
  uint64_t *pair_filter; /* one bit per hash: most adjacent tokens are no pair */
  uint32_t pair_filter_mask;
  const struct skm_simd *simd;
  int (*interrupted)(void); /* asked between parts of long texts whether to stop, or NULL */
} skm_model;

#define SKM_LOOK ((size_t)1 << 20) /* bytes or code units between two such questions */

void skm_model_init(skm_model *model);
void skm_model_free(skm_model *model);
/* Builds the trie of the vocabulary; SKM_TOO_LARGE if it has more than 2^23 nodes. */
int skm_trie_build(skm_trie *trie, const skm_word *words, size_t n);
/* Takes the arrays of a trie that was built before, of `n` units each, without a copy. SKM_DAMAGED if
 * they are none, or have a token from n_ids on. */
int skm_trie_borrow(skm_trie *trie, const uint32_t *units, const int32_t *token, size_t n,
                    const uint32_t root[2], uint32_t n_ids);
void skm_trie_free(skm_trie *trie);
/* Describes one code point: `items` is a sequence of (class, length, UTF-8 bytes); `edges`, which
 * models with added words need, is a sum of 1: begins with a letter or digit, 2: ends with one,
 * 4: ends with white space, 8: is white space. Needs the complete tries. Calls must not run at the
 * same time; readers may. */
int skm_model_set_code_point(skm_model *model, uint32_t code_point, int flags, int edges,
                             const uint8_t *items, size_t length);
/* Added words: `words` with root 0 and their position as id. */
int skm_model_set_added(skm_model *model, const skm_word *words, size_t n, const uint8_t *flags,
                        const int32_t *ids);
/* Merges (left id, right id, id) of a byte-level model, in the order of their rank. */
int skm_model_set_merges(skm_model *model, const int32_t *merges, uint32_t n);
int skm_model_set_pairs(skm_model *model, const int32_t *pairs, uint32_t n, uint32_t first_row);

/* ---- workspace ---------------------------------------------------------------------------- */

/* Front cache: chunks of at most 15 bytes that make at most four ids. Byte 15 of the key counts
 * the ids; SKM_OPEN in it marks a chunk that may be part of an added word, whose ids are then those
 * without. Two slots share a cache line. */
#define SKM_OPEN 0x80
/* Beside SKM_OPEN: words may go on behind the chunk and a space. ids[3] is the one place in the trie
 * where they do, or has a bit for the first bytes (modulo 32) of what comes next in all of them. */
#define SKM_OPEN_ONE 0x40
#define SKM_OPEN_SOME 0x20
#define SKM_SLOT_IDS 7 /* the number of ids in byte 15 */
typedef struct {
  uint64_t key[2];
  uint32_t ids[4];
} skm_slot;

/* A chunk on its way through the front cache. */
typedef struct {
  uint64_t low, high; /* the key */
  skm_slot *bucket;
  const uint8_t *start;
  size_t length;
} skm_short_chunk;

#define SKM_PADDING 64 /* readable, blank bytes behind a text that is split */
#define SKM_SHORT_LENGTH 256 /* code units */
#define SKM_SHORT_CHUNKS 64

/* A text whose chunks are all in `chunks`. */
typedef struct {
  size_t n;
  const uint8_t *end;
  skm_short_chunk chunks[SKM_SHORT_CHUNKS + 1]; /* the last one is written, but not used */
  uint8_t bytes[4 * SKM_SHORT_LENGTH + SKM_PADDING];
} skm_short_text;

/* Store: longer chunks, and answers of the reference tokenizer. */
typedef struct {
  uint8_t *arena; /* records: skm_record, ids, bytes */
  size_t used, capacity;
  uint32_t *index; /* offset / 8 + 1, 0 = free */
  uint32_t mask, n;
} skm_store;

typedef struct {
  uint64_t hash;
  uint32_t n_bytes;
  uint32_t n_ids; /* SKM_UNANSWERED: a question */
} skm_record;
#define SKM_UNANSWERED UINT32_MAX

typedef struct {
  const void *data; /* code units of the string object */
  size_t length;    /* in code units */
  int unit;         /* bytes per code unit: 1, 2 or 4 */
  int ascii;        /* the code units are valid UTF-8 as they are */
  int plain;        /* all of them are ASCII characters */
} skm_text;

typedef struct {
  uint32_t first_row, n_rows, n_tokens, document, foreign;
} skm_group_item;

#define SKM_GROUP 64

/* The best way to a byte of a piece, see unigram.c. */
typedef struct {
  double score;
  uint32_t start; /* of its last token */
  int32_t id;
} skm_node;

/* Where a code point is in the normalized text, see added.c. */
typedef struct {
  uint32_t at, raw;
  uint8_t edges;
} skm_mark;

typedef struct {
  skm_slot *front; /* SKM_FRONT_BUCKETS pairs of slots, aligned to cache lines */
  void *front_memory;
  skm_store store;
  skm_short_text short_texts[2];
  uint8_t *text; /* the piece of UTF-8 being split */
  size_t text_capacity;
  uint32_t *ids; /* of the documents of the group */
  size_t n_ids, ids_capacity;
  float *row_weights; /* beside ids, when the model has weights */
  size_t row_weights_capacity;
  uint8_t *word; /* the normalized word being built */
  size_t word_capacity;
  skm_node *nodes; /* per byte of a piece */
  size_t nodes_capacity;
  uint8_t *classes; /* beside word: item class at the first byte of a character, 255 elsewhere */
  size_t classes_capacity;
  skm_symbol *symbols; /* per byte of a word */
  skm_merge *heap;     /* three per byte of a word */
  size_t symbols_capacity;
  uint8_t *plain; /* normalized text in which added words are searched */
  size_t plain_capacity;
  skm_mark *marks; /* per code point of it */
  size_t marks_capacity;
  /* Of the last scan, if it found words that may go on: SKM_OPEN_ONE or SKM_OPEN_SOME and what
   * belongs to it, or 0. */
  int open_kind;
  uint32_t open_at;
  float *sums;
  double *totals;
  size_t dim;
  skm_group_item group[SKM_GROUP];
  size_t n_group;
  int noted; /* a text of the batch is empty, cut or foreign */
  /* questions */
  uint32_t *code_points;
  size_t n_code_points, code_points_capacity;
  uint32_t asked[256]; /* recently asked code points */
  uint32_t *chunks;    /* store offsets / 8 of unanswered records */
  size_t n_chunks, chunks_capacity;
  uint8_t *done; /* per document of the batch */
  size_t done_capacity;
} skm_workspace;

/* Of all hashes; random in each process, so that nobody can make a file or a text whose keys all
 * collide. */
extern uint64_t skm_seed;

skm_workspace *skm_workspace_new(const skm_model *model);
void skm_workspace_free(skm_workspace *ws);
/* Bytes held, for tests of the memory bound. */
size_t skm_workspace_size(const skm_workspace *ws);
/* Starts a batch: all documents are open, caches over their bound are emptied. */
int skm_workspace_begin(skm_workspace *ws, size_t n_documents);
/* The bytes of the i-th chunk in question. */
const uint8_t *skm_question(const skm_workspace *ws, size_t i, size_t *length);
int skm_answer(skm_workspace *ws, size_t i, const int32_t *ids, size_t n);

/* Whether bytes are well-formed UTF-8 of code points that are no surrogates, see utf8.c. */
int skm_is_utf8(const uint8_t *p, size_t length);

/* ---- running ------------------------------------------------------------------------------ */

#define SKM_NO_LIMIT SIZE_MAX

/* What a vector is: the mean of the rows, the sum scaled to norm 1, or the sum itself. */
enum { SKM_MEAN, SKM_UNIT, SKM_SUM };

/* Forgets the questions and ids of the run before. */
void skm_begin_run(skm_workspace *ws);
/* Pools the open documents of a batch into rows of `out`. SKM_PENDING: answer the questions in
 * `ws`, then call again. */
int skm_pool(const skm_model *model, skm_workspace *ws, const skm_text *texts, size_t n,
             size_t max_length, int scaling, float *out, uint8_t *empty, uint8_t *truncated);
/* Pools documents whose ids are known, in [0, n_tokens). */
int skm_pool_ids(const skm_model *model, skm_workspace *ws, const int32_t *ids,
                 const int64_t *indptr, size_t n, int normalize, float *out, uint8_t *empty);
/* Ids of one document, unknown ones included, into ws->ids[0:ws->n_ids]. */
int skm_tokenize(const skm_model *model, skm_workspace *ws, skm_text text, size_t max_length);

/* ---- sums --------------------------------------------------------------------------------- */

/* out[j] = sum over t of table[rows[t], j] (* weights[t]), one float32 addition after another in
 * the order of t: the result is the same to the bit on every instruction set. `ahead` >= n rows
 * may be prefetched. */
typedef void (*skm_sum)(const void *table, size_t dim, const uint32_t *rows, const float *weights,
                        size_t n, size_t ahead, float *out);

typedef struct skm_simd {
  const char *name;
  skm_sum sum[3];          /* by dtype */
  skm_sum weighted_sum[3]; /* by dtype */
  /* totals += sums; sum of squares in float64; out = sums * scale. */
  void (*fold)(const float *sums, size_t dim, double *totals);
  double (*square_norm)(const float *sums, size_t dim);
  void (*scale)(const float *sums, size_t dim, float scale, float *out);
  /* out[j] = sum over t of table[rows[t], j] in float64, in the same order on every instruction
   * set. */
  void (*totals)(const float *table, size_t dim, const uint32_t *rows, size_t n, size_t ahead,
                 double *out);
} skm_simd;

/* The best instruction set of this CPU, or the one named; NULL if it is not available. */
const skm_simd *skm_simd_select(const char *name);

#endif
