/* The cheapest assignment of neurons to slots: shortest augmenting paths with dual prices (Crouse 2016, doi
   10.1109/TAES.2016.140952), ties broken as scipy breaks them, so that a layout does not depend on who solves it.

   Where all neurons want the same slots these paths are long, and the time grows faster than the cube of the size. Large
   tables are therefore started by an auction (Bertsekas 1988, doi 10.1007/BF02186476): neurons outbid each other, first
   in coarse steps, then in ever finer ones. Any prices are a valid start, so what follows is exact all the same. */
#include <math.h>
#include <stdlib.h>

enum { LARGE = 512, LANES = 8, BIDS = 200, SAMPLE = 64 };

typedef struct {
    double *paid, *price, *path_cost;
    long *before, *owner, *open, *closed;
} Desk;

static long desk_numbers(long size) { return 7 * size; }

static Desk desk_in(double *room, long size) {
    long *rest = (long *)(room + 3 * size);
    return (Desk){room, room + size, room + 2 * size, rest, rest + size, rest + 2 * size, rest + 3 * size};
}

/* Gives a newcomer a slot along the shortest augmenting path; 0 if there is none */
static int seat(const double *table, long *best, long size, long newcomer, Desk *desk) {
    double *paid = desk->paid, *price = desk->price, *path_cost = desk->path_cost, so_far = 0;
    long *before = desk->before, *owner = desk->owner, *open = desk->open, *closed = desk->closed;
    long count = size, shut = 0, neuron = newcomer, end = -1;
    for (long k = 0; k < size; k++) {
        open[k] = size - 1 - k;
        path_cost[k] = INFINITY;
    }
    while (end < 0) {
        long nearest = -1;
        double least = INFINITY;
        const double *row = table + neuron * size;
        for (long k = 0; k < count; k++) {
            long slot = open[k];
            double cost = so_far + row[slot] - paid[neuron] - price[slot];
            if (cost < path_cost[slot]) {
                before[slot] = neuron;
                path_cost[slot] = cost;
            }
            if (path_cost[slot] < least || (path_cost[slot] == least && owner[slot] < 0)) {
                least = path_cost[slot];
                nearest = k;
            }
        }
        if (nearest < 0 || least == INFINITY) return 0;
        so_far = least;
        long slot = open[nearest];
        closed[shut++] = slot;
        open[nearest] = open[--count];
        if (owner[slot] < 0) end = slot;
        else neuron = owner[slot];
    }
    paid[newcomer] += so_far;
    for (long k = 0; k < shut; k++) {
        long slot = closed[k];
        if (owner[slot] >= 0) paid[owner[slot]] += so_far - path_cost[slot];
        price[slot] -= so_far - path_cost[slot];
    }
    for (long slot = end;;) {
        long taker = before[slot], left = best[taker];
        owner[slot] = taker;
        best[taker] = slot;
        if (taker == newcomer) return 1;
        slot = left;
    }
}

typedef struct {
    double least, next;
    long slot;
} Offer;

/* The cheapest slot for a neuron at these prices, what it costs there, and in the cheapest of the others */
static Offer cheapest(const double *row, const double *price, long size) {
    double least[LANES], next[LANES];
    long at[LANES], k = 0;
    for (int lane = 0; lane < LANES; lane++) {
        least[lane] = next[lane] = INFINITY;
        at[lane] = -1;
    }
    for (; k + LANES <= size; k += LANES)
        for (int lane = 0; lane < LANES; lane++) {
            double cost = row[k + lane] - price[k + lane];
            int is_lower = cost < least[lane];
            double other = is_lower ? least[lane] : cost;
            next[lane] = other < next[lane] ? other : next[lane];
            at[lane] = is_lower ? k + lane : at[lane];
            least[lane] = is_lower ? cost : least[lane];
        }
    Offer found = {INFINITY, INFINITY, -1};
    for (int lane = 0; lane < LANES; lane++) {
        if (least[lane] < found.least) found = (Offer){least[lane], fmin(found.least, next[lane]), at[lane]};
        else found.next = fmin(found.next, least[lane]);
    }
    for (; k < size; k++) {
        double cost = row[k] - price[k];
        if (cost < found.least) found = (Offer){cost, found.least, k};
        else if (cost < found.next) found.next = cost;
    }
    return found;
}

static int ascending(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* What slots usually differ by for a neuron, from a sample of both; it is small beside the spread of a table with a few
   very large numbers */
static double usual_difference(const double *table, long size) {
    double found[SAMPLE * SAMPLE];
    for (long n = 0; n < SAMPLE; n++) {
        const double *row = table + n * size / SAMPLE * size;
        double least = INFINITY;
        for (long k = 0; k < size; k++) least = fmin(least, row[k]);
        for (long k = 0; k < SAMPLE; k++) found[n * SAMPLE + k] = row[k * size / SAMPLE] - least;
    }
    qsort(found, SAMPLE * SAMPLE, sizeof *found, ascending);
    return found[SAMPLE * SAMPLE / 2];
}

/* Sells the slots in ever finer steps, and leaves prices near the dual ones and who bought what; a slot is dearer by one
   step, at least, each time it is sold */
static void sell(const double *table, long *best, long size, double spread, Desk *desk) {
    double *price = desk->price, usual = usual_difference(table, size);
    long *owner = desk->owner, *waiting = desk->open, bids = 0;
    double last = usual > 0 ? 1e-6 * usual : 1e-9 * spread;
    for (double step = spread / 10;; step = fmax(step / 5, last)) {
        long count = size;
        for (long k = 0; k < size; k++) {
            best[k] = owner[k] = -1;
            waiting[k] = size - 1 - k;
        }
        for (; count; bids++) {
            if (bids == BIDS * size) return;
            long neuron = waiting[--count];
            Offer offer = cheapest(table + neuron * size, price, size);
            long loser = owner[offer.slot];
            price[offer.slot] -= offer.next - offer.least + step;
            owner[offer.slot] = neuron;
            best[neuron] = offer.slot;
            if (loser >= 0) {
                best[loser] = -1;
                waiting[count++] = loser;
            }
        }
        if (step <= last) return;
    }
}

/* Sells the slots, then sends away every neuron that has not got the cheapest slot there is at these prices */
static void start_by_auction(const double *table, long *best, long size, double spread, Desk *desk) {
    sell(table, best, size, spread, desk);
    for (long k = 0; k < size; k++) desk->owner[k] = -1;
    for (long n = 0; n < size; n++) {
        const double *row = table + n * size;
        Offer offer = cheapest(row, desk->price, size);
        long bought = best[n];
        desk->paid[n] = offer.least;
        if (bought < 0 || row[bought] - desk->price[bought] > offer.least) bought = offer.slot;
        best[n] = desk->owner[bought] < 0 ? bought : -1;
        if (best[n] >= 0) desk->owner[bought] = n;
    }
}

static double spread_of(const double *table, long size) {
    double least = INFINITY, most = -INFINITY;
    for (long k = 0; k < size * size; k++) {
        if (!isfinite(table[k])) return INFINITY;
        least = fmin(least, table[k]);
        most = fmax(most, table[k]);
    }
    return most - least;
}

/* best[n] becomes the slot of neuron n in the cheapest assignment of one table (neurons, slots); 0 if there is none */
static int solve(const double *table, long *best, long size, Desk *desk) {
    for (long k = 0; k < size; k++) {
        desk->paid[k] = desk->price[k] = 0;
        best[k] = desk->owner[k] = -1;
    }
    double spread = size < LARGE ? 0 : spread_of(table, size);
    if (spread > 0 && isfinite(spread)) start_by_auction(table, best, size, spread, desk);
    for (long newcomer = 0; newcomer < size; newcomer++)
        if (best[newcomer] < 0 && !seat(table, best, size, newcomer, desk)) return 0;
    return 1;
}
