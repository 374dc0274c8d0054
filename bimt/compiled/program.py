"""The C text of a planned step: forward, backward, price and AdamW, every size a literal.

The building blocks are in kernels.h, the loop over steps in train.h; this is what lies between.
"""

from collections.abc import Iterator

from bimt.compiled.plan import Flow, Plan, Sums, Words


def write_program(plan: Plan) -> str:
    """Returns a text with the functions `train` (see train.h) and `answer`, which runs rows forward."""
    parts = _head(plan), _seed(plan), _tables(plan), _forward(plan), _work(plan), _finish(plan), _answer(plan)
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    yield f"#define IS_DOUBLE {int(plan.is_double)}"
    yield f"#define TILE {plan.tile}"
    yield f"#define BATCH {plan.batch}"
    yield f"#define PARTS {plan.parts}"
    yield f"#define WEIGHTS {plan.weights}"
    yield '#include "kernels.h"'
    yield f"typedef {'T' if plan.loss == 'squared_error' else 'int32_t'} Target;"


def _seed(plan: Plan) -> Iterator[str]:
    """What a seed has once (Seed) and for every part of a batch (Room); how its numbers come and go."""
    yield "typedef struct {"
    yield "    T w[WHOLE(WEIGHTS)], first[WHOLE(WEIGHTS)], second[WHOLE(WEIGHTS)], price[WHOLE(WEIGHTS)];"
    yield from (f"    T table{flow.table}[{site.size} * {words.padded}];" for flow, site, words in plan.tables)
    for number, words in enumerate(plan.words):
        yield f"    T words{number}[{words.size} * {words.padded}], worded{number}[{words.size} * {words.padded}];"
    yield "} Seed;"
    yield "typedef struct {"
    yield "    T g[WHOLE(WEIGHTS)];"
    yield from (f"    T change{flow.table}[{site.size} * {words.padded}];" for flow, site, words in plan.tables)
    sizes = {entry.number: entry.size for entry in plan.inputs} | {site.number: site.size for site in plan.sites}
    for number, size in sizes.items():
        yield f"    T y{number}[{size} * TILE], d{number}[{size} * TILE], e{number}[{size} * TILE];"
    yield "    int32_t which[TILE];"
    yield "    T loss;"
    yield "} Room;"
    for name, to, back in (("fetch", "mine", "all"), ("give", "all", "mine")):
        yield f"static void {name}(T *mine, T *all, long seeds, long seed) {{"
        start = 0
        for count in plan.stored:
            ends = {"mine": f"mine + {start}", "all": f"all + {start} * seeds + {count} * seed"}
            yield f"    memcpy({ends[to]}, {ends[back]}, {count} * sizeof(T));"
            start += count
        yield "}"


def _tables(plan: Plan) -> Iterator[str]:
    """Multiplies every vocabulary with the weights behind it."""
    yield "INLINE void tables(Seed *s) {"
    for number, words in enumerate(plan.words):
        yield _call("transpose", f"s->words{number}", f"s->w + {words.place.first}", *_shape(words))
    for flow, site, words in plan.tables:
        sizes = site.size, flow.width, flow.place.target, flow.place.source, words.padded // plan.lanes, 0
        yield _call("product", f"s->table{flow.table}", f"s->w + {flow.place.first}", f"s->words{flow.words}", *sizes)
    yield "}"


def _forward(plan: Plan) -> Iterator[str]:
    yield "INLINE void forward(Room *r, const Seed *s, const T *numbers, const int32_t *tokens, int count) {"
    for entry in plan.inputs:
        data = "numbers", "r->which", "count", plan.width, entry.column, entry.size
        yield _call("read_numbers", f"r->y{entry.number}", *data)
    for site in plan.sites:
        here = f"r->y{site.number}"
        bias = ("NULL", 0) if site.bias is None else (f"s->w + {site.bias.first}", site.bias.target)
        yield _call("start", here, *bias, site.size)
        yield from (_flow(plan, flow, site) for flow in site.flows)
        if site.function is not None:
            yield _call(f"apply_{site.function}", here, f"r->d{site.number}", site.size)
    yield "}"


def _flow(plan: Plan, flow: Flow, site: Sums) -> str:
    here = f"r->y{site.number}"
    if flow.words is None:
        sizes = site.size, flow.width, flow.place.target, flow.place.source, "VECTORS", 1
        return _call("product", here, f"s->w + {flow.place.first}", f"r->y{flow.source}", *sizes)
    return _call("look_up", here, f"s->table{flow.table}", *_looked_up(plan, flow, site))


def _looked_up(plan: Plan, flow: Flow, site: Sums) -> tuple[str | int, ...]:
    words = plan.words[flow.words or 0]
    return "tokens", "r->which", "count", plan.width, flow.position, site.size, words.padded


def _work(plan: Plan) -> Iterator[str]:
    """Forward and backward over one part of a batch: its loss, and what it says of the weights."""
    last = plan.sites[-1]
    count = plan.batch * (1 if plan.loss == "cross_entropy" else last.size)
    yield '#include "helpers.h"'
    yield "static void work(Room *r, const Batch *batch, int part) {"
    yield "    const Seed *s = batch->seed;"
    yield "    const int32_t *tokens = batch->tokens, *chosen = batch->chosen;"
    yield "    r->loss = 0;"
    yield "    memset(r->g, 0, sizeof r->g);"
    yield from (f"    memset(r->change{flow.table}, 0, sizeof r->change{flow.table});" for flow, *_ in plan.tables)
    yield f"    for (int tile = part * {plan.tiles} / PARTS; tile < (part + 1) * {plan.tiles} / PARTS; tile++) {{"
    yield "    int begin = tile * TILE, count = BATCH - begin < TILE ? BATCH - begin : TILE;"
    yield "    for (int b = 0; b < count; b++) r->which[b] = chosen ? chosen[begin + b] : begin + b;"
    yield _call("forward", "r", "s", "batch->numbers", "tokens", "count")
    ends = f"r->e{last.number}, r->y{last.number}, batch->targets"
    yield f"    r->loss += {plan.loss}({ends}, r->which, count, {last.size}, (T)(1.0 / {count}));"
    yield from _backward(plan)
    yield "    }"
    yield "}"


def _backward(plan: Plan) -> Iterator[str]:
    begun: set[int] = set()
    inputs = {site.number for site in plan.inputs}
    for site in reversed(plan.sites):
        error = f"r->e{site.number}"
        if site.function is not None:
            yield _call("multiply", error, f"r->d{site.number}", site.size)
        if site.bias is not None:
            yield _call("add_up", f"r->g + {site.bias.first}", error, site.bias.target, site.size)
        for flow in site.flows:
            if flow.words is not None:
                yield _call("add_to_table", f"r->change{flow.table}", error, *_looked_up(plan, flow, site))
                continue
            yield _outer(flow, error, f"r->y{flow.source}", site.size, vectors="VECTORS")
            if flow.source not in inputs:
                yield _back(flow, f"r->e{flow.source}", error, site.size, vectors="VECTORS", adds=flow.source in begun)
                begun.add(flow.source)


def _finish(plan: Plan) -> Iterator[str]:
    """Adds up the parts, and leads what the tables say back to the weights and the vocabulary."""
    yield "INLINE void join(Room *r, const Room *other) {"
    yield "    r->loss += other->loss;"
    yield "    add(r->g, other->g, WEIGHTS);"
    for flow, site, words in plan.tables:
        yield _call("add", f"r->change{flow.table}", f"other->change{flow.table}", site.size * words.padded)
    yield "}"
    yield "INLINE void finish(Seed *s, Room *r) {"
    begun: set[int | None] = set()
    for flow, site, words in plan.tables:
        vectors, change = words.padded // plan.lanes, f"r->change{flow.table}"
        yield _outer(flow, change, f"s->words{flow.words}", site.size, vectors=vectors)
        yield _back(flow, f"s->worded{flow.words}", change, site.size, vectors=vectors, adds=flow.words in begun)
        begun.add(flow.words)
    for number, words in enumerate(plan.words):
        yield _call("transpose_back", f"r->g + {words.place.first}", f"s->worded{number}", *_shape(words))
    yield "}"
    yield '#include "train.h"'


def _answer(plan: Plan) -> Iterator[str]:
    last = plan.sites[-1]
    yield "long answer(T *w, const T *numbers, const int32_t *tokens, T *answers, long rows, long seeds, long seed) {"
    yield "    Seed *s = room_for(sizeof(Seed));"
    yield "    Room *r = room_for(sizeof(Room));"
    yield "    if (s && r) {"
    yield "        fetch(s->w, w, seeds, seed);"
    yield "        tables(s);"
    yield "    }"
    yield "    for (long begin = 0; s && r && begin < rows; begin += TILE) {"
    yield "        int count = rows - begin < TILE ? rows - begin : TILE;"
    yield "        for (int b = 0; b < count; b++) r->which[b] = begin + b;"
    yield "        forward(r, s, numbers, tokens, count);"
    yield "        for (int b = 0; b < count; b++)"
    yield f"            for (int o = 0; o < {last.size}; o++)"
    yield f"                answers[(begin + b) * {last.size} + o] = r->y{last.number}[o * TILE + b];"
    yield "    }"
    yield "    long found = s && r ? 0 : -1;"
    yield "    free(s);"
    yield "    free(r);"
    yield "    return found;"
    yield "}"


def _outer(flow: Flow, error: str, values: str, size: int, *, vectors: str | int) -> str:
    place = flow.place
    sizes = size, flow.width, place.target, place.source, vectors
    return _call("outer", f"r->g + {place.first}", error, values, *sizes)


def _back(flow: Flow, to: str, error: str, size: int, *, vectors: str | int, adds: bool) -> str:
    sizes = flow.width, size, flow.place.source, flow.place.target, vectors, int(adds)
    return _call("product", to, f"s->w + {flow.place.first}", error, *sizes)


def _shape(words: Words) -> tuple[int, ...]:
    return words.size, words.tokens, words.padded, words.place.target, words.place.source


def _call(name: str, *arguments: str | int) -> str:
    return f"    {name}({', '.join(map(str, arguments))});"
