import os
from pathlib import Path

import numpy as np
import pytest
import sympy

from benchmarks.formulas import nist, nuclear
from benchmarks.formulas.judge import evaluated
from benchmarks.formulas.sets import FRESH, published_problems

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("BIMT_DATA", ROOT.parent / "shared" / "data"))
needs_nist = pytest.mark.skipif(not (DATA / "nist").is_dir(), reason="no NIST files: name the folder with BIMT_DATA")
needs_nuclear = pytest.mark.skipif(not (DATA / "nuclear").is_dir(), reason="no masses: name the folder with BIMT_DATA")
X = nist.X

PLANTED = """NIST/ITL StRD
Data:          1 Response  (y = volume)
Model:         Exponential Class
               2 Parameters (b1 and b2)

               y = b1*(1-exp[-b2*x])
                   + 0*x  +  e

        Start 1     Start 2           Parameter     Standard Deviation
  b1 =   500         250           2.0E+00  2.7E+00
  b2 =     0.0001      0.0005      5.0E-01  7.2E-06

Residual Sum of Squares:                    2.5E-01
Number of Observations:                            4

Data:   y               x
      0.5E0         1
      1.5             2.0E0
      1.7             3
      1.9             4
"""


def written(folder: Path, old: str = "", new: str = "") -> Path:
    path = folder / "Planted.dat"
    path.write_text(PLANTED.replace(old, new))
    return path


def test_a_planted_file_is_read(tmp_path):
    found = nist.read_certified(written(tmp_path))
    b1, b2 = sympy.symbols("b1 b2")
    assert sympy.simplify(found.model - b1 * (1 - sympy.exp(-b2 * X))) == 0
    assert found.parameters == {b1: 2.0, b2: 0.5}
    assert found.squares == 0.25
    assert found.rows.tolist() == [[1, 2, 3, 4], [0.5, 1.5, 1.7, 1.9]]
    assert evaluated(found.truth, (X,), found.rows[:1]) == pytest.approx(2 * (1 - np.exp(-0.5 * found.rows[0])))
    (problem,) = nist.problems(tmp_path)
    assert problem.target.tolist() == [0.5, 1.5, 1.7, 1.9]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("b1*(1-exp[-b2*x])", "__import__('os').getcwd()", "formulas may not hold"),
        ("b1*(1-exp[-b2*x])", "b1*(1-exp[-b3*x])", "formulas may not hold 'b3'"),
        ("b1*(1-exp[-b2*x])", "b1*x", "the model is of"),
        ("2.0E+00  2.7E+00", "2.0E+00", "b1 must have two starts"),
        ("               4\n\nData", "               5\n\nData", "4 rows, and it says another number"),
        ("Residual Sum", "Sum", "no line 'Residual Sum of Squares:'"),
        ("Data:   y               x", "Data:", "no heading of the rows"),
    ],
)
def test_a_broken_file_is_refused(tmp_path, old, new, message):
    assert old in PLANTED
    with pytest.raises(ValueError, match=message):
        nist.read_certified(written(tmp_path, old, new))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(SystemExit, match=r"no \.dat file"):
        nist.problems(tmp_path)


@needs_nist
def test_certified_values_give_the_certified_squares_of_every_file():
    folder = DATA / "nist"
    certified = [nist.read_certified(path) for path in sorted(folder.glob("*.dat"))]
    assert len(certified) >= 14
    for one in certified:
        errors = evaluated(one.truth, (X,), one.rows[:1]) - one.rows[1]
        assert float(errors @ errors) == pytest.approx(one.squares, rel=1e-9), one.name


@needs_nist
def test_every_certified_form_is_found_in_itself_with_other_numbers():
    for problem in nist.problems(DATA / "nist"):
        found = nist.form(1.1 * problem.truth, problem.truth, problem.columns)
        assert found["form_found"], problem.name
        assert found["number_deviation"] == pytest.approx(0.1, rel=1e-6), problem.name


COLUMN = np.linspace(1, 10, 40)[None]
SATURATION = 3.0 * (1 - sympy.exp(-0.4 * X))


def test_a_form_is_found_however_it_is_written():
    written_otherwise = 3.1 - 3.1 * sympy.exp(-X / sympy.Rational(5, 2))
    found = nist.form(written_otherwise, SATURATION, COLUMN)
    assert found["form_found"]
    assert found["number_deviation"] == pytest.approx(0.1 / 3, rel=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        3.0 * X / (X + 2.0),
        2.0 * sympy.log(X + 1.0),
        0.5 * X + 1.0,
        sympy.Float(2.0),
        sum((sympy.Float(0.1) * X**power for power in range(1, 9)), sympy.Float(1.0)),
    ],
    ids=str,
)
def test_other_forms_are_not_and_no_polynomial_with_more_numbers(other):
    assert not nist.form(other, SATURATION, COLUMN)["form_found"]


def test_numbers_are_opened_and_whole_exponents_are_not():
    skeleton, symbols, values = nist.opened(2 * X**3 / 3 - sympy.sqrt(X + 5) + sympy.pi)
    assert sorted(values) == pytest.approx([0.5, 2 / 3, np.pi, 5])
    assert skeleton.free_symbols == {X, *symbols}


def test_nist_scores_compare_residuals():
    target = evaluated(SATURATION, (X,), COLUMN) + 0.1
    problem = nist.Problem("planted", (X,), COLUMN, target, COLUMN, target, SATURATION)
    scores = {}
    for part in nist.judge(problem, SATURATION - 0.1):
        scores |= part
    assert scores["deviation_ratio"] == pytest.approx(2)


def test_the_mass_formula_fits_what_it_gives_and_its_terms_are_seen():
    z, n = (values.ravel().astype(float) for values in np.meshgrid(np.arange(8, 60), np.arange(8, 80)))
    columns = np.array([z, n, z + n])
    Z, N, A = nuclear.Z, nuclear.N, nuclear.A
    smooth = 15.8 * A - 18.3 * A ** sympy.Rational(2, 3) - 0.714 * Z * (Z - 1) / sympy.cbrt(A) - 23.2 * (N - Z) ** 2 / A
    energies = evaluated(smooth, (Z, N, A), columns)
    assert nuclear.mass_formula_error(columns, energies) < 1e-9
    assert nuclear.mass_formula_error(columns, energies + 3 * np.sin(z)) == pytest.approx(3 / np.sqrt(2), rel=0.05)
    assert nuclear.terms_in(smooth, columns) == ["volume", "surface", "Coulomb", "asymmetry"]
    assert nuclear.terms_in(smooth.xreplace({A: Z + N}), columns) == ["volume", "surface", "Coulomb", "asymmetry"]
    assert nuclear.terms_in(8 * A - 3 * Z, columns) == ["volume"]
    assert nuclear.terms_in(Z * (2 + N / A), columns) == ["asymmetry"]
    assert nuclear.terms_in(sympy.sqrt(A), columns) == []


@needs_nuclear
def test_measured_masses_and_their_formula():
    (problem,) = nuclear.problems(DATA / "nuclear")
    z, n, a = problem.columns
    assert np.array_equal(a, z + n)
    assert a.min() >= 8
    assert (problem.target / a).max() == pytest.approx(8.79, abs=0.01)  # nickel-62
    assert 2.5 < nuclear.mass_formula_error(problem.columns, problem.target) < 4


def test_published_outputs_are_their_formulas():
    problems = published_problems()
    assert len(problems) == 6
    for problem in problems:
        assert problem.target == pytest.approx(evaluated(problem.truth, problem.symbols, problem.columns), abs=1e-12)
        assert problem.wanted.shape == (FRESH,)
        assert problem.columns.shape == (len(problem.symbols), 100)
