/* Whole layouts for one seed, all its neurons in the order of low eigenvectors of its graph, as in bimt/spectral.py. */

#define COUPLING 1e-4
#define SAME_VALUE 1e-6
#define SAME_PLACE 1e-8

static const long PAIRS[3][2] = {{0, 1}, {1, 2}, {2, 0}};

/* |w| between all neurons, a row per neuron; `cut`: without what leads to sinks */
static void join(const Net *net, const Work *work, double *matrix, long cut) {
    memset(matrix, 0, net->total * net->total * sizeof *matrix);
    for (long t = 0; t < net->ties; t++) {
        const Tie *tie = net->tie + t;
        const Population *to = net->population + tie->target, *from = net->population + tie->source;
        const double *pull = work->pulls + work->pull_starts[t];
        if (cut && to->is_sink) continue;
        for (long n = 0; n < to->size; n++)
            for (long j = 0; j < from->size; j++) {
                matrix[(to->start + n) * net->total + from->start + j] += pull[n * from->size + j];
                matrix[(from->start + j) * net->total + to->start + n] += pull[n * from->size + j];
            }
    }
}

/* Couples all neurons a little and divides by the roots of what each is joined by */
static void scale(double *matrix, double *root, long size) {
    double all = 0;
    for (long k = 0; k < size * size; k++) all += matrix[k];
    double coupling = COUPLING * fmax(all / size, 1e-300) / size;
    for (long n = 0; n < size; n++) {
        root[n] = 0;
        for (long k = 0; k < size; k++) root[n] += matrix[n * size + k] += coupling;
        root[n] = sqrt(root[n]);
    }
    for (long n = 0; n < size; n++)
        for (long k = 0; k < size; k++) matrix[n * size + k] /= root[n] * root[k];
}

/* Puts every neuron of a sink where those it is joined to are on average */
static void seat_sinks(const Net *net, const Work *work, double *axis) {
    for (long p = 0; p < net->populations; p++)
        if (net->population[p].is_sink)
            for (long n = 0; n < net->population[p].size; n++) {
                double sum = 0, pulls = 0;
                for (long t = 0; t < net->ties; t++) {
                    if (net->tie[t].target != p) continue;
                    const Population *from = net->population + net->tie[t].source;
                    const double *pull = work->pulls + work->pull_starts[t] + n * from->size;
                    sum += product_of(pull, axis + from->start, from->size);
                    for (long j = 0; j < from->size; j++) pulls += pull[j];
                }
                axis[net->population[p].start + n] = sum / fmax(pulls, 1e-300);
            }
}

/* Makes the largest number of an axis 1; the first of those that are as large decides the sign */
static void normalise(double *axis, long size) {
    double most = 0;
    long first = 0;
    for (long n = 0; n < size; n++) most = fmax(most, fabs(axis[n]));
    if (!(most > 0)) return;
    while (fabs(axis[first]) <= most * (1 - SAME_VALUE)) first++;
    double sign = axis[first] < 0 ? -1 : 1;
    for (long n = 0; n < size; n++) axis[n] = sign * axis[n] / most;
}

/* The axes (axis, neuron) of the graph of a seed; one that shares its eigenvalue is no axis, and stays zero */
static void find_axes(const Net *net, Work *work, long cut) {
    long size = net->total, vectors = size - 1 < AXES ? size - 1 : AXES;
    Spectral spectral = spectral_in(work->spectral, size);
    double *root = work->axes, *room = work->spectral + spectral_numbers(size);
    double *values = work->vectors + (AXES + 1) * size;
    join(net, work, spectral.matrix, cut);
    scale(spectral.matrix, root, size);
    largest(spectral, size, vectors + 1, work->vectors, values, room);
    for (long n = 0; n < size; n++)
        for (long i = 1; i <= vectors; i++) work->vectors[i * size + n] /= root[n];
    for (long i = 1; i <= AXES; i++) {
        double *axis = work->axes + (i - 1) * size;
        if (i > vectors || values[i - 1] - values[i] < SAME_VALUE || values[i] - values[i + 1] < SAME_VALUE) {
            memset(axis, 0, size * sizeof *axis);
            continue;
        }
        memcpy(axis, work->vectors + i * size, size * sizeof *axis);
        if (cut) seat_sinks(net, work, axis);
        normalise(axis, size);
    }
}

/* order[n]: how many neurons come before neuron n; those that are as good as level stand by their numbers */
static void rank(const double *axis, double sign, long size, long *by_value, long *order) {
    for (long n = 0; n < size; n++) {
        long k = n;
        for (; k > 0 && sign * axis[by_value[k - 1]] > sign * axis[n]; k--) by_value[k] = by_value[k - 1];
        by_value[k] = n;
    }
    for (long from = 0, to = 1; from < size; from = to++) {
        while (to < size && sign * axis[by_value[to]] - sign * axis[by_value[to - 1]] <= SAME_PLACE) to++;
        for (long i = from + 1; i < to; i++) {
            long n = by_value[i], k = i;
            for (; k > from && by_value[k - 1] > n; k--) by_value[k] = by_value[k - 1];
            by_value[k] = n;
        }
    }
    for (long k = 0; k < size; k++) order[by_value[k]] = k;
}

/* Turns the values of a population's neurons along its axes into slots: ranks become coordinates */
static void place(const Net *net, Work *work, long p, const double *const *axes, double sign, long *slots) {
    const Population *here = net->population + p;
    long size = here->size;
    double *table = work->table;
    memset(table, 0, size * size * sizeof *table);
    for (long dim = 0; dim < here->dims; dim++) {
        rank(axes[dim] + here->start, sign, size, work->best, work->order);
        for (long n = 0; n < size; n++) {
            double wanted = (work->order[n] + 0.5) / size;
            for (long k = 0; k < size; k++) table[n * size + k] += fabs(wanted - here->slots[k * here->dims + dim]);
        }
    }
    cheapest_slots(work, table, size, here->blocks, slots);
}

/* Tries whole layouts, each improved; the cheapest stays, the current one unless another is better by more than rounding */
static void improve(const Net *net, Work *work, const double *given) {
    double least = cost_of(net, work, work->where) * (1 - 1e-9);
    long count = net->total - 1 < AXES ? net->total - 1 : AXES;
    for (long cut = 0; cut < net->cuts; cut++) {
        if (given) memcpy(work->axes, given + cut * AXES * net->total, AXES * net->total * sizeof *given);
        else find_axes(net, work, cut);
        for (long pair = 0; pair < 3; pair++)
            for (long flip = 0; flip < net->flips; flip++) {
                const double *axes[2];
                for (long i = 0; i < 2; i++) axes[i] = work->axes + PAIRS[pair][i] % count * net->total;
                for (long p = 0; p < net->populations; p++) {
                    long start = net->population[p].start, size = net->population[p].size;
                    if (net->population[p].is_movable) place(net, work, p, axes, flip ? -1 : 1, work->trial + start);
                    else memcpy(work->trial + start, work->where + start, size * sizeof *work->trial);
                }
                go_round(net, work, work->trial);
                double cost = cost_of(net, work, work->trial);
                if (cost < least) {
                    least = cost * (1 - 1e-9);
                    memcpy(work->where, work->trial, net->total * sizeof *work->where);
                }
            }
    }
}
