/* Linear assignments, table by table; the ways to them are in assign.h */
#include "assign.h"

/* The cheapest assignment of many tables; returns how many have one, from the first on; -1 without memory */
long assign(const double *tables, long *best, long count, long size) {
    double *room = malloc((desk_numbers(size) + 1) * sizeof *room);
    long done = 0;
    if (!room) return -1;
    Desk desk = desk_in(room, size);
    while (done < count && solve(tables + done * size * size, best + done * size, size, &desk)) done++;
    free(room);
    return done;
}
