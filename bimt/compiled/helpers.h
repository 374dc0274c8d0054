/* Threads that work on parts of one batch, step after step; program.py defines Seed, Room and Target before. */
#include <pthread.h>
#include <sched.h>

typedef struct {
    Seed *seed;
    const T *numbers;
    const int32_t *tokens, *chosen;
    const Target *targets;
} Batch;

typedef struct {
    Room *rooms[PARTS];
    Batch batch;
    int workers;  /* this many threads, the caller among them; part p is worked on by number p modulo workers */
    long asked;   /* the step that is to be worked on, from 1; -1 ends the work */
    long done;    /* how many helpers are done, over all steps */
} Crew;

typedef struct {
    Crew *crew;
    int number;
} Helper;

static void work(Room *room, const Batch *batch, int part);

static void work_all(Crew *crew, int number) {
    for (int part = number; part < PARTS; part += crew->workers) work(crew->rooms[part], &crew->batch, part);
}

static long wait_beyond(const long *value, long least) {
    for (long turn = 0;; turn++) {
        long found = __atomic_load_n(value, __ATOMIC_ACQUIRE);
        if (found < 0 || found > least) return found;
        if (turn > 4000) sched_yield();
    }
}

static void *help(void *given) {
    Helper *helper = given;
    for (long step = 0; wait_beyond(&helper->crew->asked, step) >= 0; step++) {
        work_all(helper->crew, helper->number);
        __atomic_fetch_add(&helper->crew->done, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}
