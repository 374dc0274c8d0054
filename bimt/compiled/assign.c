/* Linear assignments, table by table: shortest augmenting paths with dual prices (Crouse 2016, doi
   10.1109/TAES.2016.140952), ties broken as scipy breaks them, so that a layout does not depend on who solves it. */
#include <math.h>
#include <stdlib.h>

/* best[n] becomes the slot of neuron n in the cheapest assignment of one table (neurons, slots); 0 if there is one */
static int solve(const double *table, long *best, long size, double *numbers, long *indices) {
    double *paid = numbers, *price = numbers + size, *path_cost = numbers + 2 * size;
    long *before = indices, *owner = indices + size, *open = indices + 2 * size, *closed = indices + 3 * size;
    for (long k = 0; k < size; k++) {
        paid[k] = price[k] = 0;
        best[k] = owner[k] = -1;
    }
    for (long newcomer = 0; newcomer < size; newcomer++) {
        long count = size, shut = 0, neuron = newcomer, end = -1;
        double so_far = 0;
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
            if (nearest < 0 || least == INFINITY) return 1;
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
            if (taker == newcomer) break;
            slot = left;
        }
    }
    return 0;
}

/* The same for many tables; returns how many have an answer, from the first on */
long assign(const double *tables, long *best, long count, long size) {
    double *numbers = malloc(3 * size * sizeof *numbers);
    long *indices = malloc(4 * size * sizeof *indices), done = 0;
    if (numbers && indices)
        for (; done < count; done++)
            if (solve(tables + done * size * size, best + done * size, size, numbers, indices)) break;
    free(numbers);
    free(indices);
    return done;
}
