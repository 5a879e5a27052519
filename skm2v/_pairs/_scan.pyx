# cython: language_level=3, boundscheck=False, wraparound=False, freethreading_compatible=True
"""Python face of the compiled scan in ``csrc/``; see ``csrc/scan.h`` for how it works."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t

import numpy as np


cdef extern from "scan.h" nogil:
    enum:
        SKM_GROUP, SKM_BLOCK, SKM_MOST_ROWS, SKM_MOST_DIM
    ctypedef struct skm_scanner:
        const char *name
        int n_rows
        int row_limit
        int offset
    ctypedef struct skm_rows:
        size_t n
        const uint8_t *codes
        const double *rest
        const double *length
        const double *error
        const int32_t *rows
        const float *vectors
        const double *squares
    ctypedef struct skm_columns:
        size_t n
        size_t n_blocks
        const int8_t *codes
        const int32_t *limits
        const double *rest
        const double *rounded
        const double *error
        const int32_t *rows
        const float *vectors
        const uint16_t *halves
        const double *squares
    ctypedef struct skm_scan:
        const skm_scanner *scanner
        skm_rows left
        skm_columns right
        size_t width
        size_t dim
        double scale
        int triangle
        const uint8_t *permitted
    const skm_scanner *skm_scanner_select(const char *)
    size_t skm_scan_pairs(const skm_scan *, size_t, size_t, float, int64_t *, int32_t *, int32_t *,
                          float *, size_t, int64_t *)
    void skm_squares(const skm_scanner *, const float *, size_t, size_t, double *)
    void skm_cosines(const skm_scanner *, const float *, double, const skm_columns *, size_t,
                     const int32_t *, size_t, float *)
    void skm_scan_nearest(const skm_scan *, size_t, size_t, size_t, float, float *, int32_t *,
                          int32_t *)


# As in compiled.py, which refuses any other. Raise both when what it calls here changes.
INTERFACE = 2

GROUP = SKM_GROUP
BLOCK = SKM_BLOCK
LEAST_CAPACITY = SKM_MOST_ROWS * SKM_BLOCK


cdef const skm_scanner *_select(name) except NULL:
    cdef bytes wanted = b"" if name is None else name.encode()
    cdef const skm_scanner *found = skm_scanner_select(
        NULL if name is None else <const char *>wanted)
    if found == NULL:
        raise ValueError(f"The instruction set {name!r} is not available on this CPU.")
    return found


def scanner(name=None):
    """Name, limit of the codes of rows and offset of the scanner that would be used.

    Parameters
    ----------
    name : str or None
        Instruction set; None takes the best of this CPU.
    """
    cdef const skm_scanner *found = _select(name)
    return found.name.decode(), found.row_limit, found.offset


def squares(const float[:, ::1] vectors):
    """Return the squared norm of every vector, summed in the order of all products."""
    cdef size_t n = vectors.shape[0], dim = vectors.shape[1]
    out = np.zeros(n)
    cdef double[::1] view = out
    if n and dim:
        with nogil:
            skm_squares(skm_scanner_select(NULL), &vectors[0, 0], n, dim, &view[0])
    return out


def cosines(const float[::1] vector, double square, vectors, const double[::1] squares,
            const int32_t[::1] rows):
    """Return the cosines of a vector with some rows of others, float32 or float16.

    Parameters
    ----------
    vector : ndarray of float32 of shape (d,)
    square : float
        Its squared norm.
    vectors : ndarray of float32 or float16 of shape (n, d)
    squares : ndarray of float64 of shape (n,)
    rows : ndarray of int32 of shape (m,)

    Returns
    -------
    cosines : ndarray of float32 of shape (m,)
        0 where a vector is zero.
    """
    cdef skm_columns others
    cdef size_t n = rows.shape[0], dim = vector.shape[0]
    cdef const float[:, ::1] floats
    cdef const uint16_t[:, ::1] halves
    out = np.zeros(n, dtype=np.float32)
    cdef float[::1] view = out
    if not n or not dim:
        return out
    if vectors.shape != (len(squares), dim) or dim > SKM_MOST_DIM:
        raise ValueError("The vectors do not fit.")
    if np.min(rows) < 0 or np.max(rows) >= len(squares):
        raise ValueError("Rows must be those of the vectors.")
    others.vectors = NULL
    others.halves = NULL
    if vectors.dtype == np.float16:
        halves = vectors.view(np.uint16)
        others.halves = &halves[0, 0]
    else:
        floats = vectors
        others.vectors = &floats[0, 0]
    others.squares = &squares[0]
    with nogil:
        skm_cosines(skm_scanner_select(NULL), &vector[0], square, &others, dim, &rows[0], n,
                    &view[0])
    return out


cdef class Scan:
    """A comparison of rows with columns, both coded.

    Parameters
    ----------
    name : str
        Instruction set.
    left, right
        Coded rows and columns with the arrays of ``csrc/scan.h`` as attributes.
    triangle : bool
        Whether both are the same vectors.
    permitted : ndarray of uint8 of shape (n,) or None
    """

    cdef skm_scan scan
    cdef list _arrays

    def __init__(self, str name, left, right, *, bint triangle, permitted=None):
        self._arrays = []
        self.scan.scanner = _select(name)
        self.scan.width = left.codes.shape[1]
        self.scan.dim = left.vectors.shape[1]
        self.scan.scale = left.scale * right.scale
        self.scan.triangle = triangle
        self.scan.left.n = len(left.rows)
        self.scan.left.codes = <const uint8_t *>self._address(left.codes, "B")
        self.scan.left.rest = <const double *>self._address(left.rest, "d")
        self.scan.left.length = <const double *>self._address(left.length, "d")
        self.scan.left.error = <const double *>self._address(left.error, "d")
        self.scan.left.rows = <const int32_t *>self._address(left.rows, "i")
        self.scan.left.vectors = <const float *>self._address(left.vectors, "f")
        self.scan.left.squares = <const double *>self._address(left.squares, "d")
        self.scan.right.n = len(right.rows)
        self.scan.right.n_blocks = len(right.rest)
        self.scan.right.codes = <const int8_t *>self._address(right.codes, "b")
        self.scan.right.limits = <const int32_t *>self._address(right.limits, "i")
        self.scan.right.rest = <const double *>self._address(right.rest, "d")
        self.scan.right.rounded = <const double *>self._address(right.rounded, "d")
        self.scan.right.error = <const double *>self._address(right.error, "d")
        self.scan.right.rows = <const int32_t *>self._address(right.rows, "i")
        if right.vectors.dtype == np.float16:
            self.scan.right.halves = <const uint16_t *>self._address(right.vectors, "e")
        else:
            self.scan.right.vectors = <const float *>self._address(right.vectors, "f")
        if self.scan.dim > SKM_MOST_DIM or right.vectors.shape[1] != self.scan.dim:
            raise ValueError("Vectors have other numbers of columns than the scan can take.")
        self.scan.right.squares = <const double *>self._address(right.squares, "d")
        if permitted is not None:
            self.scan.permitted = <const uint8_t *>self._address(permitted, "B")

    cdef void *_address(self, array, str kind) except? NULL:
        # The array is kept alive by this object; it may be read-only and memory-mapped.
        if array.dtype != np.dtype(kind) or not array.flags.c_contiguous or not array.flags.aligned:
            raise ValueError(f"The scan needs aligned, C-ordered arrays of {kind!r}.")
        self._arrays.append(array)
        return <void *><size_t>array.ctypes.data

    def pairs(self, size_t start, size_t stop, float threshold, int64_t cursor,
              int32_t[::1] left, int32_t[::1] right, float[::1] similarity):
        """Write pairs of rows start..stop into the arrays, as many as fit.

        Returns
        -------
        n : int
            Pairs written.
        cursor : int
            Where to go on; -1 at the end.
        n_candidates : int
            Pairs whose cosine was computed.
        """
        cdef size_t n, capacity = left.shape[0]
        cdef int64_t n_candidates = 0
        if capacity < LEAST_CAPACITY or stop > self.scan.left.n or start > stop:
            raise ValueError("Rows or arrays do not fit the scan.")
        with nogil:
            n = skm_scan_pairs(&self.scan, start, stop, threshold, &cursor, &left[0], &right[0],
                               &similarity[0], capacity, &n_candidates)
        return n, cursor, n_candidates

    def nearest(self, size_t start, size_t stop, size_t k, float threshold):
        """Return the k nearest columns of rows start..stop, in no order.

        Returns
        -------
        similarity : ndarray of float32 of shape (stop - start, k)
        found : ndarray of int32 of shape (stop - start, k)
        filled : ndarray of int32 of shape (stop - start,)
        """
        if stop > self.scan.left.n or start >= stop or k < 1:
            raise ValueError("Rows do not fit the scan.")
        similarity = np.empty((stop - start, k), dtype=np.float32)
        found = np.empty((stop - start, k), dtype=np.int32)
        filled = np.empty(stop - start, dtype=np.int32)
        cdef float[:, ::1] similarity_view = similarity
        cdef int32_t[:, ::1] found_view = found
        cdef int32_t[::1] filled_view = filled
        with nogil:
            skm_scan_nearest(&self.scan, start, stop, k, threshold, &similarity_view[0, 0],
                             &found_view[0, 0], &filled_view[0])
        return similarity, found, filled
