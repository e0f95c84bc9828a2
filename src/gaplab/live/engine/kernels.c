/* The engine's inner loops, four numbers at a time (WebAssembly's 128-bit SIMD), one thread.
 *
 * `nox -s kernels` makes kernels.wasm of this file. kernels_script.js holds the same functions in plain JavaScript, which
 * read more easily: begin there. Whatever an argument calls a place is an offset in floats into one memory, the one that
 * memory.js lays out; it begins at 64 KiB, above this program's own stack.
 */
#include <wasm_simd128.h>

typedef v128_t Four;
#define FLOATS(place) ((float *)65536 + (place))
#define NUMBERS(place) ((int *)65536 + (place))
#define EXPORT(name) __attribute__((export_name(#name)))
#define ALL(x) wasm_f32x4_splat(x)
#define LOAD(from) wasm_v128_load(from)
#define STORE(to, four) wasm_v128_store(to, four)
#define ADD_PRODUCT(sum, a, b) ((sum) = wasm_f32x4_add(sum, wasm_f32x4_mul(a, b)))

enum { NONE, RELU, RELU6 };

/* One pass of a convolution; memory.js writes these numbers, in this order (PASS_FIELDS there). */
typedef struct {
  int input, channel_step, row_step; /* where the first tap of the first output lies, and how far apart the others are */
  int channels, height, width;       /* channels that are summed over; rows and columns of outputs */
  int taps, tap_count;               /* a list of offsets from an output's place in the input to what it reads */
  int weights, bias;                 /* bias 0: there is none */
  int output, out_channels, out_channel_step, out_row_step, out_column_step;
  int activation, panel;
} Pass;

static inline Four activate(Four x, int activation) {
  if (activation != NONE) x = wasm_f32x4_pmax(x, ALL(0));
  return activation == RELU6 ? wasm_f32x4_pmin(x, ALL(6)) : x;
}

static inline void put(float *to, Four x, int count, int step) {
  if (count == 4 && step == 1) {
    STORE(to, x);
    return;
  }
  float each[4];
  STORE(each, x);
  for (int i = 0; i < count; i++) to[i * step] = each[i];
}

static inline int least(int a, int b) { return a < b ? a : b; }

/* Copy planes into the middle of larger planes of zeros. For a stride of two the even columns come first, then the odd
 * ones: what neighbouring outputs read through one tap then lies side by side. */
EXPORT(pad) void pad(int input, int output, int channels, int height, int width, int top, int left, int padded_height,
                     int padded_width, int split) {
  int half = padded_width / 2;
  __builtin_memset(FLOATS(output), 0, (unsigned long)channels * padded_height * padded_width * sizeof(float));
  for (int c = 0; c < channels; c++) {
    for (int y = 0; y < height; y++) {
      const float *from = FLOATS(input) + (c * height + y) * width;
      float *to = FLOATS(output) + (c * padded_height + y + top) * padded_width;
      if (!split) __builtin_memcpy(to + left, from, width * sizeof(float));
      for (int x = 0; split && x < width; x++) to[((x + left) & 1) * half + (x + left) / 2] = from[x];
    }
  }
}

/* out[m][y][x] = activation(bias[m] + sum over channels c and taps t of weight[m][c][t] * in[c][(y, x) + taps[t]]).
 *
 * A matrix product: what eight outputs read is gathered into a panel once, and serves four output channels at a time.
 * Weights are packed as [out_channels / 4][channels * tap_count][4]. */
EXPORT(dense) void dense(int place) {
  const Pass p = *(const Pass *)NUMBERS(place);
  const int *taps = NUMBERS(p.taps);
  int fours_a_row = (p.width + 3) / 4, fours = fours_a_row * p.height, depth = p.channels * p.tap_count;
  for (int four = 0; four < fours; four += 2) {
    int second = least(four + 1, fours - 1); /* of an odd number of fours the last one is computed beside itself */
    int y0 = four / fours_a_row, x0 = four % fours_a_row * 4;
    int y1 = second / fours_a_row, x1 = second % fours_a_row * 4;
    const float *from0 = FLOATS(p.input) + y0 * p.row_step + x0, *from1 = FLOATS(p.input) + y1 * p.row_step + x1;
    float *gathered = FLOATS(p.panel);
    for (int c = 0; c < p.channels; c++, from0 += p.channel_step, from1 += p.channel_step) {
      for (int t = 0; t < p.tap_count; t++, gathered += 8) {
        STORE(gathered, LOAD(from0 + taps[t]));
        STORE(gathered + 4, LOAD(from1 + taps[t]));
      }
    }
    float *to0 = FLOATS(p.output) + y0 * p.out_row_step + x0 * p.out_column_step;
    float *to1 = FLOATS(p.output) + y1 * p.out_row_step + x1 * p.out_column_step;
    const float *w = FLOATS(p.weights);
    for (int m = 0; m < p.out_channels; m += 4) {
      Four a0 = ALL(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
      const float *read = FLOATS(p.panel);
      for (int k = 0; k < depth; k++, w += 4, read += 8) {
        Four a = LOAD(read), b = LOAD(read + 4), weight;
        weight = wasm_v128_load32_splat(w), ADD_PRODUCT(a0, weight, a), ADD_PRODUCT(b0, weight, b);
        weight = wasm_v128_load32_splat(w + 1), ADD_PRODUCT(a1, weight, a), ADD_PRODUCT(b1, weight, b);
        weight = wasm_v128_load32_splat(w + 2), ADD_PRODUCT(a2, weight, a), ADD_PRODUCT(b2, weight, b);
        weight = wasm_v128_load32_splat(w + 3), ADD_PRODUCT(a3, weight, a), ADD_PRODUCT(b3, weight, b);
      }
      Four a[4] = {a0, a1, a2, a3}, b[4] = {b0, b1, b2, b3};
#pragma clang loop unroll(full)
      for (int r = 0; r < 4; r++) {
        if (m + r >= p.out_channels) continue;
        Four bias = ALL(p.bias ? FLOATS(p.bias)[m + r] : 0);
        int channel = (m + r) * p.out_channel_step;
        put(to0 + channel, activate(wasm_f32x4_add(a[r], bias), p.activation), least(p.width - x0, 4), p.out_column_step);
        put(to1 + channel, activate(wasm_f32x4_add(b[r], bias), p.activation), least(p.width - x1, 4), p.out_column_step);
      }
    }
  }
}

/* The same for a depthwise convolution, in which every channel has a filter of its own: weights are [channels][taps]. */
EXPORT(depthwise) void depthwise(int place) {
  const Pass p = *(const Pass *)NUMBERS(place);
  const int *taps = NUMBERS(p.taps);
  for (int c = 0; c < p.channels; c++) {
    Four filter[25], bias = ALL(p.bias ? FLOATS(p.bias)[c] : 0);
    for (int t = 0; t < p.tap_count; t++) filter[t] = ALL(FLOATS(p.weights)[c * p.tap_count + t]);
    for (int y = 0; y < p.height; y++) {
      const float *from = FLOATS(p.input) + c * p.channel_step + y * p.row_step;
      float *to = FLOATS(p.output) + c * p.out_channel_step + y * p.out_row_step;
      int x = 0;
      for (; x + 8 <= p.width; x += 8) { /* two sums at once, so that neither waits for the other */
        Four a = bias, b = bias;
        for (int t = 0; t < p.tap_count; t++) {
          ADD_PRODUCT(a, filter[t], LOAD(from + x + taps[t]));
          ADD_PRODUCT(b, filter[t], LOAD(from + x + taps[t] + 4));
        }
        put(to + x * p.out_column_step, activate(a, p.activation), 4, p.out_column_step);
        put(to + (x + 4) * p.out_column_step, activate(b, p.activation), 4, p.out_column_step);
      }
      for (; x < p.width; x += 4) {
        Four a = bias;
        for (int t = 0; t < p.tap_count; t++) ADD_PRODUCT(a, filter[t], LOAD(from + x + taps[t]));
        put(to + x * p.out_column_step, activate(a, p.activation), least(p.width - x, 4), p.out_column_step);
      }
    }
  }
}

/* Let a gradient through where the activation's output shows that it has a slope of one; elsewhere it is flat. Buffers
 * are as long as a multiple of four. */
EXPORT(gate) void gate(int gradient, int outputs, int through, int count, int activation) {
  for (int i = 0; i < count; i += 4) {
    Four y = LOAD(FLOATS(outputs) + i), open = wasm_f32x4_gt(y, ALL(0));
    if (activation == RELU6) open = wasm_v128_and(open, wasm_f32x4_lt(y, ALL(6)));
    STORE(FLOATS(through) + i, wasm_v128_and(LOAD(FLOATS(gradient) + i), open));
  }
}

EXPORT(add) void add(int a, int b, int sum, int count, int activation) {
  for (int i = 0; i < count; i += 4) {
    STORE(FLOATS(sum) + i, activate(wasm_f32x4_add(LOAD(FLOATS(a) + i), LOAD(FLOATS(b) + i)), activation));
  }
}
