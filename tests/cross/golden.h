/* Reads what record.py wrote: named arrays, little-endian in the file, as this machine has them in
 * memory. Every array is an allocation of its own, so that reading past its end is found. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct golden golden;

golden *golden_read(const char *path);
void golden_free(golden *file);
/* The array of that name, its length in `n` unless that is NULL. NULL if there is none. */
void *golden_find(const golden *file, const char *name, size_t *n);
/* The same; ends the program if there is none. */
void *golden_get(const golden *file, const char *name, size_t *n);
/* Element `i` of an array of int64. */
int64_t golden_number(const golden *file, const char *name, size_t i);
/* "run3.out" and so on. */
const char *golden_name(const char *prefix, int number, const char *rest);

/* Compares bytes; says where they differ first, and counts it. */
void golden_compare(const char *what, const void *found, const void *expected, size_t size);
extern int golden_differences;

void *golden_copy(const void *data, size_t size);
_Noreturn void golden_fail(const char *what, const char *which);

/* Each returns the number of results that it compared. */
size_t golden_pool(const golden *file);
size_t golden_scan(const golden *file);

#endif
