/* Linear assignments, table by table; the ways to them are in assign.h */
#include "assign.h"

/* The cheapest assignment of many tables; returns how many have one, from the first on; -1 without memory */
long assign(const double *tables, long *best, long count, long size) {
    Desk desk;
    long done = 0;
    if (!open_desk(&desk, size)) return -1;
    while (done < count && solve(tables + done * size * size, best + done * size, size, &desk)) done++;
    close_desk(&desk);
    return done;
}
