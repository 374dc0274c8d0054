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
    long asked;   /* parts that may be worked on, over all steps; -1 ends the work */
    long taken;   /* parts that somebody has begun */
    long done;    /* parts that are finished */
} Crew;

static void work(Room *room, const Batch *batch, int part);

/* Works on parts as long as there are any that nobody has begun: who is held up holds up one part at most */
static void work_on(Crew *crew) {
    for (;;) {
        long part = __atomic_load_n(&crew->taken, __ATOMIC_ACQUIRE);
        do {
            if (part >= __atomic_load_n(&crew->asked, __ATOMIC_ACQUIRE)) return;
        } while (!__atomic_compare_exchange_n(&crew->taken, &part, part + 1, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
        work(crew->rooms[part % PARTS], &crew->batch, part % PARTS);
        __atomic_fetch_add(&crew->done, 1, __ATOMIC_RELEASE);
    }
}

/* Returns what a counter holds once it is no longer `least` or less, or negative */
static long wait_beyond(const long *counter, long least) {
    for (long turn = 0;; turn++) {
        long found = __atomic_load_n(counter, __ATOMIC_ACQUIRE);
        if (found < 0 || found > least) return found;
        if (turn > 2000) sched_yield();
    }
}

static void *help(void *given) {
    Crew *crew = given;
    for (long seen = 0; (seen = wait_beyond(&crew->asked, seen)) >= 0;) work_on(crew);
    return NULL;
}
