"""Experiments run end to end in their fast form: what comes out, what is skipped, what is refused, what goes on."""

import json
import re
import shutil
from dataclasses import replace

import pytest

from bimt import train as training
from bimt.cli import run
from bimt.messages import UserError
from reports import commands
from reports.experiments import catalog as catalog_module
from reports.experiments import listing
from reports.experiments.catalog import catalog, get_experiment
from reports.experiments.experiment import shortened
from reports.experiments.listing import Listed
from reports.experiments.record import RUN
from reports.experiments.running import last_result, reproduce
from tests.reports.test_report import check_page, check_picture

TINY = ("steps=60", "net.hidden=[4]", "swaps.every=20", "log_every=20")


def tiny(of="crossing", **changes):
    """An experiment of two short runs."""
    form = shortened(get_experiment(of))
    variants = tuple(replace(each, settings=(*each.settings, *TINY), seeds=2) for each in form.variants[-2:])
    return replace(form, variants=variants, **{"explained": "", **changes})


def check_experiment(folder):
    """What must hold for everything that an experiment writes; returns result.json."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    for target in re.findall(r'href="([^"#:]+)"', page):
        assert (folder / target).is_file()
    check_page(re.sub(r'href="[^"#:]+"', 'href="#runs"', page))
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", markdown):
        assert (folder / target).is_file()
    for picture in (folder / "figures").iterdir():
        check_picture(picture.read_bytes())
    document = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    for finding in document["findings"]:
        assert finding["claim"].replace("|", "").split()[0] in markdown
    return document


@pytest.fixture(scope="module")
def independence(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiments") / "independence"
    return reproduce(shortened(get_experiment("independence")), folder, is_fast=True), folder


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A finished tiny experiment, to be looked at and copied; its folder."""
    folder = tmp_path_factory.mktemp("experiments") / "tiny"
    return reproduce(tiny(), folder), folder


def test_fast_independence_separates(independence):
    outcome, folder = independence
    document = check_experiment(folder)
    findings = {finding["claim"]: finding for finding in document["findings"]}
    assert findings["Exactly these two parts after pruning"]["met"]
    for claim in (
        "A price makes nets sparse: fewer connections with L1 than without",
        "Swaps shorten it further: L1 + local + swap against L1 + local",
    ):
        assert findings[claim]["ours"].endswith("lower in 2 of 2 seeds")
        assert findings[claim]["met"] is None, "two seeds are measured, not judged"
    seeds = {each["label"]: each["seeds"] for each in document["variants"]}
    assert all(row["groups"] == ["x1 x3 -> y1", "x2 x4 -> y2"] for row in seeds["l1-local-swap"])
    assert outcome.to_json()["findings"] == document["findings"]
    assert (folder / "l1-local-swap" / "report.html").is_file()
    assert "short form" in (folder / "report.html").read_text(encoding="utf-8")


def test_moving_neurons_that_pay_no_length_changes_places_only(independence):
    results = independence[0].results
    l1, swapped = results["l1"].frame, results["l1-swap"].frame
    assert list(l1["dense_loss"]) == list(swapped["dense_loss"])
    assert (swapped["wiring"] < l1["wiring"]).all()


def test_fast_two_moons_tells_the_moons_apart(tmp_path):
    experiment = shortened(get_experiment("two_moons"))
    experiment = replace(experiment, variants=experiment.variants[-1:], explained="")
    frame = reproduce(experiment, tmp_path / "moons", is_fast=True).results["l1-local-swap"].frame
    assert frame["metric"].median() >= 0.97
    assert frame["connections"].max() < 40
    check_experiment(tmp_path / "moons")


def test_resuming_skips_what_is_finished_and_goes_on_with_what_is_not(done, tmp_path):
    whole, _ = done
    trained = []

    def interrupted(config, folder, resume):
        trained.append(folder.name)
        steps = iter(range(100))
        stop = (lambda: next(steps) == 30) if len(trained) == 2 else (lambda: False)
        return training.train(config, out=folder, resume=resume, should_stop=stop)

    with pytest.raises(training.Interrupted):
        reproduce(tiny(), tmp_path / "run", trainer=interrupted)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "l1-swap").iterdir()}
    assert last_result(tmp_path / "run") is None, "it is not finished"
    again = reproduce(tiny(), tmp_path / "run", resume=True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "run" / "l1-swap").iterdir()} == before
    for label in ("l1-swap", "l1-local-swap"):
        assert again.results[label].frame.equals(whole.results[label].frame)
    assert again.results["l1-swap"].seconds > 0


def test_a_folder_of_something_else_is_left_alone(done, tmp_path):
    folder = shutil.copytree(done[1], tmp_path / "run")
    with pytest.raises(UserError, match="must be empty; --resume goes on"):
        reproduce(tiny(), folder)
    with pytest.raises(UserError, match="holds crossing with seeds"):
        reproduce(tiny("independence"), folder, resume=True)
    with pytest.raises(UserError, match="holds crossing with seeds"):
        reproduce(tiny(), folder, resume=True, is_fast=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").touch()
    with pytest.raises(UserError, match="holds no experiment to resume"):
        reproduce(tiny(), tmp_path / "other", resume=True)
    (tmp_path / "other" / RUN).write_text("{")
    with pytest.raises(UserError, match="holds no experiment to resume"):
        reproduce(tiny(), tmp_path / "other", resume=True)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        reproduce(tiny(), tmp_path / "file")


@pytest.mark.parametrize(
    "text",
    [
        '{"form": [1], "seconds": {}, "finished": []}',
        '{"form": {}, "seconds": [1], "finished": []}',
        '{"form": {}, "seconds": {"none": "long"}, "finished": []}',
        '{"form": {}, "seconds": {}, "finished": 7}',
        "[" * 100_000,
    ],
)
def test_a_damaged_record_is_no_experiment(text, tmp_path):
    (tmp_path / RUN).write_text(text)
    with pytest.raises(UserError, match="holds no experiment to resume"):
        reproduce(tiny(), tmp_path, resume=True)
    with pytest.raises(UserError, match="must be empty"):
        reproduce(tiny(), tmp_path)
    assert (tmp_path / RUN).read_text() == text


def test_a_wrong_setting_is_found_before_anything_is_trained(tmp_path):
    first, last = tiny().variants
    wrong = replace(last, settings=(*last.settings, "no_such_key=1"))
    with pytest.raises(UserError, match="unknown key no_such_key"):
        reproduce(replace(tiny(), variants=(first, wrong)), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_where_nothing_was_trained_is_free(tmp_path):
    def failing(*_):
        (tmp_path / "run" / "l1-swap").mkdir()
        raise UserError("no data")

    with pytest.raises(UserError, match="no data"):
        reproduce(tiny("independence"), tmp_path / "run", trainer=failing)
    assert reproduce(tiny(), tmp_path / "run").results.experiment.name == "crossing"


def test_other_settings_are_not_resumed(done, tmp_path):
    shutil.copytree(done[1], tmp_path, dirs_exist_ok=True)
    first, last = tiny().variants
    other = replace(tiny(), variants=(first, replace(last, settings=(*last.settings, "steps=80"))))
    with pytest.raises(UserError, match=r"holds crossing with seeds \[2, 2\] and other settings: resume it as"):
        reproduce(other, tmp_path, resume=True)


@pytest.fixture
def small_catalog(monkeypatch):
    """Three small experiments, the second of which cannot be run."""
    entries = [
        tiny(name="one", seconds=1.0),
        tiny(name="two", seconds=2.0, sections=(lambda results: results["no such run"],)),
        tiny(name="three", seconds=3.0),
        tiny(name="long", seconds=1e9),
    ]
    found = {entry.name: entry for entry in entries}
    for module in (catalog_module, listing):
        monkeypatch.setattr(module, "catalog", lambda: found)
    return found


def test_all_goes_on_after_a_failure_and_tells_of_it_at_the_end(small_catalog, tmp_path, capsys):
    assert run(commands.reproduce, ["--all", "--out", str(tmp_path), "--json", "--quiet"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert [each["experiment"] for each in document["experiments"]] == ["one", "three"]
    assert [each["name"] for each in document["failures"]] == ["two"]
    assert document["left_out"] == ["long"]
    assert "failed: two: 'no such run'" in err
    assert "does not fit an evening: long" in err
    assert run(commands.experiments, ["--runs", str(tmp_path), "--json"]) == 0
    listed = {each["name"]: each["last"] for each in json.loads(capsys.readouterr().out)["experiments"]}
    assert listed["two"] is None
    assert listed["three"]["met"] + listed["three"]["not_met"] > 0


def test_the_list_shows_what_came_out(small_catalog, tmp_path, capsys):
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "result.json").write_text("[]")
    findings = [{"met": True}, {"met": False}, {"met": None}]
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "result.json").write_text(json.dumps({"findings": findings, "seconds": 40, "fast": True}))
    assert run(commands.experiments, ["--runs", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "1 of 2 claims met in 40 seconds (fast form)" in next(line for line in lines if line.startswith("one"))
    assert "not run yet" in next(line for line in lines if line.startswith("two"))


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("[" * 100_000, None),
        ('{"findings": [{"met": [1]}, 7, {"met": true}], "seconds": 1e999}', "1 of 1 claims met"),
        ('{"findings": [], "seconds": -5}', "0 of 0 claims met"),
    ],
)
def test_a_damaged_result_does_not_stop_the_list(text, last, small_catalog, tmp_path, capsys):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "result.json").write_text(text)
    assert run(commands.experiments, ["--runs", str(tmp_path)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("one"))
    assert line.rstrip().endswith(last or "not run yet")


def test_ctrl_c_says_how_to_go_on(small_catalog, tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise training.Interrupted(3, 60)

    monkeypatch.setattr(training, "train", stopped)
    assert run(commands.reproduce, ["one", "--out", str(tmp_path / "one"), "--quiet"]) == 130
    assert "go on with the same command and --resume" in capsys.readouterr().err


def test_changed_settings_are_told_wherever_claims_are(tmp_path, capsys):
    out = tmp_path / "crossing"
    words = ["crossing", "--fast", "--seeds", "1", "--set", "net.hidden=[4]", "--out", str(out), "--quiet"]
    assert run(commands.reproduce, [*words, "--set", "steps=200"]) == 0
    document = check_experiment(out)
    assert document["changed"] == ["net.hidden=[4]", "steps=200"]
    for page in ("report.html", "report.md"):
        text = (out / page).read_text(encoding="utf-8")
        assert "Settings were given by hand" in text
        assert re.search(r"bimt reproduce crossing --fast --seeds 1 --set \S+hidden=\[4\]\S+ --set steps=200", text)
    assert "(fast form, changed settings)" in Listed(get_experiment("crossing"), out, last_result(out)).in_words()
    capsys.readouterr()
    assert run(commands.experiments, ["--runs", str(tmp_path), "--json"]) == 0
    listed = {each["name"]: each["last"] for each in json.loads(capsys.readouterr().out)["experiments"]}
    assert listed["crossing"]["changed"] is True


@pytest.mark.parametrize("setting", ["seeds=3", "swaps.method=pairs"])
def test_settings_that_would_be_dropped_or_mislead_are_refused(setting, tmp_path, capsys):
    assert run(commands.reproduce, ["crossing", "--fast", "--set", setting, "--out", str(tmp_path / "run")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name one experiment, or say --all"),
        (["independence", "--all"], "name one experiment, or say --all"),
        (["indipendence"], "unknown experiment indipendence; did you mean independence?"),
        (["crossing", "--seeds", "0"], "--seeds"),
    ],
)
def test_mistakes_are_one_line(words, complaint, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(commands.reproduce, words) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_catalog_is_listed(capsys, tmp_path):
    assert run(commands.experiments, ["--runs", str(tmp_path)]) == 0
    listed = capsys.readouterr().out
    for name in catalog():
        assert name in listed
