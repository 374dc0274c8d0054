/* The training loop of one seed; program.py defines everything that it calls before. */

static long steps_of(Crew *crew, const int32_t *chosen, long begun, long steps, double rate, double decay,
                     double *last) {
    Seed *s = crew->batch.seed;
    Room *r = crew->rooms[0];
    for (long step = 0; step < steps; step++) {
        crew->batch.chosen = chosen ? chosen + step * BATCH : NULL;
        tables(s);
        __atomic_store_n(&crew->asked, (step + 1) * PARTS, __ATOMIC_RELEASE);
        work_on(crew);
        wait_beyond(&crew->done, (step + 1) * PARTS - 1);
        for (int part = 1; part < PARTS; part++) join(r, crew->rooms[part]);
        *last = r->loss;
        if (!(r->loss - r->loss == 0)) return step;
        finish(s, r);
        descend(s->w, s->first, s->second, r->g, s->price, WEIGHTS, begun + step + 1, rate, decay);
    }
    return steps;
}

/* Trains one of all seeds in place and returns the steps taken: fewer if the next loss, `last`, is no finite number */
long train(T *w, T *first, T *second, T *price, const T *numbers, const int32_t *tokens, const Target *targets,
           const int32_t *chosen, long seeds, long seed, long begun, long steps, double rate, double decay, double *last,
           int workers) {
    Seed *s = room_for(sizeof(Seed));
    Crew crew = {.batch = {s, numbers, tokens, NULL, targets}};
    int has_room = s != NULL;
    for (int part = 0; part < PARTS; part++) has_room &= (crew.rooms[part] = room_for(sizeof(Room))) != NULL;
    long taken = -1;
    if (has_room) {
        pthread_t threads[PARTS];
        int most = workers < PARTS ? workers : PARTS, started = 0;
        fetch(s->w, w, seeds, seed);
        fetch(s->first, first, seeds, seed);
        fetch(s->second, second, seeds, seed);
        fetch(s->price, price, seeds, seed);
        while (started + 1 < most && !pthread_create(&threads[started], NULL, help, &crew)) started++;
        taken = steps_of(&crew, chosen, begun, steps, rate, decay, last);
        __atomic_store_n(&crew.asked, -1, __ATOMIC_RELEASE);
        for (int number = 0; number < started; number++) pthread_join(threads[number], NULL);
        give(s->w, w, seeds, seed);
        give(s->first, first, seeds, seed);
        give(s->second, second, seeds, seed);
    }
    for (int part = 0; part < PARTS; part++) free(crew.rooms[part]);
    free(s);
    return taken;
}
