/* Some eigenvectors of a small symmetric matrix: reflections make it tridiagonal, counting signs finds the largest
   eigenvalues, inverse iteration their vectors (Golub and Van Loan, Matrix Computations, 8.3 and 8.4). */
#include <math.h>
#include <string.h>

#define NOTHING 1e-30 /* beside eigenvalues up to 1; rows that are alike leave nothing but rounding of rounding */

enum { SHIFTS = 8, REPEATS = 3, PASSES = 18 };

typedef struct {
    double *matrix, *main, *side, *scale, *pivots;
} Spectral;

/* The numbers that `Spectral` needs for a size, its parts one behind the other: three rows of pivots */
static long spectral_numbers(long size) { return size * size + 3 * size + 3 * size; }

static Spectral spectral_in(double *numbers, long size) {
    double *rest = numbers + size * size;
    return (Spectral){numbers, rest, rest + size, rest + 2 * size, rest + 3 * size};
}

static double product_of(const double *one, const double *other, long size) {
    double lanes[SHIFTS] = {0}, total = 0;
    long k = 0;
    for (; k + SHIFTS <= size; k += SHIFTS)
        for (int lane = 0; lane < SHIFTS; lane++) lanes[lane] += one[k + lane] * other[k + lane];
    for (int lane = 0; lane < SHIFTS; lane++) total += lanes[lane];
    for (; k < size; k++) total += one[k] * other[k];
    return total;
}

static void add_to(double *to, const double *from, double times, long size) {
    for (long k = 0; k < size; k++) to[k] += times * from[k];
}

/* Leaves the diagonal and what stands beside it; row k keeps the reflection that cleared it */
static void make_tridiagonal(Spectral s, long size, double *room) {
    double *matrix = s.matrix;
    for (long k = 0; k + 1 < size; k++) {
        double *mirror = matrix + k * size + k + 1;
        long rest = size - k - 1;
        double length = sqrt(product_of(mirror, mirror, rest));
        s.main[k] = matrix[k * size + k];
        s.side[k] = s.scale[k] = 0;
        if (length < NOTHING) continue;
        s.side[k] = mirror[0] > 0 ? -length : length;
        mirror[0] -= s.side[k];
        s.scale[k] = 2 / product_of(mirror, mirror, rest);
        double *corner = matrix + (k + 1) * size + k + 1;
        memset(room, 0, rest * sizeof *room);
        for (long j = 0; j < rest; j++) add_to(room, corner + j * size, s.scale[k] * mirror[j], rest);
        add_to(room, mirror, -s.scale[k] / 2 * product_of(room, mirror, rest), rest);
        for (long j = 0; j < rest; j++) {
            double *row = corner + j * size, one = mirror[j], other = room[j];
            for (long i = 0; i < rest; i++) row[i] -= one * room[i] + other * mirror[i];
        }
    }
    s.main[size - 1] = matrix[size * size - 1];
    s.side[size - 1] = 0;
}

/* The eigenvalue that `above` others lie above; the matrix has none outside -1.5 ... 1.5 */
static double eigenvalue(Spectral s, long size, long above) {
    double low = -1.5, high = 1.5;
    for (int pass = 0; pass < PASSES; pass++) {  /* each leaves a ninth of the interval */
        double at[SHIFTS], left[SHIFTS], width = (high - low) / (SHIFTS + 1);
        double count[SHIFTS] = {0};
        for (int i = 0; i < SHIFTS; i++) {
            at[i] = low + (i + 1) * width;
            left[i] = 1;
        }
        for (long k = 0; k < size; k++) {
            double square = k ? s.side[k - 1] * s.side[k - 1] : 0;
            for (int i = 0; i < SHIFTS; i++) {
                double next = s.main[k] - at[i] - square / left[i];
                left[i] = fabs(next) < 1e-200 ? 1e-200 : next;
                count[i] += left[i] > 0;
            }
        }
        for (int i = 0; i < SHIFTS; i++) {
            if (count[i] > above) low = at[i];
            else high = fmin(high, at[i]);
        }
    }
    return (low + high) / 2;
}

/* Solves (tridiagonal - shift) x = x by elimination with row exchanges; small pivots stand for zeros */
static void solve_shifted(Spectral s, double shift, double *x, long size) {
    double *first = s.pivots, *second = first + size, *third = second + size;
    double here = s.main[0] - shift, next = s.side[0];
    for (long k = 0; k + 1 < size; k++) {
        double below = s.side[k], diagonal = s.main[k + 1] - shift, beside = s.side[k + 1];
        if (fabs(below) > fabs(here)) {
            double times = here / below, other = x[k + 1];
            first[k] = below, second[k] = diagonal, third[k] = beside;
            here = next - times * diagonal, next = -times * beside;
            x[k + 1] = x[k] - times * other;
            x[k] = other;
        } else {
            if (fabs(here) < 1e-17) here = 1e-17;
            double times = below / here;
            first[k] = here, second[k] = next, third[k] = 0;
            here = diagonal - times * next, next = beside;
            x[k + 1] -= times * x[k];
        }
    }
    first[size - 1] = fabs(here) < 1e-17 ? 1e-17 : here;
    second[size - 1] = third[size - 1] = 0;
    for (long k = size - 1; k >= 0; k--) {
        if (k + 1 < size) x[k] -= second[k] * x[k + 1];
        if (k + 2 < size) x[k] -= third[k] * x[k + 2];
        x[k] /= first[k];
    }
}

static void make_unit(double *x, long size) {
    double most = 0;
    for (long k = 0; k < size; k++) most = fmax(most, fabs(x[k]));
    for (long k = 0; k < size; k++) x[k] /= most > 0 ? most : 1;
    double length = sqrt(product_of(x, x, size));
    for (long k = 0; k < size; k++) x[k] /= length > 0 ? length : 1;
}

/* vectors[i] becomes the eigenvector of the eigenvalue number i from the top, values[i] that eigenvalue; one more value
   than vectors. s.matrix holds the matrix and is used up. */
static void largest(Spectral s, long size, long count, double *vectors, double *values, double *room) {
    make_tridiagonal(s, size, room);
    for (long i = 0; i <= count; i++) values[i] = i < size ? eigenvalue(s, size, i) : -INFINITY;
    for (long i = 0; i < count; i++) {
        double *x = vectors + i * size;
        for (long k = 0; k < size; k++) x[k] = 1 + fmod(0.6180339887498949 * ((i + 1) * size + k), 1);
        for (int repeat = 0; repeat < REPEATS; repeat++) {
            for (long j = 0; j < i; j++) add_to(x, vectors + j * size, -product_of(x, vectors + j * size, size), size);
            make_unit(x, size);
            solve_shifted(s, values[i], x, size);
            make_unit(x, size);
        }
        for (long j = 0; j < i; j++) add_to(x, vectors + j * size, -product_of(x, vectors + j * size, size), size);
        make_unit(x, size);
    }
    for (long i = 0; i < count; i++)
        for (long k = size - 2; k >= 0; k--) {
            double *part = vectors + i * size + k + 1, *mirror = s.matrix + k * size + k + 1;
            add_to(part, mirror, -s.scale[k] * product_of(part, mirror, size - k - 1), size - k - 1);
        }
}
