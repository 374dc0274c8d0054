/* One seed's layout: its weights as pulls, what every neuron would cost in every slot, and going round the populations. */
#include "assign.h"
#include "eigen.h"
#include <stdint.h>
#include <string.h>

enum { ROWS = 4, WIDE = 8, AXES = 3 };

typedef struct {
    long size, padded, start, blocks, dims, is_movable, is_sink;
    const double *slots;
    int64_t *places;
} Population;

typedef struct {
    long target, source, is_double, strides[3];
    const void *weight;
    double factor;
} Tie;

typedef struct {
    long populations, ties, total, largest, rounds, cuts, flips;
    const Population *population;
    const Tie *tie;
    const double *const *lengths; /* of slots of one population (rows) to those of another (padded to `WIDE`) */
} Net;

typedef struct {
    double *pulls, *pulled, *table, *cells, *within, *spectral, *vectors, *axes;
    long *pull_starts, *where, *trial, *best, *inside, *blocks, *stale, *order;
    Desk desk;
} Work;

static double *numbers_in(double **room, long count) {
    double *here = *room;
    *room += count;
    return here;
}

static long *indices_in(double **room, long count) { return (long *)numbers_in(room, count); }

/* Divides a room among all that a seed needs; without a room, tells how many numbers it must hold */
static long divide_room(Work *work, const Net *net, double *room) {
    long pulls = 0, size = net->largest, total = net->total;
    double *start = room;
    for (long t = 0; t < net->ties; t++)
        pulls += net->population[net->tie[t].target].size * net->population[net->tie[t].source].size;
    *work = (Work){
        .pulls = numbers_in(&room, pulls),
        .pulled = numbers_in(&room, pulls),
        .table = numbers_in(&room, size * size),
        .cells = numbers_in(&room, size * size),
        .within = numbers_in(&room, size * size),
        .vectors = numbers_in(&room, (AXES + 2) * (total + 1)),
        .axes = numbers_in(&room, AXES * total),
        .pull_starts = indices_in(&room, net->ties),
        .where = indices_in(&room, total),
        .trial = indices_in(&room, total),
        .best = indices_in(&room, total),
        .inside = indices_in(&room, size * size),
        .blocks = indices_in(&room, size),
        .stale = indices_in(&room, net->populations),
        .order = indices_in(&room, total),
        .desk = desk_in(numbers_in(&room, desk_numbers(size)), size),
        .spectral = numbers_in(&room, spectral_numbers(total) + total),
    };
    return room - start;
}

/* factor * |w| of every tie, as (target, source) and as (source, target); 0 if one is not finite */
static int read_weights(const Net *net, Work *work, long seed) {
    long start = 0;
    for (long t = 0; t < net->ties; t++) {
        const Tie *tie = net->tie + t;
        long rows = net->population[tie->target].size, columns = net->population[tie->source].size;
        double *pull = work->pulls + start, *pulled = work->pulled + start;
        work->pull_starts[t] = start;
        for (long n = 0; n < rows; n++)
            for (long j = 0; j < columns; j++) {
                long at = seed * tie->strides[0] + n * tie->strides[1] + j * tie->strides[2];
                double weight = tie->is_double ? ((const double *)tie->weight)[at] : ((const float *)tie->weight)[at];
                if (!isfinite(weight)) return 0;
                pull[n * columns + j] = pulled[j * rows + n] = tie->factor * fabs(weight);
            }
        start += rows * columns;
    }
    return 1;
}

static void read_places(const Net *net, Work *work, long seed) {
    for (long p = 0; p < net->populations; p++) {
        const Population *here = net->population + p;
        for (long n = 0; n < here->size; n++) work->where[here->start + n] = here->places[seed * here->size + n];
    }
}

static void write_places(const Net *net, const Work *work, long seed) {
    for (long p = 0; p < net->populations; p++) {
        const Population *here = net->population + p;
        for (long n = 0; n < here->size; n++) here->places[seed * here->size + n] = work->where[here->start + n];
    }
}

/* What the connections of `ROWS` neurons with a neighbouring population cost in `WIDE` slots, added to `cost` one by one */
static void add_costs(double cost[ROWS][WIDE], const double *const *pull, const double *lengths, long stride,
                      const long *where, long size) {
    for (long j = 0; j < size; j++) {
        const double *length = lengths + where[j] * stride;
        for (int row = 0; row < ROWS; row++)
            for (int k = 0; k < WIDE; k++) cost[row][k] += pull[row][j] * length[k];
    }
}

/* table[n, k]: what each neuron of a population would cost in each slot, all other neurons fixed */
static void price(const Net *net, const Work *work, const long *where, long p, double *table) {
    const Population *here = net->population + p;
    long size = here->size;
    for (long n = 0; n < size; n += ROWS)
        for (long k = 0; k < here->padded; k += WIDE) {
            double cost[ROWS][WIDE] = {0};
            for (long t = 0; t < net->ties; t++) {
                const Tie *tie = net->tie + t;
                if (tie->target != p && tie->source != p) continue;
                long other = tie->target == p ? tie->source : tie->target;
                const Population *there = net->population + other;
                const double *pulls = (tie->target == p ? work->pulls : work->pulled) + work->pull_starts[t];
                const double *lengths = net->lengths[other * net->populations + p] + k, *pull[ROWS];
                for (long row = 0; row < ROWS; row++) pull[row] = pulls + (n + row < size ? n + row : n) * there->size;
                add_costs(cost, pull, lengths, here->padded, where + there->start, there->size);
            }
            long last = size - k < WIDE ? size - k : WIDE;
            for (long row = 0; row < ROWS && n + row < size; row++)
                memcpy(table + (n + row) * size + k, cost[row], last * sizeof **cost);
        }
}

/* The cheapest slots when blocks of neurons stay together in blocks of slots; 0 if there are none */
static int cheapest_slots(Work *work, const double *table, long size, long blocks, long *best) {
    if (blocks == 1) return solve(table, best, size, &work->desk);
    long width = size / blocks;
    for (long b = 0; b < blocks; b++)
        for (long c = 0; c < blocks; c++) {
            long *inside = work->inside + (b * blocks + c) * width;
            for (long n = 0; n < width; n++)
                memcpy(work->cells + n * width, table + (b * width + n) * size + c * width, width * sizeof *table);
            if (!solve(work->cells, inside, width, &work->desk)) return 0;
            double cost = work->cells[inside[0]];
            for (long n = 1; n < width; n++) cost += work->cells[n * width + inside[n]];
            work->within[b * blocks + c] = cost;
        }
    if (!solve(work->within, work->blocks, blocks, &work->desk)) return 0;
    for (long b = 0; b < blocks; b++)
        for (long n = 0; n < width; n++) {
            long c = work->blocks[b];
            best[b * width + n] = c * width + work->inside[(b * blocks + c) * width + n];
        }
    return 1;
}

/* Lays out one population, where that is worth more than rounding; tells whether it did */
static int lay_out(const Net *net, Work *work, long *where, long p) {
    const Population *here = net->population + p;
    long *place = where + here->start, size = here->size;
    double gain = 0, most = 0;
    price(net, work, where, p, work->table);
    if (!cheapest_slots(work, work->table, size, here->blocks, work->best)) return 0;
    for (long n = 0; n < size; n++) gain += work->table[n * size + work->best[n]] - work->table[n * size + place[n]];
    for (long k = 0; k < size * size; k++) most = fmax(most, work->table[k]);
    if (!(gain < -1e-12 * most)) return 0;
    memcpy(place, work->best, size * sizeof *place);
    return 1;
}

/* Goes round the populations until nothing moves; what no neighbour has moved beside stays as it is */
static void go_round(const Net *net, Work *work, long *where) {
    for (long p = 0; p < net->populations; p++)
        work->stale[p] = net->population[p].is_movable && net->population[p].size > 1;
    for (long round = 0; round < net->rounds; round++) {
        long moved = 0;
        for (long p = 0; p < net->populations; p++) {
            if (!work->stale[p]) continue;
            work->stale[p] = 0;
            if (!lay_out(net, work, where, p)) continue;
            moved = 1;
            for (long t = 0; t < net->ties; t++) {
                long other = net->tie[t].target == p ? net->tie[t].source : net->tie[t].target;
                if (net->tie[t].target == p || net->tie[t].source == p)
                    work->stale[other] = net->population[other].is_movable && net->population[other].size > 1;
            }
        }
        if (!moved) return;
    }
}

static double cost_of(const Net *net, const Work *work, const long *where) {
    double total = 0;
    for (long t = 0; t < net->ties; t++) {
        const Population *to = net->population + net->tie[t].target, *from = net->population + net->tie[t].source;
        const double *lengths = net->lengths[net->tie[t].target * net->populations + net->tie[t].source];
        const double *pull = work->pulls + work->pull_starts[t];
        for (long n = 0; n < to->size; n++) {
            const double *length = lengths + where[to->start + n] * from->padded;
            for (long j = 0; j < from->size; j++) total += pull[n * from->size + j] * length[where[from->start + j]];
        }
    }
    return total;
}
