"""The real irreducible representations (irreps) of a finite group, from nothing but its product table."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from bimt.tasks.group import FiniteGroup
from interp.irrep_names import name_irreps

_EXACT = 1e-8
"""How far products of matrices may be from the matrix of the product; met are 1e-13 to 1e-11."""


@dataclass(frozen=True, eq=False)
class Irrep:
    """One real irrep; of a complex one and its conjugate together."""

    name: str
    matrices: Float[np.ndarray, "elements dimension dimension"]
    """Orthogonal; the matrix of a product is the product of the matrices."""
    functions: Float[np.ndarray, "elements count"]
    """An orthonormal basis of the functions on the group that the matrices' entries span."""
    commutant: int
    """Dimension of what commutes with all matrices: 1 real, 2 a conjugate pair merged, 4 quaternionic."""

    @property
    def dimension(self) -> int:
        """Rows of each matrix."""
        return self.matrices.shape[1]

    @property
    def character(self) -> Float[np.ndarray, " elements"]:
        """The trace of each matrix."""
        return np.einsum("gii->g", self.matrices)

    @property
    def is_trivial(self) -> bool:
        """Whether every element is 1."""
        return self.dimension == 1 and bool((self.matrices > 0).all())

    @property
    def is_sign(self) -> bool:
        """Whether half of the elements are 1, and the others -1."""
        return self.dimension == 1 and not self.is_trivial


def find_irreps(group: FiniteGroup, *, generator: np.random.Generator | None = None) -> tuple[Irrep, ...]:
    """Decomposes the functions on a group into real irreps.

    A random symmetric element of the centre of the group algebra has one eigenvalue per irrep (conjugate ones
    share theirs): its eigenspaces are the isotypic components, as many as there are classes of conjugate and inverse
    elements. How large the irrep in a component is follows from the component's dimension and the Frobenius-Schur
    indicator (Serre, Linear Representations of Finite Groups, 13.2). A random symmetric function, multiplied from the
    right, commutes with all translations from the left: one of its eigenspaces in the component is one copy of it.
    For a real irrep of dimension d the orthonormal functions are sqrt(d / |G|) times the matrices' entries.

    Args:
        group: Its table is checked.
        generator: What draws the two random elements, by which the matrices' coordinates are fixed; seed 0 if not
            given. Energies and characters do not depend on it.

    Returns:
        The trivial irrep first, then by dimension and name.

    Raises:
        ValueError: If the table is no group's.
        ArithmeticError: If the matrices are not exact, which no group is known to bring about.

    Example:
        >>> from bimt.tasks.permutation_group import PermutationGroupTask
        >>> group = PermutationGroupTask(name="permutation_group", group="S3").finite_group()
        >>> [(each.name, each.dimension) for each in find_irreps(group)]
        [('trivial', 1), ('sign', 1), ('standard (2,1)', 2)]
    """
    group.check()
    generator = generator or np.random.default_rng(0)
    inverses, quotients = group.inverses, group.table[group.inverses]  # quotients[x, y] = x^-1 y
    classes = real_classes(group)
    central = generator.normal(size=len(group))[classes]
    spaces = _eigenspaces(central[quotients], len(np.unique(classes)))
    noise = generator.normal(size=len(group))
    mixer = (noise + noise[inverses])[quotients]
    found = [_irrep(space, mixer, group) for space in spaces]
    for irrep in found:
        _check(irrep, group)
    names = name_irreps(group, [each.character for each in found], [each.commutant for each in found])
    named = [replace(each, name=name.text) for each, name in zip(found, names, strict=True)]
    order = sorted(range(len(named)), key=lambda which: (named[which].dimension, names[which].order))
    return tuple(named[which] for which in order)


def real_classes(group: FiniteGroup) -> Int[np.ndarray, " elements"]:
    """Returns for every element the first one that is conjugate to it or to its inverse."""
    table, inverses = group.table, group.inverses
    conjugates = table[table[inverses], inverses[inverses][:, None].repeat(len(group), 1)]  # g^-1 x g
    first = conjugates.min(0)
    return np.minimum(first, first[inverses])


def _eigenspaces(matrix: Float[np.ndarray, "n n"], count: int) -> list[Float[np.ndarray, "n dimension"]]:
    """Splits the space at the widest gaps between the eigenvalues of a symmetric matrix."""
    values, vectors = np.linalg.eigh(matrix)
    gaps = np.sort(np.argsort(np.diff(values))[len(values) - count :]) + 1
    return np.split(vectors, gaps, axis=1)


def _irrep(space: Float[np.ndarray, "n m"], mixer: Float[np.ndarray, "n n"], group: FiniteGroup) -> Irrep:
    """Finds one copy of the irrep in its isotypic component."""
    identity, everyone = group.identity, np.arange(len(group))
    squares = group.table[everyone, everyone]
    idempotent = space @ space[identity]
    indicator = idempotent[squares].sum()  # d times 1, 0 or -1, d the dimension of the complex irrep
    commutant = 1 if indicator > 0.5 else 2 if indicator > -0.5 else 4
    dimension = round((commutant * space.shape[1]) ** 0.5)
    copy = space @ np.linalg.eigh(space.T @ mixer @ space)[1][:, :dimension]
    translated = copy[group.table[group.inverses]]  # of g and x: the value at g^-1 x
    matrices = np.einsum("xi,gxj->gij", copy, translated)
    functions = space
    if commutant == 1:
        functions = (dimension / len(group)) ** 0.5 * matrices.reshape(len(group), -1)
    return Irrep("", matrices, functions, commutant)


def _check(irrep: Irrep, group: FiniteGroup) -> None:
    """Refuses matrices whose products are wrong, and functions that are not orthonormal."""
    matrices, functions = irrep.matrices, irrep.functions
    wrong = [np.abs(matrices @ matrices[each] - matrices[group.table[:, each]]).max() for each in generators_of(group)]
    wrong.append(np.abs(functions.T @ functions - np.eye(functions.shape[1])).max())
    wrong.append(abs(float(np.square(irrep.character).mean()) - irrep.commutant))
    if max(wrong) > _EXACT:
        raise ArithmeticError(f"an irrep of {group.name} is off by {max(wrong):.1e}; take another generator")


def generators_of(group: FiniteGroup) -> tuple[int, ...]:
    """Returns a few elements whose products are the whole group: each the first that those before do not make."""
    chosen: list[int] = []
    inside = np.zeros(len(group), dtype=bool)
    inside[group.identity] = True
    while not inside.all():
        chosen.append(int(np.argmin(inside)))
        inside = closed(group, [*np.flatnonzero(inside).tolist(), chosen[-1]])
    return tuple(chosen)


def closed(group: FiniteGroup, elements: list[int]) -> np.ndarray:
    """Marks the elements of the smallest subgroup that holds some elements."""
    inside = np.zeros(len(group), dtype=bool)
    inside[[group.identity, *elements]] = True
    while True:
        members = np.flatnonzero(inside)
        grown = np.zeros(len(group), dtype=bool)
        grown[group.table[np.ix_(members, members)].ravel()] = True
        if grown.sum() == len(members):
            return inside
        inside = grown
