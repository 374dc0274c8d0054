/* Neurons of many seeds move to cheaper places: the arithmetic of bimt/swaps.py and bimt/spectral.py, seed by seed, term
   by term in the same order, so that both come to the same layouts. What is passed is described in moves.py. */
#include "moves.h"
#include "proposals.h"

/* Moves the neurons of some seeds; axes are what `propose` orders neurons by, NULL where it works them out.
   Returns 0; 1 if a weight is no finite number, -1 without memory. */
long move(const Net *net, long first, long count, long proposes, const double *axes) {
    Work work;
    long found = 0;
    if (!open_work(&work, net)) return -1;
    for (long seed = first; seed < first + count && !found; seed++) {
        if (!read_weights(net, &work, seed)) found = 1;
        else {
            read_places(net, &work, seed);
            go_round(net, &work, work.where);
            if (proposes) improve(net, &work, axes ? axes + seed * net->cuts * AXES * net->total : NULL);
            write_places(net, &work, seed);
        }
    }
    close_work(&work);
    return found;
}
