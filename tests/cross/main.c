/* The compiled kernels without Python: results must have the bytes that record.py wrote down.
 *
 *   cross FILE...
 */
#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  char *name;
  size_t n, size;
  void *data;
} array;

struct golden {
  array *arrays;
  size_t n;
};

int golden_differences = 0;

void golden_fail(const char *what, const char *which) {
  printf("FAILED: %s %s\n", what, which);
  exit(2);
}

void *golden_copy(const void *data, size_t size) {
  void *copy = malloc(size ? size : 1);
  if (!copy) golden_fail("no memory", "");
  if (size) memcpy(copy, data, size);
  return copy;
}

static uint64_t number_at(const uint8_t *p, size_t size) {
  uint64_t value = 0;
  while (size--) value = value << 8 | p[size];
  return value;
}

/* Elements as this machine has them. */
static void *elements(const uint8_t *from, size_t n, size_t size) {
  uint8_t *data = golden_copy(from, n * size);
  size_t i;
  for (i = 0; i < n && size > 1; i++) {
    uint64_t value = number_at(from + i * size, size);
    uint32_t four = (uint32_t)value;
    uint16_t two = (uint16_t)value;
    if (size == 8) memcpy(data + i * size, &value, 8);
    if (size == 4) memcpy(data + i * size, &four, 4);
    if (size == 2) memcpy(data + i * size, &two, 2);
  }
  return data;
}

golden *golden_read(const char *path) {
  golden *file = calloc(1, sizeof(golden));
  FILE *stream = fopen(path, "rb");
  uint8_t *bytes, *p, *end;
  long length;
  if (!file || !stream || fseek(stream, 0, SEEK_END) || (length = ftell(stream)) < 0)
    golden_fail("cannot read", path);
  rewind(stream);
  bytes = p = malloc((size_t)length + 1);
  if (!bytes || fread(bytes, 1, (size_t)length, stream) != (size_t)length)
    golden_fail("cannot read", path);
  fclose(stream);
  for (end = bytes + length; p < end;) {
    array *one;
    file->arrays = realloc(file->arrays, (file->n + 1) * sizeof(array));
    if (!file->arrays) golden_fail("no memory", "");
    one = &file->arrays[file->n++];
    one->name = golden_copy(p, strlen((char *)p) + 1);
    p += strlen(one->name) + 1;
    one->size = (size_t)*p++;
    one->n = (size_t)number_at(p, 8);
    p += 8;
    if (one->n > (size_t)(end - p) / one->size) golden_fail("cut short:", path);
    one->data = elements(p, one->n, one->size);
    p += one->n * one->size;
  }
  free(bytes);
  return file;
}

void golden_free(golden *file) {
  size_t i;
  for (i = 0; i < file->n; i++) {
    free(file->arrays[i].name);
    free(file->arrays[i].data);
  }
  free(file->arrays);
  free(file);
}

void *golden_find(const golden *file, const char *name, size_t *n) {
  size_t i;
  for (i = 0; i < file->n; i++)
    if (strcmp(file->arrays[i].name, name) == 0) {
      if (n) *n = file->arrays[i].n;
      return file->arrays[i].data;
    }
  if (n) *n = 0;
  return NULL;
}

void *golden_get(const golden *file, const char *name, size_t *n) {
  void *data = golden_find(file, name, n);
  if (!data) golden_fail("the file lacks", name);
  return data;
}

int64_t golden_number(const golden *file, const char *name, size_t i) {
  size_t n;
  const int64_t *numbers = golden_get(file, name, &n);
  if (i >= n) golden_fail("too short:", name);
  return numbers[i];
}

const char *golden_name(const char *prefix, int number, const char *rest) {
  static char name[64];
  snprintf(name, sizeof name, "%s%d.%s", prefix, number, rest);
  return name;
}

void golden_compare(const char *what, const void *found, const void *expected, size_t size) {
  size_t i;
  if (size == 0 || memcmp(found, expected, size) == 0) return;
  for (i = 0; ((const uint8_t *)found)[i] == ((const uint8_t *)expected)[i];) i++;
  printf("DIFFERENT: %s, first at byte %zu of %zu\n", what, i, size);
  golden_differences++;
}

int main(int argc, char **argv) {
  int i;
  size_t n = 0;
  for (i = 1; i < argc; i++) {
    golden *file = golden_read(argv[i]);
    size_t compared = golden_find(file, "scan", NULL) ? golden_scan(file) : golden_pool(file);
    if (compared == 0) golden_fail("nothing to compare in", argv[i]);
    n += compared;
    golden_free(file);
  }
  printf("%zu results compared, %d different, %s-endian, pointers of %zu bytes\n", n,
         golden_differences, *(const uint8_t *)&(uint16_t){1} ? "little" : "big", sizeof(void *));
  return n == 0 || golden_differences != 0;
}
