# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""Python face of the compiled kernel in ``csrc/``; see ``csrc/skm.h`` for how it works."""

import os
from collections import deque

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_FORMAT, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.exc cimport PyErr_CheckSignals
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset

from skm2v._pooling.threads import STOP
from skm2v.exceptions import TextTypeError, TextValueError


cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    int PyUnicode_KIND(object)
    void *PyUnicode_DATA(object)
    bint PyUnicode_IS_ASCII(object)
    bint PyUnicode_CheckExact(object)
    bint PyUnicode_Check(object)
    const char *PyUnicode_AsUTF8AndSize(object, Py_ssize_t *) except NULL


cdef extern from "platform.h" nogil:
    void SKM_PREFETCH(const void *)


cdef extern from "skm.h" nogil:
    enum:
        SKM_OK, SKM_PENDING, SKM_NO_MEMORY, SKM_SURROGATE, SKM_INTERRUPTED, SKM_TOO_LARGE, SKM_DAMAGED
        SKM_FLOAT32, SKM_FLOAT16, SKM_INT8, SKM_FLOAT64
        SKM_BLOCKS
        SKM_NOT_NATIVE, SKM_WORDPIECE, SKM_UNIGRAM, SKM_BYTE_LEVEL
    const size_t SKM_NO_LIMIT
    uint64_t skm_seed
    ctypedef struct skm_trie:
        uint32_t *units
        int32_t *token
        uint32_t root[2]
        uint32_t n_units
    ctypedef struct skm_word:
        int root
        int32_t id
        const uint8_t *bytes
        size_t length
    ctypedef struct skm_simd:
        const char *name
    ctypedef struct skm_unigram:
        const double *scores
        double unknown_score
        uint8_t marker[4]
        size_t marker_length
        int spaces
        int split
        int byte_fallback
        int32_t byte_ids[256]
    ctypedef struct skm_byte_level:
        int32_t byte_ids[256]
        int whole_words
        int prefix_space
        int any_prefix
        int any_case
        uint32_t digits
        int lines
    ctypedef struct skm_added:
        size_t n
        uint8_t collapse[4]
        size_t collapse_length
        int bare
    ctypedef struct skm_model:
        int native
        skm_trie trie
        skm_added added
        skm_unigram unigram
        skm_byte_level byte_level
        int32_t unknown
        uint32_t max_chars
        int32_t dropped
        uint32_t n_tokens
        const void *rows
        size_t dim
        int dtype
        const float *weights
        const uint8_t *foreign
        int ascii_changes
        const int32_t *mapping
        const skm_simd *simd
        int (*interrupted)() except -1
    ctypedef struct skm_workspace:
        uint32_t *ids
        size_t n_ids
        uint32_t *code_points
        size_t n_code_points
        size_t n_chunks
        int noted
    ctypedef struct skm_text:
        const void *data
        size_t length
        int unit
        int ascii
        int plain
    void skm_model_init(skm_model *)
    void skm_model_free(skm_model *)
    int skm_trie_build(skm_trie *, const skm_word *, size_t)
    int skm_trie_borrow(skm_trie *, const uint32_t *, const int32_t *, size_t, const uint32_t *,
                        uint32_t)
    void skm_trie_free(skm_trie *)
    int skm_model_set_code_point(skm_model *, uint32_t, int flags, int edges, const uint8_t *, size_t)
    int skm_model_set_added(skm_model *, const skm_word *, size_t, const uint8_t *, const int32_t *)
    int skm_model_set_merges(skm_model *, const int32_t *, uint32_t)
    int skm_model_set_pairs(skm_model *, const int32_t *, uint32_t, uint32_t)
    skm_workspace *skm_workspace_new(const skm_model *)
    void skm_workspace_free(skm_workspace *)
    size_t skm_workspace_size(const skm_workspace *)
    int skm_workspace_begin(skm_workspace *, size_t)
    const uint8_t *skm_question(const skm_workspace *, size_t, size_t *)
    int skm_answer(skm_workspace *, size_t, const int32_t *, size_t)
    enum:
        SKM_MEAN, SKM_UNIT, SKM_SUM
    int skm_pool(const skm_model *, skm_workspace *, const skm_text *, size_t, size_t, int,
                 float *, uint8_t *, uint8_t *)
    int skm_pool_ids(const skm_model *, skm_workspace *, const int32_t *, const int64_t *, size_t,
                     int, float *, uint8_t *)
    int skm_is_utf8(const uint8_t *, size_t)
    int skm_tokenize(const skm_model *, skm_workspace *, skm_text, size_t)
    void skm_begin_run(skm_workspace *)
    const skm_simd *skm_simd_select(const char *)


# A batch is the work between two looks at Ctrl-C. A small one is done with the GIL held: giving
# it away can cost a thread switch of 5 ms for a microsecond of work.
cdef enum:
    BATCH_TEXTS = 1024
    BATCH_CHARS = 1 << 20
    SMALL_CHARS = 2048

# As in kernel.py, which refuses any other. Raise both when what it calls here changes: a kernel
# that was compiled before is then not used.
INTERFACE = 7

skm_seed = int.from_bytes(os.urandom(8), "little")

# Workspaces kept for the next call; more may exist while more threads are at work.
MAX_IDLE_WORKSPACES = 8

DTYPES = {"f": SKM_FLOAT32, "e": SKM_FLOAT16, "b": SKM_INT8, "d": SKM_FLOAT64}


cdef class _Workspace:
    cdef skm_workspace *ws
    cdef skm_text *texts

    def __dealloc__(self):
        skm_workspace_free(self.ws)
        free(self.texts)


cdef class Kernel:
    """Compiled tokenizer and pooler of one model.

    Parameters
    ----------
    rows, weights, mapping, pairs
        Arrays of the pooling table, of which only the addresses are kept.
    words : dict of (str or bytes) to int
        Id of every vocabulary entry, the string of which may be given as UTF-8.
    trie : tuple of (units, tokens, roots) or None
        Instead of `words` and `prefix`, what :func:`build_trie` made of them; the arrays are kept,
        not copied.
    prefix : str or None
        Entries that begin with it may continue a word, and stand without it then.
    native : bool
        Whether chunks are segmented here; otherwise every new chunk goes to `tokenize_chunks`.
    unknown : int
        Id of what cannot be split.
    max_chars : int
        Words with more characters are unknown.
    dropped : int
        Id that is left out of the mean; -1 for none.
    describe : callable
        Takes a list of code points, returns for each a byte of flags and the items that
        ``csrc/skm.h`` describes.
    tokenize_chunks : callable
        Takes a list of str, returns (ids int32, indptr int64).
    lock : context manager
        Serialises additions to the table of code points.
    simd : str or None
        Instruction set; None takes the best of this CPU.
    unigram : dict or None
        For a Unigram model: ``scores`` (float64 array), ``unknown_score``, ``marker`` (UTF-8),
        ``spaces``, ``split`` and ``byte_ids`` (256 ids, or empty) as in ``csrc/skm.h``.
    byte_level : dict or None
        For a byte-level BPE model: ``byte_ids`` (256 ids), ``merges`` (int32 array of left id,
        right id, id), and the flags of ``csrc/skm.h``.
    added : dict or None
        Added words: ``words`` (normalised, UTF-8), ``flags`` and ``ids`` (sequences of int),
        ``collapse`` (UTF-8), ``bare`` as in ``csrc/skm.h``, and ``edges``, a callable that takes
        what `describe` returned and returns a sequence of int.
    """

    cdef skm_model model
    cdef object _describe, _edges, _tokenize_chunks, _lock, _idle
    cdef list _buffers

    def __cinit__(self, *args, **kwargs):
        skm_model_init(&self.model)
        self.model.interrupted = _interrupted

    def __dealloc__(self):
        skm_model_free(&self.model)

    def __init__(self, rows, weights, mapping, pairs, *, dict words, bint native, int unknown,
                 int max_chars, int dropped, describe, tokenize_chunks, lock, simd=None, unigram=None,
                 byte_level=None, added=None, foreign=None, prefix=None, trie=None):
        cdef bytes name
        cdef int status
        self._buffers = []
        self._describe = describe
        self._tokenize_chunks = tokenize_chunks
        self._lock = lock
        self._idle = deque(maxlen=MAX_IDLE_WORKSPACES)
        self.model.rows = self._address(rows)
        self.model.dim = rows.shape[1]
        self.model.dtype = DTYPES[rows.dtype.char]
        n_pairs = 0 if pairs is None else len(pairs)
        if weights is not None:
            self.model.weights = <const float *>self._address(weights)
        if foreign is not None:
            self.model.foreign = <const uint8_t *>self._address(foreign)
        if mapping is not None:
            self.model.mapping = <const int32_t *>self._address(mapping)
        self.model.n_tokens = len(rows) - n_pairs if mapping is None else len(mapping)
        self.model.native = SKM_WORDPIECE if native else SKM_NOT_NATIVE
        self.model.ascii_changes = not native  # it is not known
        self.model.unknown = unknown
        self.model.max_chars = max_chars
        self.model.dropped = dropped
        name = b"" if simd is None else simd.encode()
        self.model.simd = skm_simd_select(NULL if simd is None else <const char *>name)
        if self.model.simd == NULL:
            raise ValueError(f"The instruction set {simd!r} is not available on this CPU.")
        if native and trie is None:
            _build_trie(&self.model.trie, words, prefix)
        elif native:
            n_ids = self.model.n_tokens
            if unigram is not None:
                n_ids = min(n_ids, len(unigram["scores"]))
            _borrow(&self.model.trie, trie[0], trie[1], trie[2], n_ids)
            self._buffers += trie[:2]
        if unigram is not None:
            self._set_unigram(unigram)
        if byte_level is not None:
            self._set_byte_level(byte_level)
        if added is not None:
            self._set_added(added)
        if n_pairs:
            status = skm_model_set_pairs(&self.model, <const int32_t *>self._address(pairs),
                                         n_pairs, len(rows) - n_pairs)
            if status != SKM_OK:
                raise MemoryError

    cdef int _set_added(self, dict added) except -1:
        cdef dict words = {word: i for i, word in enumerate(added["words"])}
        cdef bytes flags = bytes(added["flags"]), collapse = added["collapse"]
        cdef int32_t *ids = <int32_t *>malloc((len(words) + 1) * sizeof(int32_t))
        cdef skm_word *entries
        cdef size_t n = 0
        cdef Py_ssize_t i
        cdef int status
        if ids == NULL:
            raise MemoryError
        for i in range(len(words)):
            ids[i] = added["ids"][i]
        entries = _words(words, None, &n)
        status = skm_model_set_added(&self.model, entries, n,
                                     <const uint8_t *><const char *>flags, ids)
        free(entries)
        free(ids)
        if status == SKM_TOO_LARGE:
            raise OverflowError("The added words do not fit into the kernel's trie.")
        if status != SKM_OK:
            raise MemoryError
        self.model.added.collapse_length = min(len(collapse), 4)
        memcpy(self.model.added.collapse, <const char *>collapse, self.model.added.collapse_length)
        self.model.added.bare = added["bare"]
        self._edges = added["edges"]
        return 0

    cdef int _set_unigram(self, dict options) except -1:
        cdef skm_unigram *unigram = &self.model.unigram
        cdef bytes marker = options["marker"]
        cdef list byte_ids = options["byte_ids"]
        cdef Py_ssize_t i
        unigram.scores = <const double *>self._address(options["scores"])
        unigram.unknown_score = options["unknown_score"]
        unigram.marker_length = min(len(marker), 4)
        memcpy(unigram.marker, <const char *>marker, unigram.marker_length)
        unigram.spaces = options["spaces"]
        unigram.split = options["split"]
        unigram.byte_fallback = len(byte_ids) == 256
        for i in range(len(byte_ids)):
            unigram.byte_ids[i] = byte_ids[i]
        self.model.native = SKM_UNIGRAM
        return 0

    cdef int _set_byte_level(self, dict options) except -1:
        cdef skm_byte_level *bpe = &self.model.byte_level
        cdef const int32_t[:, ::1] merges = options["merges"]
        cdef int32_t no_merge[3]
        cdef int i
        for i in range(256):
            bpe.byte_ids[i] = options["byte_ids"][i]
        bpe.whole_words = options["whole_words"]
        bpe.prefix_space = options["prefix_space"]
        bpe.any_prefix = options["any_prefix"]
        bpe.any_case = options["any_case"]
        bpe.digits = options["digits"]
        bpe.lines = options["lines"]
        self.model.native = SKM_BYTE_LEVEL
        if skm_model_set_merges(&self.model, &merges[0, 0] if merges.shape[0] else no_merge,
                                merges.shape[0]) != SKM_OK:
            raise MemoryError
        return 0

    cdef void *_address(self, array) except? NULL:
        # The array is kept alive by this object; rows may be read-only and memory-mapped.
        if not array.flags.c_contiguous or not array.flags.aligned:
            raise ValueError("The kernel needs aligned, C-ordered arrays.")
        self._buffers.append(array)
        return <void *><size_t>array.ctypes.data

    @property
    def simd(self):
        """Instruction set in use."""
        return self.model.simd.name.decode()

    @property
    def dim(self):
        """Number of columns of the table."""
        return self.model.dim

    @property
    def native(self):
        """Whether chunks are segmented without the reference tokenizer."""
        return bool(self.model.native)

    def set_code_points(self, code_points):
        """Ask for the description of code points and add them to the table."""
        cdef bytes description
        cdef const uint8_t *flags
        cdef uint32_t code_point
        cdef int edges
        if any(0xd800 <= c < 0xe000 for c in code_points):
            raise _damaged()
        with self._lock:
            descriptions = self._describe(code_points)
            all_edges = bytes(len(descriptions))
            if self._edges is not None:
                all_edges = self._edges(descriptions)
            for code_point, description, edges in zip(code_points, descriptions, all_edges):
                flags = <const uint8_t *><const char *>description
                if skm_model_set_code_point(&self.model, code_point, flags[0], edges, flags + 1,
                                            len(description) - 1) != SKM_OK:
                    raise MemoryError

    def set_words_alone(self, code_points):
        """Add code points of three UTF-8 bytes that are words of their own to the table."""
        cdef uint8_t items[11]
        cdef uint32_t code_point
        memcpy(items, <const char *>b"\1\1 \0\3___\1\1 ", 11)
        with self._lock:
            for code_point in code_points:
                items[5] = 0xe0 | code_point >> 12
                items[6] = 0x80 | (code_point >> 6 & 0x3f)
                items[7] = 0x80 | (code_point & 0x3f)
                # white space at both ends
                if skm_model_set_code_point(&self.model, code_point, 0, 4, items, 11) != SKM_OK:
                    raise MemoryError

    def cache_nbytes(self):
        """Bytes held by idle workspaces."""
        return sum((<_Workspace>idle).ws != NULL and skm_workspace_size((<_Workspace>idle).ws)
                   for idle in list(self._idle))

    def pool_into(self, texts, out, *, max_length, bint normalize, empty, truncated,
                  bint total=False):
        """Write the vectors of texts into `out`, and which are empty or were truncated.

        Parameters
        ----------
        texts : list of str or TextBuffers
        out : ndarray of float32 of shape (n, d), C-ordered
        max_length : int or None
            Number of ids of a text to use, unknown ones included.
        normalize : bool
        empty, truncated : ndarray of bool of shape (n,)
            In `empty`, 2 stands for a text of a language that the vocabulary was not made for.
        total : bool, default=False
            Sums instead of means; not together with `normalize`.

        Returns
        -------
        noted : bool
            Whether something else than False was written into `empty` or `truncated`.
        """
        cdef bint of_buffers = type(texts) is not list and hasattr(texts, "addresses")
        cdef tuple items = () if of_buffers else tuple(texts)
        cdef const int64_t[::1] addresses, lengths
        cdef Py_ssize_t n = len(texts) if of_buffers else PyTuple_GET_SIZE(items)
        cdef Py_buffer out_buffer, empty_buffer, truncated_buffer
        cdef int flags = PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE
        cdef size_t limit = SKM_NO_LIMIT if max_length is None else max_length
        cdef int scaling = SKM_UNIT if normalize else SKM_SUM if total else SKM_MEAN
        cdef bint noted
        if n == 0:
            return False
        if of_buffers:
            addresses, lengths = texts.addresses, texts.lengths
            if addresses.shape[0] != n or lengths.shape[0] != n:
                raise ValueError("There must be as many addresses as lengths.")
        PyObject_GetBuffer(out, &out_buffer, flags | PyBUF_FORMAT)
        try:
            if (out_buffer.ndim != 2 or out_buffer.shape[0] != n
                    or out_buffer.shape[1] != <Py_ssize_t>self.model.dim
                    or out_buffer.itemsize != 4 or out_buffer.format[0] != c"f"):
                raise ValueError(f"out must be float32 of shape ({n}, {self.model.dim}).")
            PyObject_GetBuffer(empty, &empty_buffer, flags)
            try:
                PyObject_GetBuffer(truncated, &truncated_buffer, flags)
                try:
                    if empty_buffer.len != n or truncated_buffer.len != n:
                        raise ValueError(f"empty and truncated must be bool of shape ({n},).")
                    noted = self._run(items, &addresses[0] if of_buffers else NULL,
                                      &lengths[0] if of_buffers else NULL, n, limit, scaling,
                                      <float *>out_buffer.buf, <uint8_t *>empty_buffer.buf,
                                      <uint8_t *>truncated_buffer.buf)
                finally:
                    PyBuffer_Release(&truncated_buffer)
            finally:
                PyBuffer_Release(&empty_buffer)
        finally:
            PyBuffer_Release(&out_buffer)
        return noted

    cdef int _run(self, tuple items, const int64_t *addresses, const int64_t *lengths,
                  Py_ssize_t n, size_t limit, int scaling, float *out, uint8_t *empty,
                  uint8_t *truncated) except -1:
        cdef _Workspace own = self._borrow()
        cdef skm_workspace *ws = own.ws
        cdef skm_text *texts = own.texts
        cdef Py_ssize_t start = 0, m
        cdef size_t n_chars, dim = self.model.dim
        cdef const char *header
        cdef int status, noted = 0
        while start < n:
            m = 0
            n_chars = 0
            while m < BATCH_TEXTS and start + m < n and n_chars < BATCH_CHARS:
                if addresses != NULL:
                    texts[m].data = <const void *><size_t>addresses[start + m]
                    texts[m].length = lengths[start + m]
                    texts[m].unit = 1
                    texts[m].ascii = True  # as good as: nothing is left to encode
                    texts[m].plain = False
                else:
                    if start + m + 8 < n:  # string objects lie scattered in memory
                        header = <const char *>PyTuple_GET_ITEM(items, start + m + 8)
                        SKM_PREFETCH(header)
                        SKM_PREFETCH(header + 64)
                    _read(<object>PyTuple_GET_ITEM(items, start + m), start + m, &texts[m])
                n_chars += texts[m].length
                m += 1
            if skm_workspace_begin(ws, m) != SKM_OK:
                raise MemoryError
            while True:
                if n_chars < SMALL_CHARS:
                    status = skm_pool(&self.model, ws, texts, m, limit, scaling,
                                      out + start * dim, empty + start, truncated + start)
                else:
                    with nogil:
                        status = skm_pool(&self.model, ws, texts, m, limit, scaling,
                                          out + start * dim, empty + start, truncated + start)
                if status == SKM_OK:
                    break
                self._handle(ws, status)
            noted |= ws.noted
            start += m
            if start < n:
                PyErr_CheckSignals()
        # Not reached after an error: a workspace with open questions is not used again.
        self._idle.append(own)
        return noted != 0

    def pool_ids(self, const int32_t[::1] ids, const int64_t[::1] indptr, float[:, ::1] out, *,
                 bint normalize, uint8_t[::1] empty):
        """Write the vectors of texts whose token ids are known into `out`.

        Parameters
        ----------
        ids : ndarray of int32 of shape (n_tokens,)
        indptr : ndarray of int64 of shape (n + 1,)
        out : ndarray of float32 of shape (n, d)
        normalize : bool
        empty : ndarray of uint8 of shape (n,)
        """
        cdef _Workspace own = self._borrow()
        cdef Py_ssize_t n = indptr.shape[0] - 1, k
        cdef int64_t before = 0
        cdef int status
        if n < 1:
            return
        if out.shape[0] != n or out.shape[1] != <Py_ssize_t>self.model.dim or empty.shape[0] != n:
            raise ValueError(f"out must have shape ({n}, {self.model.dim}) and empty ({n},).")
        for k in range(n + 1):
            if indptr[k] < before or indptr[k] > ids.shape[0]:
                raise ValueError("indptr must rise from 0 to the number of ids.")
            before = indptr[k]
        for k in range(ids.shape[0]):
            if ids[k] < 0 or <uint32_t>ids[k] >= self.model.n_tokens:
                raise ValueError(f"There is no token {ids[k]} among {self.model.n_tokens}.")
        if ids.shape[0] == 0:
            out[:] = 0
            empty[:] = 1
            return
        if skm_workspace_begin(own.ws, 1) != SKM_OK:
            raise MemoryError
        with nogil:
            status = skm_pool_ids(&self.model, own.ws, &ids[0], &indptr[0], n, normalize,
                                  &out[0, 0], &empty[0])
        if status != SKM_OK:
            raise MemoryError
        self._idle.append(own)

    def ids(self, texts, *, max_length=None):
        """Token ids of texts, unknown ones included.

        Returns
        -------
        ids : bytes
            int32 ids of all texts, one after the other.
        indptr : list of int
        """
        cdef tuple items = tuple(texts)
        cdef _Workspace own = self._borrow()
        cdef skm_workspace *ws = own.ws
        cdef skm_text text
        cdef size_t limit = SKM_NO_LIMIT if max_length is None else max_length
        cdef int status, outcome
        cdef Py_ssize_t start, row
        found = []
        for start in range(0, PyTuple_GET_SIZE(items), BATCH_TEXTS):
            rows = range(start, min(start + BATCH_TEXTS, PyTuple_GET_SIZE(items)))
            if skm_workspace_begin(ws, len(rows)) != SKM_OK:
                raise MemoryError
            found.extend([None] * len(rows))
            outcome = SKM_PENDING
            while outcome == SKM_PENDING:
                skm_begin_run(ws)
                outcome = SKM_OK
                for row in rows:
                    if found[row] is not None:
                        continue
                    _read(<object>PyTuple_GET_ITEM(items, row), row, &text)
                    ws.n_ids = 0
                    with nogil:
                        status = skm_tokenize(&self.model, ws, text, limit)
                    if status == SKM_OK:
                        n_ids = min(ws.n_ids, limit)
                        found[row] = (<char *>ws.ids)[:n_ids * sizeof(uint32_t)]
                    elif status == SKM_PENDING:
                        outcome = SKM_PENDING
                    else:
                        self._handle(ws, status)
                if outcome == SKM_PENDING:
                    self._handle(ws, outcome)
        self._idle.append(own)
        indptr = [0]
        total = 0
        for ids in found:
            total += len(ids) // sizeof(uint32_t)
            indptr.append(total)
        return b"".join(found), indptr

    cdef _Workspace _borrow(self):
        cdef _Workspace own
        try:
            return self._idle.pop()  # atomic, with or without the GIL
        except IndexError:
            pass
        own = _Workspace.__new__(_Workspace)
        own.ws = skm_workspace_new(&self.model)
        own.texts = <skm_text *>malloc(BATCH_TEXTS * sizeof(skm_text))
        if own.ws == NULL or own.texts == NULL:
            raise MemoryError
        return own

    cdef int _handle(self, skm_workspace *ws, int status) except -1:
        """Raise an error, or answer the questions of an unfinished run."""
        cdef size_t i, length
        cdef const uint8_t *chunk
        cdef const int32_t[::1] ids
        cdef const int64_t[::1] indptr
        cdef int32_t token
        cdef Py_ssize_t k
        if status == SKM_INTERRUPTED:
            return -1  # with the error that `_interrupted` raised
        if status == SKM_NO_MEMORY:
            raise MemoryError
        if status == SKM_SURROGATE:
            raise TextValueError("A text has a lone surrogate, which is no character.")
        if ws.n_code_points:
            self.set_code_points(sorted({ws.code_points[i] for i in range(ws.n_code_points)}))
        if ws.n_chunks:
            questions = []
            for i in range(ws.n_chunks):
                chunk = skm_question(ws, i, &length)
                try:
                    questions.append((<const char *>chunk)[:length].decode("utf-8"))
                except UnicodeDecodeError:
                    raise _damaged() from None
            ids, indptr = self._tokenize_chunks(questions)
            for k in range(ids.shape[0]):
                if ids[k] < 0 or <uint32_t>ids[k] >= self.model.n_tokens:
                    raise ValueError(f"The tokenizer made the id {ids[k]}, of"
                                     f" {self.model.n_tokens} tokens.")
            for i in range(ws.n_chunks):
                length = indptr[i + 1] - indptr[i]
                token = 0
                if skm_answer(ws, i, &ids[indptr[i]] if length else &token, length) != SKM_OK:
                    raise MemoryError
        return 0

    def __reduce__(self):
        raise TypeError("A kernel is not pickled: it is built from the model it belongs to.")


cdef int _interrupted() except -1 with gil:
    """Let handlers of signals run; -1, with an error set, if the work is to stop."""
    PyErr_CheckSignals()
    asked = STOP.asked
    if asked is not None and asked():
        raise KeyboardInterrupt
    return 0


cdef _damaged():
    return TextValueError(
        "A text is no valid UTF-8 any more: its memory was written while it was read. Pass a copy."
    )


def build_trie(dict words, str prefix):
    """Build the trie of a vocabulary, for ``Kernel`` and for files.

    Parameters
    ----------
    words : dict of (str or bytes) to int
    prefix : str or None
        As for ``Kernel``.

    Returns
    -------
    units, tokens : bytes
        uint32 and int32, as many of each.
    roots : tuple of int

    Raises
    ------
    OverflowError
        If the vocabulary does not fit.
    """
    cdef skm_trie trie
    cdef size_t size
    memset(&trie, 0, sizeof(skm_trie))
    try:
        _build_trie(&trie, words, prefix)
        size = 4 * <size_t>trie.n_units
        return (
            (<const char *>trie.units)[:size],
            (<const char *>trie.token)[:size],
            (trie.root[0], trie.root[1]),
        )
    finally:
        skm_trie_free(&trie)


def check_trie(units, tokens, roots, uint32_t n_ids):
    """Refuse arrays that are no trie, or one of other ids than those below `n_ids`.

    Raises
    ------
    ValueError
        If they are not what :func:`build_trie` returns.
    """
    cdef skm_trie trie
    _borrow(&trie, units, tokens, roots, n_ids)


cdef int _build_trie(skm_trie *trie, dict words, str prefix) except -1:
    cdef size_t n = 0
    cdef skm_word *entries = _words(words, prefix, &n)
    cdef int status = skm_trie_build(trie, entries, n)
    free(entries)
    if status == SKM_TOO_LARGE:
        raise OverflowError("The vocabulary does not fit into the kernel's trie.")
    if status != SKM_OK:
        raise MemoryError
    return 0


cdef int _borrow(skm_trie *trie, const uint32_t[::1] units, const int32_t[::1] tokens, roots,
                 uint32_t n_ids) except -1:
    cdef uint32_t[2] root = [roots[0], roots[1]]
    if (units.shape[0] == 0 or units.shape[0] != tokens.shape[0]
            or skm_trie_borrow(trie, &units[0], &tokens[0], units.shape[0], root,
                               n_ids) != SKM_OK):
        raise ValueError("These arrays are no trie of so many tokens.")
    return 0


cdef skm_word *_words(dict words, str prefix, size_t *n) except NULL:
    """Entries of the trie, and their number; the UTF-8 stays where the keys have it.

    Those of root 0 begin a word; those that `prefix` says so are in root 1 as well.
    """
    cdef size_t room = len(words) * (1 if prefix is None else 2) + 1, i = 0
    cdef skm_word *entries = <skm_word *>malloc(room * sizeof(skm_word))
    cdef const char *text
    cdef const char *head = NULL
    cdef Py_ssize_t length, head_length = 0
    cdef int32_t id
    if entries == NULL:
        raise MemoryError
    try:
        if prefix is not None:
            head = PyUnicode_AsUTF8AndSize(prefix, &head_length)
        for word, id in words.items():
            if isinstance(word, bytes):
                text, length = <const char *><bytes>word, len(<bytes>word)
            else:
                text = PyUnicode_AsUTF8AndSize(word, &length)
            entries[i].root = 0
            entries[i].id = id
            entries[i].bytes = <const uint8_t *>text
            entries[i].length = length
            i += 1
            if head != NULL and length >= head_length and not memcmp(text, head, head_length):
                entries[i].root = 1
                entries[i].id = id
                entries[i].bytes = <const uint8_t *>text + head_length
                entries[i].length = length - head_length
                i += 1
    except:
        free(entries)
        raise
    n[0] = i
    return entries


cdef int _read(item, Py_ssize_t row, skm_text *text) except -1:
    if not PyUnicode_Check(item):
        raise TextTypeError(f"Row {row} is {type(item).__name__}, not str.")
    text.data = PyUnicode_DATA(item)
    text.length = PyUnicode_GET_LENGTH(item)
    text.unit = PyUnicode_KIND(item)
    text.ascii = text.plain = PyUnicode_IS_ASCII(item)
    return 0


def only_text(list items):
    """Whether every item is exactly a ``str``, without lone surrogates."""
    cdef const uint16_t *two
    cdef const uint32_t *four
    cdef Py_ssize_t i
    cdef uint32_t bad = 0  # `bint |=` and constants above 2**31 would make objects of Python
    for item in items:
        if not PyUnicode_CheckExact(item):
            return False
        if PyUnicode_KIND(item) == 2:
            two = <const uint16_t *>PyUnicode_DATA(item)
            for i in range(PyUnicode_GET_LENGTH(item)):
                bad |= <uint32_t>(two[i] >> 11 == 0x1b)
        elif PyUnicode_KIND(item) == 4:
            four = <const uint32_t *>PyUnicode_DATA(item)
            for i in range(PyUnicode_GET_LENGTH(item)):
                bad |= <uint32_t>(four[i] >> 11 == 0x1b)
                bad |= <uint32_t>(four[i] > 0x10ffff)
        if bad:
            return False
    return True


def invalid_utf8(const int64_t[::1] addresses, const int64_t[::1] lengths):
    """Rows of the texts that are not valid UTF-8."""
    cdef Py_ssize_t row
    cdef list bad = []
    for row in range(addresses.shape[0]):
        if lengths[row] < 0 or not skm_is_utf8(<const uint8_t *><size_t>addresses[row],
                                               lengths[row]):
            bad.append(row)
    return bad


def best_simd():
    """Name of the best instruction set of this CPU."""
    return skm_simd_select(NULL).name.decode()
