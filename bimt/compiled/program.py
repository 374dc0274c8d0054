"""The C text of a training step for one wiring: forward, backward, price and AdamW, every size a literal.

Whatever is made of weighted sums and activations has one: sites in forward order, links between them. What a look-up
brings is multiplied with the weights behind it once per token, not once per datum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import torch

from bimt.nets.base import Net
from bimt.tasks.base import Task
from bimt.wiring import Bias, Link, Site

_NAMES = {"silu": "silu", "relu": "relu", "tanh": "act_tanh", "selu": "selu", "gelu": "gelu", "gelu_tanh": "gelu_tanh"}
_LANES = {torch.float32: 8, torch.float64: 4}
_WHOLE = 16
"""A batch of at most so many vectors is one tile; larger ones are cut into tiles of `_PART`, which fit the cache."""
_PART = 12
MOST_WEIGHTS = 200_000
"""Larger nets are left to the matrix products of a library, which mind the cache."""


class NotCompilable(Exception):  # noqa: N818 - it is no error
    """This net has no native step; says why."""


@dataclass(frozen=True)
class _Place:
    """Where the numbers of a link or bias lie among a seed's parameters."""

    first: int
    target: int
    """From one target neuron to the next."""
    source: int = 0


@dataclass(frozen=True)
class Program:
    """A step of one net on batches of one size.

    Attributes:
        net: Its wiring and types are read, not its weights.
        task: Its kind of loss, and the shape of its rows.
        batch: Rows in a batch.
    """

    net: Net
    task: Task
    batch: int

    def __post_init__(self) -> None:
        """Refuses what the building blocks cannot say.

        Raises:
            NotCompilable: Which says what that is.
        """
        wiring = self.net.wiring
        for edge in wiring.fixed:
            raise NotCompilable(f"{edge.source} and {edge.target} are joined by a {edge.kind}")
        if any(link.recurrent for link in wiring.links):
            raise NotCompilable("a population feeds itself")
        if self.net.moments != 1 or self.task.reads:
            raise NotCompilable("rows are sequences")
        if len(wiring.outputs) != 1 or self._function(wiring.outputs[0]) is not None:
            raise NotCompilable("the answers are not one site of weighted sums")
        weights = sum(tensor[0].numel() for tensor in self.net.parameters.values())
        if weights > MOST_WEIGHTS:
            raise NotCompilable(f"{weights:,} weights are more than {MOST_WEIGHTS:,}: matrix products do better")
        for site in wiring.sites:
            self._function(site)
            tables = [link for link in wiring.links_into(site.name) if wiring.is_look_up(link)]
            if tables and not self._is_table(site):
                raise NotCompilable(f"{site.name} mixes a look-up with other sums")

    @cached_property
    def source(self) -> str:
        """The whole text, less the building blocks that it includes."""
        return "\n".join([*self._head(), *self._training(), *self._answering()]) + "\n"

    @property
    def _tile(self) -> int:
        lanes = _LANES[self.net.dtype]
        vectors = -(-self.batch // lanes)
        return lanes * (vectors if vectors <= _WHOLE else _PART)

    @property
    def _dense(self) -> list[Site]:
        """Sites whose values are worked out: neither tokens nor what they are looked up as."""
        wiring = self.net.wiring
        return [
            site
            for site in wiring.sites
            if wiring.population_of(site.name).slots is not None and not self._is_table(site)
        ]

    def _function(self, site: Site) -> str | None:
        if site.role == "input":
            return None
        try:
            name = self.net.nonlinearity(site.name)
        except NotImplementedError as error:
            raise NotCompilable(str(error)) from error
        if name is not None and name not in _NAMES:
            raise NotCompilable(f"{site.name} applies {name}")
        return name

    def _is_table(self, site: Site) -> bool:
        """Whether a site holds what one look-up brings, and nothing else."""
        wiring = self.net.wiring
        links = wiring.links_into(site.name)
        is_plain = len(links) == 1 and site.role == "hidden" and self._function(site) is None
        return is_plain and wiring.is_look_up(links[0]) and wiring.bias_of(site.name) is None

    def _size(self, site: str) -> int:
        return self.net.wiring.population_of(site).size

    def _numbered(self, site: str) -> int:
        return [each.name for each in self.net.wiring.sites].index(site)

    @cached_property
    def _starts(self) -> Mapping[str, int]:
        """Where each stored tensor of a seed begins."""
        starts, total = {}, 0
        for name, tensor in self.net.parameters.items():
            starts[name] = total
            total += tensor[0].numel()
        return starts

    @property
    def _weights(self) -> int:
        return sum(tensor[0].numel() for tensor in self.net.parameters.values())

    def _place(self, part: Link | Bias) -> _Place:
        """Looks at the addresses through the part's own view: whatever the layout, they are evenly spaced."""
        shape = self.net.parameters[part.parameter].shape[1:]
        seen = part.view(torch.arange(shape.numel()).view(1, *shape))[0]
        steps = [stride if size > 1 else 0 for size, stride in zip(seen.shape, seen.stride(), strict=True)]
        first = self._starts[part.parameter] + (int(seen.flatten()[0]) if seen.numel() else 0)
        return _Place(first, *steps)

    def _head(self) -> Iterator[str]:
        yield f"#define IS_DOUBLE {int(self.net.dtype == torch.float64)}"
        yield f"#define TILE {self._tile}"
        yield '#include "kernels.h"'
        yield f"#define WEIGHTS {self._weights}"
        yield f"#define PARTS {self._parts}"
        yield "typedef struct {"
        yield "    T w[WHOLE(WEIGHTS)], first[WHOLE(WEIGHTS)], second[WHOLE(WEIGHTS)], price[WHOLE(WEIGHTS)];"
        for number, (table, tied) in enumerate(self._tables):
            yield f"    T table{number}[{self._size(tied.target)} * {self._padded(table)}];"
        for number, link in enumerate(self._vocabularies):
            yield f"    T words{number}[{self._size(link.target)} * {self._padded(link)}];"
            yield f"    T worded{number}[{self._size(link.target)} * {self._padded(link)}];"
        yield "} Seed;"
        yield "typedef struct {"
        yield "    T g[WHOLE(WEIGHTS)];"
        for number, (table, tied) in enumerate(self._tables):
            yield f"    T change{number}[{self._size(tied.target)} * {self._padded(table)}];"
        for site in self._dense:
            number, size = self._numbered(site.name), self._size(site.name)
            yield f"    T y{number}[{size} * TILE], d{number}[{size} * TILE], e{number}[{size} * TILE];"
        yield "    int32_t which[TILE];"
        yield "    T loss;"
        yield "} Room;"
        for name, to, back in (("fetch", "mine", "all"), ("give", "all", "mine")):
            yield f"static void {name}(T *mine, T *all, long seeds, long seed) {{"
            for stored, tensor in self.net.parameters.items():
                count, start = tensor[0].numel(), self._starts[stored]
                ends = {"mine": f"mine + {start}", "all": f"all + {start} * seeds + {count} * seed"}
                yield f"    memcpy({ends[to]}, {ends[back]}, {count} * sizeof(T));"
            yield "}"
        yield "INLINE void forward(Room *r, const Seed *s, const T *numbers, const int32_t *tokens, int count) {"
        yield from self._forward()
        yield "}"
        yield "INLINE void tables(Seed *s) {"
        yield from self._make_tables()
        yield "}"

    @property
    def _tables(self) -> list[tuple[Link, Link]]:
        """Every look-up with every link that reads what it brings: a table of products for each pair."""
        links = self.net.wiring.links
        return [
            (table, link)
            for link in links
            for table in self.net.wiring.links_into(link.source)
            if self.net.wiring.is_look_up(table)
        ]

    @property
    def _vocabularies(self) -> list[Link]:
        """One look-up for each stored embedding."""
        return list({table.stored: table for table, _ in self._tables}.values())

    def _vocabulary(self, table: Link) -> int:
        return [link.stored for link in self._vocabularies].index(table.stored)

    def _padded(self, table: Link) -> int:
        lanes = _LANES[self.net.dtype]
        return -(-self._size(table.source) // lanes) * lanes

    def _position(self, table: Link) -> int:
        return [site.name for site in self.net.wiring.inputs].index(table.source)

    def _columns(self) -> Iterator[tuple[Site, int]]:
        """Inputs that are numbers, each with its first column."""
        column = 0
        for site in self.net.wiring.inputs:
            if self.net.wiring.population_of(site.name).slots is not None:
                yield site, column
                column += self._size(site.name)

    @property
    def _width(self) -> int:
        """Numbers or tokens in a row."""
        inputs = self.net.wiring.inputs
        numbers = sum(self._size(site.name) for site, _ in self._columns())
        return numbers or len(inputs)

    def _make_tables(self) -> Iterator[str]:
        lanes = _LANES[self.net.dtype]
        for number, table in enumerate(self._vocabularies):
            place, size, tokens = self._place(table), self._size(table.target), self._size(table.source)
            yield (
                f"    transpose(s->words{number}, s->w + {place.first}, {size}, {tokens}, {self._padded(table)}, "
                f"{place.target}, {place.source});"
            )
        for number, (table, link) in enumerate(self._tables):
            place, words = self._place(link), self._vocabulary(table)
            yield (
                f"    product(s->table{number}, s->w + {place.first}, s->words{words}, {self._size(link.target)}, "
                f"{self._size(link.source)}, {place.target}, {place.source}, {self._padded(table) // lanes}, 0);"
            )

    def _forward(self) -> Iterator[str]:
        columns = {site.name: column for site, column in self._columns()}
        for site in self._dense:
            number, size = self._numbered(site.name), self._size(site.name)
            if site.role == "input":
                yield (
                    f"    read_numbers(r->y{number}, numbers, r->which, count, {self._width}, {columns[site.name]}, "
                    f"{size});"
                )
                continue
            bias = self.net.wiring.bias_of(site.name)
            place = None if bias is None else self._place(bias)
            at = "NULL, 0" if place is None else f"s->w + {place.first}, {place.target}"
            yield f"    start(r->y{number}, {at}, {size});"
            for link in self.net.wiring.links_into(site.name):
                yield from self._flow(link, number, size)
            function = self._function(site)
            if function is not None:
                yield f"    {_NAMES[function]}(r->y{number}, r->d{number}, {size});"

    def _flow(self, link: Link, number: int, size: int) -> Iterator[str]:
        which = self._table_of(link)
        if which is None:
            place = self._place(link)
            yield (
                f"    product(r->y{number}, s->w + {place.first}, r->y{self._numbered(link.source)}, {size}, "
                f"{self._size(link.source)}, {place.target}, {place.source}, VECTORS, 1);"
            )
        else:
            table = self._tables[which][0]
            yield (
                f"    look_up(r->y{number}, s->table{which}, tokens, r->which, count, {self._width}, "
                f"{self._position(table)}, {size}, {self._padded(table)});"
            )

    def _table_of(self, link: Link) -> int | None:
        return next((number for number, (_, reader) in enumerate(self._tables) if reader == link), None)

    def _backward(self) -> Iterator[str]:
        touched = set()
        for site in reversed(self._dense):
            if site.role == "input":
                continue
            number, size = self._numbered(site.name), self._size(site.name)
            if self._function(site) is not None:
                yield f"        multiply(r->e{number}, r->d{number}, {size});"
            bias = self.net.wiring.bias_of(site.name)
            if bias is not None:
                place = self._place(bias)
                yield f"        add_up(r->g + {place.first}, r->e{number}, {place.target}, {size});"
            for link in self.net.wiring.links_into(site.name):
                which, place, below = self._table_of(link), self._place(link), self._numbered(link.source)
                if which is not None:
                    table = self._tables[which][0]
                    yield (
                        f"        add_to_table(r->change{which}, r->e{number}, tokens, r->which, count, {self._width}, "
                        f"{self._position(table)}, {size}, {self._padded(table)});"
                    )
                    continue
                width = self._size(link.source)
                yield (
                    f"        outer(r->g + {place.first}, r->e{number}, r->y{below}, {size}, {width}, {place.target}, "
                    f"{place.source}, VECTORS);"
                )
                if self.net.wiring.site(link.source).role != "input":
                    yield (
                        f"        product(r->e{below}, s->w + {place.first}, r->e{number}, {width}, {size}, "
                        f"{place.source}, {place.target}, VECTORS, {int(below in touched)});"
                    )
                    touched.add(below)

    def _finish_tables(self) -> Iterator[str]:
        lanes, touched = _LANES[self.net.dtype], set()
        for number, (table, link) in enumerate(self._tables):
            place, words, vectors = self._place(link), self._vocabulary(table), self._padded(table) // lanes
            sizes = self._size(link.target), self._size(link.source)
            yield (
                f"        outer(r->g + {place.first}, r->change{number}, s->words{words}, {sizes[0]}, {sizes[1]}, "
                f"{place.target}, {place.source}, {vectors});"
            )
            yield (
                f"        product(s->worded{words}, s->w + {place.first}, r->change{number}, {sizes[1]}, {sizes[0]}, "
                f"{place.source}, {place.target}, {vectors}, {int(words in touched)});"
            )
            touched.add(words)
        for number, table in enumerate(self._vocabularies):
            place = self._place(table)
            yield (
                f"        transpose_back(r->g + {place.first}, s->worded{number}, {self._size(table.target)}, "
                f"{self._size(table.source)}, {self._padded(table)}, {place.target}, {place.source});"
            )

    @property
    def _parts(self) -> int:
        """How many parts of a batch are worked on apart: their sums do not depend on who does the work."""
        tiles = -(-self.batch // self._tile)
        return 4 if tiles >= 16 else 2 if tiles >= 8 else 1

    def _training(self) -> Iterator[str]:
        out = self._numbered(self.net.wiring.outputs[0].name)
        size = self._size(self.net.wiring.outputs[0].name)
        classes = self.task.kind == "classification"
        loss = "squared_error" if not classes else "squared_error_of_classes" if self.task.squared else "cross_entropy"
        count = self.batch * (size if loss != "cross_entropy" else 1)
        tiles = -(-self.batch // self._tile)
        yield f"typedef {'int32_t' if classes else 'T'} Target;"
        yield '#include "helpers.h"'
        yield "static void work(Room *r, const Batch *batch, int part) {"
        yield "    const Seed *s = batch->seed;"
        yield "    const int32_t *tokens = batch->tokens;"
        yield "    r->loss = 0;"
        yield "    memset(r->g, 0, sizeof r->g);"
        yield from (f"    memset(r->change{n}, 0, sizeof r->change{n});" for n in range(len(self._tables)))
        yield "    const int32_t *chosen = batch->chosen;"
        yield f"    for (int tile = part * {tiles} / PARTS; tile < (part + 1) * {tiles} / PARTS; tile++) {{"
        yield f"        int begin = tile * TILE, count = {self.batch} - begin < TILE ? {self.batch} - begin : TILE;"
        yield "        for (int b = 0; b < count; b++) r->which[b] = chosen ? chosen[begin + b] : begin + b;"
        yield "        forward(r, s, batch->numbers, tokens, count);"
        yield f"        r->loss += {loss}(r->e{out}, r->y{out}, batch->targets, r->which, count, {size}, "
        yield f"                          (T)(1.0 / {count}));"
        yield from self._backward()
        yield "    }"
        yield "}"
        yield "INLINE void join(Seed *s, Room *r, const Room *other) {"
        yield "    r->loss += other->loss;"
        yield "    add(r->g, other->g, WEIGHTS);"
        for number, (table, tied) in enumerate(self._tables):
            yield f"    add(r->change{number}, other->change{number}, {self._size(tied.target) * self._padded(table)});"
        yield "}"
        yield "INLINE void finish(Seed *s, Room *r) {"
        yield from self._finish_tables()
        yield "}"
        yield f"#define BATCH {self.batch}"
        yield '#include "train.h"'

    def _answering(self) -> Iterator[str]:
        out, size = self._numbered(self.net.wiring.outputs[0].name), self._size(self.net.wiring.outputs[0].name)
        yield "long answer(T *w, const T *numbers, const int32_t *tokens, T *answers, long rows, long seeds,"
        yield "            long seed) {"
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
        yield f"            for (int o = 0; o < {size}; o++)"
        yield f"                answers[(begin + b) * {size} + o] = r->y{out}[o * TILE + b];"
        yield "    }"
        yield "    long found = s && r ? 0 : -1;"
        yield "    free(s);"
        yield "    free(r);"
        yield "    return found;"
        yield "}"
