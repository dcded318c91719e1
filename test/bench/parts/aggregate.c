/*
 * What the aggregation kernel does, as a plain C loop: from the bytes of a frame, the same checks, the weighted sum of int8
 * differences. The limit that the benchmark compares with; compiled when it runs, never part of the product.
 *
 * usage: aggregate FILE BYTES CLIP: FILE holds frames of BYTES bytes each. Each line on stdin is a number of updates to
 * average; answered by the nanoseconds that took and the first element of the average.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAME = 32, HEADER = 48, PER_TENSOR = 8, TENSORS_MAX = 64 };

static uint32_t u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static float f32(const uint8_t *at) {
  uint32_t bits = u32(at);
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/* Sum of squares; -1 when a code is -128. */
__attribute__((noinline)) static double squares(const int8_t *codes, uint32_t count) {
  int64_t sum = 0;
  int8_t least = 0;
  for (uint32_t from = 0; from < count;) {
    uint32_t to = count - from > 65536 ? from + 65536 : count;
    int32_t part = 0;
    for (size_t at = from; at < to; at += 1) {
      part += (int32_t)codes[at] * codes[at];
      least = codes[at] < least ? codes[at] : least;
    }
    sum += part;
    from = to;
  }
  return least == -128 ? -1 : (double)sum;
}

__attribute__((noinline)) /* inlined, gcc forgets `restrict` and does not vectorize */
static void add(float *restrict sums, const int8_t *restrict codes, uint32_t count, float factor) {
  for (size_t at = 0; at < count; at += 1) sums[at] += factor * codes[at];
}

/* Weight that was added, 0 for an update that is refused. */
static double take(const uint8_t *frame, uint32_t bytes, float *sums, uint32_t elements, double clip) {
  if (bytes < FRAME + HEADER || frame[0] != 'N' || frame[1] != 'F' || frame[2] != 1 || frame[3] != 1) return 0;
  if (u32(frame + 28) != bytes - FRAME) return 0;
  const uint8_t *update = frame + FRAME;
  if (memcmp(update, "NFU1", 4) != 0) return 0;
  uint32_t tensors = (uint32_t)update[44] << 8 | update[45];
  if (tensors < 1 || tensors > TENSORS_MAX) return 0;
  uint32_t starts[TENSORS_MAX], counts[TENSORS_MAX];
  float scales[TENSORS_MAX];
  uint32_t at = HEADER + PER_TENSOR * tensors, total = 0;
  double norm = 0;
  for (uint32_t index = 0; index < tensors; index += 1) {
    counts[index] = u32(update + HEADER + PER_TENSOR * index);
    scales[index] = f32(update + HEADER + PER_TENSOR * index + 4);
    if (!isfinite(scales[index]) || scales[index] <= 0 || counts[index] > bytes - FRAME - at) return 0;
    double square = squares((const int8_t *)update + at, counts[index]);
    if (square < 0) return 0;
    norm += square * scales[index] * scales[index];
    starts[index] = at;
    at += counts[index];
    total += counts[index];
  }
  if (at != bytes - FRAME || total != elements || !isfinite(norm)) return 0;
  norm = sqrt(norm);
  double weight = u32(update + 40), shortened = norm > clip ? clip / norm : 1;
  for (uint32_t index = 0, from = 0; index < tensors; index += 1) {
    add(sums + from, (const int8_t *)update + starts[index], counts[index], (float)(weight * shortened * scales[index]));
    from += counts[index];
  }
  return weight;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  uint32_t bytes = (uint32_t)atoi(argv[2]), elements = (uint32_t)atoi(argv[4]);
  double clip = atof(argv[3]);
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL) return 1;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t *frames = malloc((size_t)size);
  float *sums = malloc(elements * sizeof(float));
  if (frames == NULL || sums == NULL || fread(frames, 1, (size_t)size, file) != (size_t)size) return 1;
  long known = size / bytes;
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) {
    long updates = atol(line);
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    memset(sums, 0, elements * sizeof(float));
    double weight = 0;
    for (long at = 0; at < updates; at += 1) weight += take(frames + at % known * bytes, bytes, sums, elements, clip);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    double nanos = (ended.tv_sec - begun.tv_sec) * 1e9 + (ended.tv_nsec - begun.tv_nsec);
    printf("%.0f %.9g\n", nanos, sums[0] / weight);
    fflush(stdout);
  }
  return 0;
}
