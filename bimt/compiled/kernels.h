/* Building blocks of a training step. A value is a tile: for each neuron of a site a row of numbers, one for each of
   so many data. Whoever includes this file defines IS_DOUBLE (the type T of all numbers) and TILE (data in a tile, a
   multiple of LANES). Sizes are literals wherever these functions are called, so that the compiler unrolls them. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if IS_DOUBLE
typedef double T;
typedef int64_t I;
#define LANES 4
#define BITS 52
#define MATH(name) name
#else
typedef float T;
typedef int32_t I;
#define LANES 8
#define BITS 23
#define MATH(name) name##f
#endif
#define VECTORS (TILE / LANES)
#define WHOLE(count) (((count) + 15) / 16 * 16)
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("GCC unroll 8")

typedef T V __attribute__((vector_size(32)));
typedef I VI __attribute__((vector_size(32)));

INLINE V load(const T *p) { V v; memcpy(&v, __builtin_assume_aligned(p, 32), 32); return v; }
INLINE void store(T *p, V v) { memcpy(__builtin_assume_aligned(p, 32), &v, 32); }
INLINE V all(T x) { return x - (V){0}; }
INLINE V pick(VI mask, V yes, V no) { return (V)((mask & (VI)yes) | (~mask & (VI)no)); }
INLINE T sum(V v) {
#if IS_DOUBLE
    return (v[0] + v[2]) + (v[1] + v[3]);
#else
    return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
#endif
}

/* y[o] = (y[o] if add) + sum over i of w[o * so + i * si] * x[i], rows o and i of so many vectors each */
INLINE void product_block(T *restrict y, const T *restrict w, const T *restrict x, int n, long so, long si, long row,
                          const int os, const int vs, const int add) {
    V total[4][3];
    UNROLLED for (int o = 0; o < os; o++)
        UNROLLED for (int v = 0; v < vs; v++) total[o][v] = add ? load(y + o * row + v * LANES) : all(0);
    for (int i = 0; i < n; i++) {
        V in[3];
        UNROLLED for (int v = 0; v < vs; v++) in[v] = load(x + i * row + v * LANES);
        UNROLLED for (int o = 0; o < os; o++) {
            V weight = all(w[o * so + i * si]);
            UNROLLED for (int v = 0; v < vs; v++) total[o][v] += weight * in[v];
        }
    }
    UNROLLED for (int o = 0; o < os; o++)
        UNROLLED for (int v = 0; v < vs; v++) store(y + o * row + v * LANES, total[o][v]);
}

INLINE void product_rows(T *y, const T *w, const T *x, int n, long so, long si, int vectors, const int os,
                         const int add) {
    long row = (long)vectors * LANES;
    int v = 0;
    for (; v + 3 <= vectors; v += 3) product_block(y + v * LANES, w, x + v * LANES, n, so, si, row, os, 3, add);
    if (vectors % 3 == 2) product_block(y + v * LANES, w, x + v * LANES, n, so, si, row, os, 2, add);
    if (vectors % 3 == 1) product_block(y + v * LANES, w, x + v * LANES, n, so, si, row, os, 1, add);
}

INLINE void product(T *y, const T *w, const T *x, int m, int n, long so, long si, int vectors, const int add) {
    long row = (long)vectors * LANES;
    int o = 0;
    for (; o + 4 <= m; o += 4) product_rows(y + o * row, w + o * so, x, n, so, si, vectors, 4, add);
    if (m % 4 == 3) product_rows(y + o * row, w + o * so, x, n, so, si, vectors, 3, add);
    if (m % 4 == 2) product_rows(y + o * row, w + o * so, x, n, so, si, vectors, 2, add);
    if (m % 4 == 1) product_rows(y + o * row, w + o * so, x, n, so, si, vectors, 1, add);
}

/* g[o * so + i * si] += sum over the data of e[o] * x[i] */
INLINE void outer_block(T *restrict g, const T *restrict e, const T *restrict x, long so, long si, int vectors,
                        const int os, const int is) {
    V total[3][4];
    long row = (long)vectors * LANES;
    UNROLLED for (int o = 0; o < os; o++) UNROLLED for (int i = 0; i < is; i++) total[o][i] = all(0);
    for (int v = 0; v < vectors; v++) {
        V in[4];
        UNROLLED for (int i = 0; i < is; i++) in[i] = load(x + i * row + v * LANES);
        UNROLLED for (int o = 0; o < os; o++) {
            V error = load(e + o * row + v * LANES);
            UNROLLED for (int i = 0; i < is; i++) total[o][i] += error * in[i];
        }
    }
    UNROLLED for (int o = 0; o < os; o++) UNROLLED for (int i = 0; i < is; i++) g[o * so + i * si] += sum(total[o][i]);
}

INLINE void outer_rows(T *g, const T *e, const T *x, int n, long so, long si, int vectors, const int os) {
    long row = (long)vectors * LANES;
    int i = 0;
    for (; i + 4 <= n; i += 4) outer_block(g + i * si, e, x + i * row, so, si, vectors, os, 4);
    if (n % 4 == 3) outer_block(g + i * si, e, x + i * row, so, si, vectors, os, 3);
    if (n % 4 == 2) outer_block(g + i * si, e, x + i * row, so, si, vectors, os, 2);
    if (n % 4 == 1) outer_block(g + i * si, e, x + i * row, so, si, vectors, os, 1);
}

INLINE void outer(T *g, const T *e, const T *x, int m, int n, long so, long si, int vectors) {
    long row = (long)vectors * LANES;
    int o = 0;
    for (; o + 3 <= m; o += 3) outer_rows(g + o * so, e + o * row, x, n, so, si, vectors, 3);
    if (m % 3 == 2) outer_rows(g + o * so, e + o * row, x, n, so, si, vectors, 2);
    if (m % 3 == 1) outer_rows(g + o * so, e + o * row, x, n, so, si, vectors, 1);
}

/* y[o] = bias[o * step] for every datum */
INLINE void start(T *y, const T *bias, long step, int m) {
    for (int o = 0; o < m; o++)
        for (int v = 0; v < VECTORS; v++) store(y + (o * VECTORS + v) * LANES, all(bias ? bias[o * step] : 0));
}

/* g[o * step] += the sum of e[o] */
INLINE void add_up(T *g, const T *e, long step, int m) {
    for (int o = 0; o < m; o++) {
        V total = all(0);
        for (int v = 0; v < VECTORS; v++) total += load(e + (o * VECTORS + v) * LANES);
        g[o * step] += sum(total);
    }
}

/* y[i] = the i-th number of each datum */
INLINE void read_numbers(T *y, const T *data, const int32_t *which, int count, int width, int first, int m) {
    for (int b = 0; b < count; b++)
        for (int i = 0; i < m; i++) y[i * TILE + b] = data[(long)which[b] * width + first + i];
    for (int i = 0; i < m; i++)
        for (int b = count; b < TILE; b++) y[i * TILE + b] = 0;
}

/* A look-up and the weights behind it are one table, worked out once for all tokens: see program.py */
INLINE void look_up(T *y, const T *table, const int32_t *data, const int32_t *which, int count, int width, int position,
                    int m, int tokens) {
    int32_t token[TILE];
    for (int b = 0; b < count; b++) token[b] = data[(long)which[b] * width + position];
    for (int o = 0; o < m; o++) {
        const T *row = table + o * tokens;
        for (int b = 0; b < count; b++) y[o * TILE + b] += row[token[b]];
    }
}

INLINE void add_to_table(T *table, const T *e, const int32_t *data, const int32_t *which, int count, int width,
                         int position, int m, int tokens) {
    for (int b = 0; b < count; b++) {
        T *column = table + data[(long)which[b] * width + position];
        for (int o = 0; o < m; o++) column[o * tokens] += e[o * TILE + b];
    }
}

INLINE void transpose(T *to, const T *from, int m, int tokens, int padded, long so, long si) {
    for (int o = 0; o < m; o++)
        for (int t = 0; t < padded; t++) to[o * padded + t] = t < tokens ? from[o * so + t * si] : 0;
}

INLINE void transpose_back(T *to, const T *from, int m, int tokens, int padded, long so, long si) {
    for (int o = 0; o < m; o++)
        for (int t = 0; t < tokens; t++) to[o * so + t * si] += from[o * padded + t];
}

/* e to the x, to the last bit or two; 2^n is written into the exponent */
INLINE V exponential(V x) {
#if IS_DOUBLE
    const T least = -708.0, most = 709.0, magic = 6755399441055744.0;
#else
    const T least = -87.0f, most = 88.0f, magic = 12582912.0f;
#endif
    x = pick(x < all(least), all(least), x);
    x = pick(x > all(most), all(most), x);
    V shifted = x * (T)1.44269504088896340736 + all(magic), n = shifted - all(magic);
#if IS_DOUBLE
    V r = x - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6;
    V p = all(1.0 / 6227020800);
    p = p * r + all(1.0 / 479001600);
    p = p * r + all(1.0 / 39916800);
    p = p * r + all(1.0 / 3628800);
    p = p * r + all(1.0 / 362880);
    p = p * r + all(1.0 / 40320);
    p = p * r + all(1.0 / 5040);
#else
    V r = x - n * 0.693359375f + n * 2.12194440e-4f;
    V p = all((T)(1.0 / 5040));
#endif
    p = p * r + all((T)(1.0 / 720));
    p = p * r + all((T)(1.0 / 120));
    p = p * r + all((T)(1.0 / 24));
    p = p * r + all((T)(1.0 / 6));
    p = p * r + all((T)0.5);
    p = p * r + all(1);
    p = p * r + all(1);
    return p * (V)(((VI)shifted << BITS) + (VI)all(1));
}

/* tanh by e^2x, but by its own series where that would cancel */
INLINE V hyperbolic(V x) {
    V s = x * x;
    V near = x + x * s * ((T)-1.0 / 3 + s * ((T)2.0 / 15 + s * ((T)-17.0 / 315 + s * ((T)62.0 / 2835 + s *
             ((T)-1382.0 / 155925 + s * (T)(21844.0 / 6081075))))));
    V far = all(1) - all(2) / (exponential(x + x) + all(1));
    return pick(s < all((T)0.0025), near, far);
}

/* Each turns the drives y into values, and writes the slopes there into d. */
#define ACTIVATION(name, ...)                                   \
    INLINE void apply_##name(T *y, T *d, int m) {               \
        for (int k = 0; k < m * VECTORS; k++) {                 \
            V z = load(y + k * LANES), value, slope;            \
            __VA_ARGS__                                         \
            store(y + k * LANES, value);                        \
            store(d + k * LANES, slope);                        \
        }                                                       \
    }

ACTIVATION(silu, {
    V s = all(1) / (all(1) + exponential(-z));
    value = z * s;
    slope = s + value * (all(1) - s);
})
ACTIVATION(relu, {
    value = pick(z > all(0), z, pick(z == z, all(0), z));
    slope = pick(z > all(0), all(1), all(0));
})
ACTIVATION(tanh, {
    value = hyperbolic(z);
    slope = all(1) - value * value;
})
ACTIVATION(selu, {
    const T scale = (T)1.0507009873554804934193349852946, alpha = (T)1.6732632423543772848170429916717;
    V grown = alpha * scale * exponential(z);
    value = pick(z > all(0), scale * z, grown - all(alpha * scale));
    slope = pick(z > all(0), all(scale), grown);
})
ACTIVATION(gelu_tanh, {
    const T root = (T)0.79788456080286535588;
    V s = z * z;
    V t = hyperbolic(root * (z + (T)0.044715 * s * z));
    value = (T)0.5 * z * (all(1) + t);
    slope = (T)0.5 * (all(1) + t) + (T)0.5 * z * (all(1) - t * t) * root * (all(1) + (T)0.134145 * s);
})
ACTIVATION(gelu, {
    V half;
    for (int k = 0; k < LANES; k++) half[k] = (T)0.5 * ((T)1 + MATH(erf)(z[k] * (T)0.70710678118654752440));
    value = z * half;
    slope = half + z * (T)0.39894228040143267794 * exponential((T)-0.5 * z * z);
})

INLINE void multiply(T *e, const T *d, int m) {
    for (int k = 0; k < m * VECTORS; k++) store(e + k * LANES, load(e + k * LANES) * load(d + k * LANES));
}

/* Each writes the slope of the mean loss by the outputs y into e, and returns a number that is finite if the loss is. */
INLINE T squared_error(T *e, const T *y, const T *targets, const int32_t *which, int count, int m, T share) {
    T loss = 0;
    for (int o = 0; o < m; o++) {
        for (int b = 0; b < count; b++) {
            T off = y[o * TILE + b] - targets[(long)which[b] * m + o];
            loss += off * off;
            e[o * TILE + b] = 2 * share * off;
        }
        for (int b = count; b < TILE; b++) e[o * TILE + b] = 0;
    }
    return loss * share;
}

INLINE T squared_error_of_classes(T *e, const T *y, const int32_t *targets, const int32_t *which, int count, int m,
                                  T share) {
    T loss = 0;
    for (int o = 0; o < m; o++) {
        for (int b = 0; b < count; b++) {
            T off = y[o * TILE + b] - (targets[which[b]] == o ? 1 : 0);
            loss += off * off;
            e[o * TILE + b] = 2 * share * off;
        }
        for (int b = count; b < TILE; b++) e[o * TILE + b] = 0;
    }
    return loss * share;
}

INLINE T cross_entropy(T *e, const T *y, const int32_t *targets, const int32_t *which, int count, int m, T share) {
    V strange = all(0);
    for (int v = 0; v < VECTORS; v++) {
        V most = load(y + v * LANES), total = all(0);
        for (int o = 1; o < m; o++) {
            V z = load(y + o * TILE + v * LANES);
            most = pick(z > most, z, most);
        }
        for (int o = 0; o < m; o++) {
            V z = load(y + o * TILE + v * LANES), grown = exponential(z - most);
            strange += z * (T)0;
            total += grown;
            store(e + o * TILE + v * LANES, grown);
        }
        V scale = share / total;
        for (int o = 0; o < m; o++) store(e + o * TILE + v * LANES, load(e + o * TILE + v * LANES) * scale);
    }
    for (int b = 0; b < count; b++) e[targets[which[b]] * TILE + b] -= share;
    for (int o = 0; o < m; o++)
        for (int b = count; b < TILE; b++) e[o * TILE + b] = 0;
    return sum(strange);
}

INLINE void add(T *restrict to, const T *restrict from, long count) {
    for (long k = 0; k < count; k++) to[k] += from[k];
}

static void *room_for(size_t size) {
    void *room = aligned_alloc(64, (size + 63) / 64 * 64);
    if (room) memset(room, 0, size);
    return room;
}

/* One step of AdamW; the price of a weight pulls it towards zero */
INLINE void descend(T *restrict w, T *restrict first, T *restrict second, const T *restrict g, const T *restrict price,
                    long count, long step, double rate, double decay) {
    const T left = (T)(1 - rate * decay);
    const T size = (T)(rate / (1 - pow(0.9, (double)step))), root = (T)sqrt(1 - pow(0.999, (double)step));
    for (long k = 0; k < count; k++) {
        T pull = w[k] > 0 ? price[k] : w[k] < 0 ? -price[k] : 0, slope = pull + g[k];
        first[k] += (T)(1 - 0.9) * (slope - first[k]);
        second[k] = (T)0.999 * second[k] + (T)(1 - 0.999) * slope * slope;
        w[k] = w[k] * left - size * first[k] / (MATH(sqrt)(second[k]) / root + (T)1e-8);
    }
}
