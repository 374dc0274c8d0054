/* Neurons of many seeds move to cheaper places: the arithmetic of bimt/swaps.py and bimt/spectral.py, seed by seed, term
   by term in the same order, so that both come to the same layouts. What is passed is described in moves.py. */
#include "moves.h"
#include "proposals.h"

/* How many numbers the room of one core must hold */
long room_of(const Net *net) {
    static double nothing[1];
    Work work;
    return divide_room(&work, net, nothing);
}

/* Moves the neurons of some seeds; axes are what proposals order neurons by, NULL where it works them out.
   Returns how many of them, from the first on, have weights that are finite numbers. */
long move(const Net *net, long first, long count, long proposes, const double *axes, double *room) {
    Work work;
    divide_room(&work, net, room);
    for (long done = 0; done < count; done++) {
        long seed = first + done;
        if (!read_weights(net, &work, seed)) return done;
        read_places(net, &work, seed);
        go_round(net, &work, work.where);
        if (proposes) improve(net, &work, axes ? axes + seed * net->cuts * AXES * net->total : NULL);
        write_places(net, &work, seed);
    }
    return count;
}
