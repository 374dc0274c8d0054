"""The checks of types and shapes see what is wrong, whichever way a function is decorated."""

from collections.abc import Callable, Mapping

import jaxtyping
import pytest
import torch
from beartype import beartype
from jaxtyping import Float
from torch import Tensor

from bimt.cost import connection_cost
from bimt.messages import printable
from bimt.steps import PlainSteps
from tests.checked import check_first_steps, checked, has_shapes, unchecked

Row = Float[Tensor, " n"]


def plain(count: int, *, name: str = "") -> list[str]:
    return [name] * count


def row(x: Row) -> None: ...


def answer() -> dict[str, tuple[Row, ...]]: ...


def either(x: "int | Mapping[str, Row] | None" = None) -> None: ...


def taker(take: Callable[[Row], int]) -> None: ...


def unknown(x: "NotThereYet", y: int) -> None: ...


@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (plain, False),
        (row, True),
        (answer, True),
        (either, True),
        (taker, True),
        (unknown, True),
    ],
)
def test_shapes_are_found_wherever_they_are(fn, expected):
    assert has_shapes(fn) == expected


def test_the_class_of_a_method_is_no_shape():
    found = {}

    class Late:
        def plain(self, other: "Late") -> "Late": ...

        def shaped(self, other: "Late", x: Row) -> None: ...

        found.update({"plain": has_shapes(plain), "shaped": has_shapes(shaped)})

    assert found == {"plain": False, "shaped": True}


def test_a_wrong_type_is_seen_with_and_without_shapes():
    decorate = checked(typechecker=beartype)
    assert decorate(plain)(2, name="a") == ["a", "a"]
    with pytest.raises(Exception, match="violates type hint"):
        decorate(plain)("2")

    def wrong(count: int) -> str:
        return count

    with pytest.raises(Exception, match="violates type hint"):
        decorate(wrong)(1)

    def same(x: Float[Tensor, "a b"], y: Float[Tensor, "b a"]) -> Float[Tensor, "a a"]:
        return x @ y if len(x) < 3 else y @ x

    assert decorate(same)(torch.ones(2, 5), torch.ones(5, 2)).shape == (2, 2)
    for x, y in (((2, 5), (2, 5)), ((3, 5), (5, 3)), ((2,), (2,))):
        with pytest.raises(jaxtyping.TypeCheckError):
            decorate(same)(torch.ones(x), torch.ones(y))


def test_the_project_is_checked():
    with pytest.raises(Exception, match="violates type hint"):
        printable("x", limit="40")
    with pytest.raises(jaxtyping.TypeCheckError):
        connection_cost("no net", distance_scale=1.0, offset=0.1)
    assert PlainSteps.take_.__name__ == "take_"


def test_the_first_steps_are_checked_and_exceptions_end_it():
    class Steps:
        def take_(self):
            seen.append(jaxtyping.config.jaxtyping_disable)
            if len(seen) > 4:
                raise ZeroDivisionError

    seen = []
    check_first_steps(Steps, count=2)
    steps = Steps()
    for _ in range(4):
        steps.take_()
    assert seen == [False, False, True, True]
    with pytest.raises(ZeroDivisionError):
        steps.take_()
    assert not jaxtyping.config.jaxtyping_disable
    with unchecked():
        with pytest.raises(ZeroDivisionError):
            Steps().take_()
        assert jaxtyping.config.jaxtyping_disable
    assert not jaxtyping.config.jaxtyping_disable
