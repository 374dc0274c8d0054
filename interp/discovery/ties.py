"""Sums in which two terms have one share: a - a exp(-k x) has a constant less than a + b exp(-k x)."""

from collections.abc import Iterator

from interp.discovery.terms import Term, add, multiply, negative, number, rebuilt


def ties(term: Term, start: int = 0) -> Iterator[tuple[int, int, Term]]:
    """Yields two free numbers that are shares of one sum, and the term in which the first one is both, up to its sign.

    Args:
        term: Any.
        start: How many free numbers come before it.
    """
    shares: list[tuple[int, float, Term, int]] = []
    for place, part in enumerate(term.parts):
        for left, right, tied in ties(part, start):
            parts = (*term.parts[:place], tied, *term.parts[place + 1 :])
            yield left, right, rebuilt(term, parts)
        first, *rest = part.parts if part.kind == "multiply" else (part,)
        if first.kind == "number" and first.free:
            shares.append((start, first.value, multiply(*rest), place))
        start += len(part.free_numbers)
    if term.kind != "add":
        return
    for index, (left, size, body, place) in enumerate(shares):
        for right, other, companion, behind in shares[index + 1 :]:
            total = add(body, companion if size * other > 0 else negative(companion))
            kept = [part for at, part in enumerate(term.parts) if at not in (place, behind)]
            kept.insert(place, multiply(number(size, free=True), total))
            yield left, right, add(*kept)
