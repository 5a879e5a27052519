#include "skm.h"

#define HIGH_BITS UINT64_C(0x8080808080808080)

SKM_INLINE int continues(uint8_t c) { return (c & 0xc0) == 0x80; }

/* Table 3-7 of the Unicode standard. */
int skm_is_utf8(const uint8_t *p, size_t length) {
  const uint8_t *const end = p + length;
  while (p < end) {
    const size_t left = (size_t)(end - p);
    const uint8_t c = *p;
    if (c < 0x80) {
      if (left >= 8 && !(skm_read64(p) & HIGH_BITS))
        p += 8;
      else if (left < 8 && length >= 8 && !(skm_read64(end - 8) & HIGH_BITS))
        return 1; /* all that is left, and some of what was seen */
      else
        p++;
    } else if (c < 0xe0) {
      if (c < 0xc2 || left < 2 || !continues(p[1])) return 0;
      p += 2;
    } else if (c < 0xf0) {
      if (left < 3 || !continues(p[1]) || !continues(p[2])) return 0;
      if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] >= 0xa0)) return 0;
      p += 3;
    } else {
      if (c > 0xf4 || left < 4 || !continues(p[1]) || !continues(p[2]) || !continues(p[3])) return 0;
      if ((c == 0xf0 && p[1] < 0x90) || (c == 0xf4 && p[1] >= 0x90)) return 0;
      p += 4;
    }
  }
  return 1;
}
