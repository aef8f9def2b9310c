#include "wane_augment.h"

#include "wane_philox.h"
#include "wane_random.h"

#include <math.h>

/* Streams of the random numbers, so that no two uses share any; the epoch is added. */
#define STREAM_DRAW 0x4155474D00000000u
#define STREAM_NOISE 0x4E4F495300000000u
/* Blocks of four words that a sample may use. */
#define BLOCKS 256u
/* The first block of mixup's draws; those before belong to the warp. */
#define MIX_BLOCK 8u

typedef struct draws {
  uint64_t seed, stream, block;
  uint32_t words[4];
  int used;
} draws;

static draws draws_of(uint64_t seed, uint64_t epoch, uint64_t position, uint64_t block) {
  return (draws){
      .seed = seed, .stream = STREAM_DRAW + epoch, .block = position * BLOCKS + block, .used = 4};
}

/* In (0, 1). */
static double draw(draws *d) {
  if (d->used == 4) {
    wane_philox(d->block++, d->stream, d->seed, d->words);
    d->used = 0;
  }
  return ((double)d->words[d->used++] + 0.5) * 0x1p-32;
}

/* In -1 ... 1. */
static double draw_signed(draws *d) { return 2 * draw(d) - 1; }

void wane_augment_draw(const wane_augmentation *options, uint64_t seed, uint64_t epoch,
                       uint64_t position, int32_t height, int32_t width, wane_warp *warp) {
  draws d = draws_of(seed, epoch, position, 0);
  /* Every draw is made, used or not: an option changes nothing but its own effect. */
  int mirrored = draw(&d) < 0.5 && options->flip_horizontal;
  int upturned = draw(&d) < 0.5 && options->flip_vertical;
  double down = rint(draw_signed(&d) * options->shift_height * height);
  double right = rint(draw_signed(&d) * options->shift_width * width);
  double angle = draw_signed(&d) * options->rotate * (3.14159265358979323846 / 180);
  double zoom = options->zoom_low + draw(&d) * (options->zoom_high - options->zoom_low);
  double cut_y = draw(&d) * height, cut_x = draw(&d) * width;

  /* The inverse of: flip, then rotate and zoom about the centre, then shift. */
  double cosine = cos(angle) / zoom, sine = sin(angle) / zoom;
  double centre_y = (height - 1) * 0.5, centre_x = (width - 1) * 0.5;
  double yy = cosine, yx = -sine, xy = sine, xx = cosine;
  double y0 = centre_y - yy * (centre_y + down) - yx * (centre_x + right);
  double x0 = centre_x - xy * (centre_y + down) - xx * (centre_x + right);
  if (upturned) {
    yy = -yy, yx = -yx, y0 = height - 1 - y0;
  }
  if (mirrored) {
    xy = -xy, xx = -xx, x0 = width - 1 - x0;
  }
  *warp = (wane_warp){.yy = (float)yy,
                      .yx = (float)yx,
                      .y0 = (float)y0,
                      .xy = (float)xy,
                      .xx = (float)xx,
                      .x0 = (float)x0,
                      .fill = options->fill};
  if (options->cutout <= 0) return;
  double side = rint(options->cutout * (height < width ? height : width));
  double top = floor(cut_y - side / 2 + 0.5), left = floor(cut_x - side / 2 + 0.5);
  warp->cut_top = (int32_t)fmax(top, 0);
  warp->cut_left = (int32_t)fmax(left, 0);
  warp->cut_bottom = (int32_t)fmin(top + side, height);
  warp->cut_right = (int32_t)fmin(left + side, width);
}

/* Gamma(a, 1) for a >= 1, else boosted from a + 1 (Marsaglia and Tsang, 2000). The loop ends after
   a few turns; more than there are draws for does not happen in a lifetime of samples. */
static double draw_gamma(draws *d, double a) {
  double boost = 1;
  if (a < 1) {
    boost = pow(draw(d), 1 / a);
    a += 1;
  }
  double shape = a - 1.0 / 3, scale = 1 / sqrt(9 * shape);
  for (int turn = 0; turn < 64; turn++) {
    double normal = sqrt(-2 * log(draw(d))) * cos(2 * 3.14159265358979323846 * draw(d));
    double cube = 1 + scale * normal;
    double u = draw(d);
    if (cube <= 0) continue;
    cube = cube * cube * cube;
    if (log(u) < 0.5 * normal * normal + shape * (1 - cube + log(cube)))
      return boost * shape * cube;
  }
  return boost * shape;
}

void wane_augment_draw_mix(const wane_augmentation *options, uint64_t seed, uint64_t epoch,
                           uint64_t position, int32_t count, int32_t *partner, float *weight) {
  draws d = draws_of(seed, epoch, position, MIX_BLOCK);
  int32_t other = (int32_t)(draw(&d) * count);
  *partner = other < count ? other : count - 1;
  double a = draw_gamma(&d, options->mixup), b = draw_gamma(&d, options->mixup);
  double share = a + b > 0 ? a / (a + b) : 0.5;
  /* The same mixtures with the larger share first: a sample stays recognisably itself. */
  *weight = (float)(share > 0.5 ? share : 1 - share);
}

/* The place that stands for i on an axis of n; -1 for zero. */
WANE_BODY int32_t wane_warp_place(int32_t i, int32_t n, int32_t fill) {
  if (i >= 0 && i < n) return i;
  if (fill == WANE_FILL_ZERO) return -1;
  if (fill == WANE_FILL_NEAREST) return i < 0 ? 0 : n - 1;
  int32_t period = 2 * n, inside = i % period;
  if (inside < 0) inside += period;
  return inside < n ? inside : period - 1 - inside;
}

/* Far outside is as good as farther, and converts to an integer. */
WANE_BODY float wane_warp_bounded(float x) {
  float low = x > -1e6f ? x : -1e6f;
  return low < 1e6f ? low : 1e6f;
}

WANE_BODY int wane_warp_is_whole(const wane_warp *warp) {
  return warp->yx == 0 && warp->xy == 0 && (warp->yy == 1 || warp->yy == -1) &&
         (warp->xx == 1 || warp->xx == -1) && warp->y0 == rintf(warp->y0) &&
         warp->x0 == rintf(warp->x0) && fabsf(warp->y0) < 1e6f && fabsf(warp->x0) < 1e6f;
}

/* A pixel of an image; of none, any. */
#define wane_warp_pixel(x, i, j) \
  ((x) + ((int64_t)((i) < 0 ? 0 : (i)) * width + ((j) < 0 ? 0 : (j))) * channels)

#define WANE_WARP(name, type, store)                                                          \
  WANE_BODY void name##__body(const type *x, int32_t height, int32_t width, int32_t channels, \
                              const wane_warp *warp, type *y) {                               \
    int whole = wane_warp_is_whole(warp);                                                     \
    for (int32_t i = 0; i < height; i++)                                                      \
      for (int32_t j = 0; j < width; j++) {                                                   \
        type *to = y + ((int64_t)i * width + j) * channels;                                   \
        if (i >= warp->cut_top && i < warp->cut_bottom && j >= warp->cut_left &&              \
            j < warp->cut_right) {                                                            \
          for (int32_t c = 0; c < channels; c++) to[c] = 0;                                   \
          continue;                                                                           \
        }                                                                                     \
        float sy = wane_warp_bounded(warp->yy * (float)i + warp->yx * (float)j + warp->y0);   \
        float sx = wane_warp_bounded(warp->xy * (float)i + warp->xx * (float)j + warp->x0);   \
        float fy = floorf(sy), fx = floorf(sx);                                               \
        int32_t top = wane_warp_place((int32_t)fy, height, warp->fill);                       \
        int32_t left = wane_warp_place((int32_t)fx, width, warp->fill);                       \
        const type *a = wane_warp_pixel(x, top, left);                                        \
        if (whole) {                                                                          \
          if (top < 0 || left < 0)                                                            \
            for (int32_t c = 0; c < channels; c++) to[c] = 0;                                 \
          else                                                                                \
            for (int32_t c = 0; c < channels; c++) to[c] = a[c];                              \
          continue;                                                                           \
        }                                                                                     \
        int32_t bottom = wane_warp_place((int32_t)fy + 1, height, warp->fill);                \
        int32_t right = wane_warp_place((int32_t)fx + 1, width, warp->fill);                  \
        const type *b = wane_warp_pixel(x, top, right);                                       \
        const type *p = wane_warp_pixel(x, bottom, left);                                     \
        const type *q = wane_warp_pixel(x, bottom, right);                                    \
        float v = sy - fy, u = sx - fx;                                                       \
        for (int32_t c = 0; c < channels; c++) {                                              \
          float ta = top < 0 || left < 0 ? 0.0f : (float)a[c];                                \
          float tb = top < 0 || right < 0 ? 0.0f : (float)b[c];                               \
          float tp = bottom < 0 || left < 0 ? 0.0f : (float)p[c];                             \
          float tq = bottom < 0 || right < 0 ? 0.0f : (float)q[c];                            \
          float upper = ta + u * (tb - ta), lower = tp + u * (tq - tp);                       \
          float value = upper + v * (lower - upper);                                          \
          to[c] = store(value);                                                               \
        }                                                                                     \
      }                                                                                       \
  }                                                                                           \
  WANE_KERNEL(name,                                                                           \
              (const type *x, int32_t height, int32_t width, int32_t channels,                \
               const wane_warp *warp, type *y),                                               \
              (x, height, width, channels, warp, y))

/* A byte from a float that is meant to lie in 0...255. */
WANE_BODY uint8_t wane_augment_byte(float x) {
  float raised = x > 0 ? x : 0;
  return (uint8_t)((raised < 255 ? raised : 255) + 0.5f);
}

WANE_BODY float wane_augment_float(float x) { return x; }

WANE_WARP(wane_warp_u8, uint8_t, wane_augment_byte)
WANE_WARP(wane_warp_f32, float, wane_augment_float)

WANE_BODY void wane_mix_u8__body(uint8_t *y, const uint8_t *b, float weight, int64_t n) {
  WANE_VECTORIZE
  for (int64_t i = 0; i < n; i++)
    y[i] = wane_augment_byte((float)y[i] * weight + (float)b[i] * (1.0f - weight));
}
WANE_KERNEL(wane_mix_u8, (uint8_t * y, const uint8_t *b, float weight, int64_t n),
            (y, b, weight, n))

WANE_BODY void wane_mix_f32__body(float *y, const float *b, float weight, int64_t n) {
  WANE_VECTORIZE
  for (int64_t i = 0; i < n; i++) y[i] = y[i] * weight + b[i] * (1.0f - weight);
}
WANE_KERNEL(wane_mix_f32, (float *y, const float *b, float weight, int64_t n), (y, b, weight, n))

enum { noise_chunk = 256 };

void wane_noise_u8(uint64_t seed, uint64_t epoch, uint64_t position, float noise, uint8_t *y,
                   int64_t n) {
  float values[noise_chunk];
  for (int64_t start = 0; start < n; start += noise_chunk) {
    int64_t count = n - start < noise_chunk ? n - start : noise_chunk;
    wane_random_normal_f32(seed, STREAM_NOISE + epoch, position * (uint64_t)n + (uint64_t)start,
                           values, (size_t)count);
    for (int64_t i = 0; i < count; i++)
      y[start + i] = wane_augment_byte((float)y[start + i] + 255.0f * noise * values[i]);
  }
}

void wane_noise_f32(uint64_t seed, uint64_t epoch, uint64_t position, float noise, float *y,
                    int64_t n) {
  float values[noise_chunk];
  for (int64_t start = 0; start < n; start += noise_chunk) {
    int64_t count = n - start < noise_chunk ? n - start : noise_chunk;
    wane_random_normal_f32(seed, STREAM_NOISE + epoch, position * (uint64_t)n + (uint64_t)start,
                           values, (size_t)count);
    for (int64_t i = 0; i < count; i++) y[start + i] += noise * values[i];
  }
}

/* A place between two pixels of an axis: the lower one, the upper one, and the way to it. */
typedef struct wane_resize_place {
  int32_t low, high;
  float share;
} wane_resize_place;

WANE_BODY wane_resize_place wane_resize_at(int32_t i, int32_t n, int32_t new_n) {
  float x = ((float)i + 0.5f) * ((float)n / (float)new_n) - 0.5f;
  float floor = floorf(x);
  int32_t low = (int32_t)floor, high = low + 1;
  wane_resize_place place = {low < 0   ? 0
                             : low < n ? low
                                       : n - 1,
                             high < n ? high : n - 1, x - floor};
  return place;
}

WANE_BODY void wane_resize_u8__body(const uint8_t *x, int32_t height, int32_t width,
                                    int32_t channels, uint8_t *y, int32_t new_height,
                                    int32_t new_width) {
  for (int32_t i = 0; i < new_height; i++) {
    wane_resize_place v = wane_resize_at(i, height, new_height);
    const uint8_t *top = x + (int64_t)v.low * width * channels;
    const uint8_t *bottom = x + (int64_t)v.high * width * channels;
    for (int32_t j = 0; j < new_width; j++) {
      wane_resize_place u = wane_resize_at(j, width, new_width);
      uint8_t *to = y + ((int64_t)i * new_width + j) * channels;
      for (int32_t c = 0; c < channels; c++) {
        float a = top[u.low * channels + c], b = top[u.high * channels + c];
        float p = bottom[u.low * channels + c], q = bottom[u.high * channels + c];
        float upper = a + (b - a) * u.share, lower = p + (q - p) * u.share;
        to[c] = wane_augment_byte(upper + (lower - upper) * v.share);
      }
    }
  }
}
WANE_KERNEL(wane_resize_u8,
            (const uint8_t *x, int32_t height, int32_t width, int32_t channels, uint8_t *y,
             int32_t new_height, int32_t new_width),
            (x, height, width, channels, y, new_height, new_width))
