"""A hand on the page: keys, undo, the film, what is said of a part, groups, sheets. The numbers are test_running's."""

import re
from dataclasses import replace

import pytest
import torch

from interp.detectors import Event
from interp.prune import prune
from reports.live.model import Player
from tests.nets import random_mlp, task_of, two_parts
from tests.reports.browser import Opened, needs_browser
from tests.reports.checkpoints import small_task
from tests.reports.live.pages import filmed_player, metric, written
from tests.reports.live.test_running import MOVED, player_of
from tests.sheets import sheet_net, sheet_sparse

pytestmark = needs_browser
LINES = "document.querySelectorAll('.net line').length"


@pytest.fixture(scope="module")
def player():
    return filmed_player(small_task(outputs=("y1", "y2"), rows=40), steps=200)


@pytest.fixture(scope="module")
def path(player, tmp_path_factory):
    return written(tmp_path_factory.mktemp("playing"), player)


@pytest.fixture
def opened(running, path):
    with Opened(running, path) as opened:
        yield opened
        assert (opened.said, opened.requests, opened.dialogs) == ([], [], [])


@pytest.fixture
def page(opened):
    return opened.page


def focused(page):
    """The name of the part that has the keyboard."""
    return page.evaluate("document.activeElement.getAttribute('aria-label')")


def pressed(page, name):
    return page.get_attribute(f"[data-neuron='{name}'], [data-connection='{name}']", "aria-pressed")


def to_picture(page):
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('.net'))"):
            return
    raise AssertionError("the Tab key does not reach the picture")


def test_keys_alone_walk_cut_and_restore(page):
    whole = metric(page)
    to_picture(page)
    assert re.match(r"neuron in\[\d\], x\d", focused(page))
    page.keyboard.press("ArrowUp")
    assert focused(page).startswith("neuron h1[")
    seen = {focused(page)}
    for _ in range(5):
        page.keyboard.press("ArrowRight")
        seen.add(focused(page))
    assert len(seen) == page.evaluate("document.querySelectorAll('[data-neuron^=h1]').length")
    page.keyboard.press("ArrowLeft")
    neuron = re.search(r"h1\[\d\]", focused(page))[0]
    page.keyboard.press("Enter")
    assert pressed(page, neuron) == "true"
    assert metric(page) != whole
    page.keyboard.press("Enter")
    assert (pressed(page, neuron), metric(page)) == ("false", whole)
    page.keyboard.press(".")
    first = focused(page)
    assert first.startswith("connection ")
    assert neuron in first
    page.keyboard.press(".")
    assert neuron in focused(page)
    page.keyboard.press(",")
    assert focused(page) == first
    page.keyboard.press("Space")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator(".chip").count() == (1 if focused(page).startswith("neuron out") else 2)
    page.keyboard.press("r")
    assert (page.locator(".chip").count(), metric(page)) == (0, whole)
    page.keyboard.press("u")
    assert page.locator(".chip").count() > 0


def test_the_keyboard_leaves_the_picture_and_comes_back_to_where_it_was(page):
    to_picture(page)
    page.keyboard.press("ArrowUp")
    here = focused(page)
    page.keyboard.press("Tab")
    assert not page.evaluate("Boolean(document.activeElement.closest('.net'))")
    page.keyboard.press("Shift+Tab")
    assert focused(page) == here
    stops = 0
    while page.evaluate("document.activeElement !== document.body") and stops < 100:
        page.keyboard.press("Tab")
        stops += 1
    assert stops < 100, "the Tab key is caught"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x2", "neuron in[1], x2"),
        ("H1[3]", "neuron h1[3]"),
        ("y1", "neuron out[0], y1"),
        ("h1[0]->out[0]", "connection h1[0]->out[0]"),
    ],
)
def test_a_name_is_found(text, found, page):
    page.locator(".net circle").first.focus()
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    assert focused(page).startswith(found)
    assert page.get_attribute("[type=search]", "aria-invalid") == "false"
    assert page.inner_text(".about h3") == found.split()[1].rstrip(",").replace("->", " → ")


def test_an_unknown_name_is_marked(page):
    page.fill("[type=search]", "h9[3]")
    page.press("[type=search]", "Enter")
    assert page.get_attribute("[type=search]", "aria-invalid") == "true"
    page.fill("[type=search]", "")
    page.press("[type=search]", "Enter")
    assert page.get_attribute("[type=search]", "aria-invalid") == "false"


def test_letters_typed_into_fields_are_no_commands(page):
    page.dispatch_event("[data-neuron='h1[0]']", "click")
    page.fill("[type=search]", "")
    page.type("[type=search]", "ru/")
    assert page.input_value("[type=search]") == "ru/"
    assert page.locator(".chip").count() == 1


def test_undo_goes_back_step_by_step(page):
    states = [metric(page)]
    for name in ("h1[0]", "h1[1]"):
        page.dispatch_event(f"[data-neuron='{name}']", "click")
        states.append(metric(page))
    page.select_option("[aria-label='ablate by']", "mean")
    states.append(metric(page))
    page.click("text=Restore all")
    assert metric(page) == states[0]
    assert len(set(states)) == 4
    for state in reversed(states):
        page.click("text=Undo")
        assert metric(page) == state
    assert page.is_disabled("text=Undo")
    assert page.input_value("[aria-label='ablate by']") == "zero"


def test_chips_restore_one_by_one(page):
    whole = metric(page)
    page.dispatch_event("[data-neuron='h1[2]']", "click")
    alone = metric(page)
    page.dispatch_event("[data-neuron='h1[0]']", "click")
    assert page.locator(".chip").all_inner_texts() == ["h1[2] ×", "h1[0] ×"]
    page.click("[aria-label='restore h1[0]']")
    assert (metric(page), pressed(page, "h1[0]"), pressed(page, "h1[2]")) == (alone, "false", "true")
    page.click("[aria-label='restore h1[2]']")
    assert metric(page) == whole


def test_a_mouse_on_a_line_cuts_it(page):
    line = page.locator("[data-connection]").last
    ends = line.evaluate("""line => {
      const matrix = line.getScreenCTM(), at = (x, y) => new DOMPoint(x, y).matrixTransform(matrix);
      const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map(name => Number(line.getAttribute(name)));
      const {x, y} = at(x1 + 0.2 * (x2 - x1), y1 + 0.2 * (y2 - y1));
      return [x, y];
    }""")
    page.mouse.move(*ends)
    pointed = page.locator("line.pointed")
    assert pointed.count() == 1
    name = pointed.get_attribute("data-connection")
    page.mouse.click(*ends)
    assert pressed(page, name) == "true"


@pytest.mark.parametrize(("width", "height"), [(390, 900), (1280, 900), (1280, 260)])
def test_beside_a_thin_line_the_pointer_still_finds_it(width, height, running, tmp_path):
    net = two_parts()
    player = Player("net", prune(net, task_of(net), tolerance=1e-3), task_of(net))
    with Opened(running, written(tmp_path, player)) as opened:
        page = opened.page
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".net").scroll_into_view_if_needed()
        beside = page.evaluate("""() => {
          for (const line of document.querySelectorAll(".net line")) {
            const matrix = line.getScreenCTM();
            const [x1, y1, x2, y2] = ["x1", "y1", "x2", "y2"].map(name => Number(line.getAttribute(name)));
            for (let part = 0.3; part < 0.7; part += 0.05) {
              const {x, y} = new DOMPoint(x1 + part * (x2 - x1), y1 + part * (y2 - y1)).matrixTransform(matrix);
              const at = [[5, 0], [-5, 0], [0, 5], [0, -5]].map(([right, down]) =>
                document.elementFromPoint(x + right, y + down));
              if (at.every(each => each && each.matches("svg.net"))) return [x + 5, y, line.dataset.connection];
            }
          }
          return null;
        }""")
        page.mouse.move(*beside[:2])
        assert page.locator("line.pointed").get_attribute("data-connection") == beside[2]


def test_pointing_says_what_the_net_and_the_ablation_say(player, page):
    sparse = player.sparse
    weight = sparse.net.parameters["weight.h1"][0, 2, 1].item()
    page.fill("[type=search]", "in[1]->h1[2]")
    page.press("[type=search]", "Enter")
    said = facts(page)
    assert said["weight"] == pytest.approx(weight, rel=1e-3)
    zero, mean = ({(row.kind, row.name): row for row in table.rows} for table in (player.zero, player.mean))
    for kind, name in (("connection", "in[1]->h1[2]"), ("neuron", "h1[2]")):
        page.fill("[type=search]", name)
        page.press("[type=search]", "Enter")
        said = facts(page)
        assert said["drop of R² by zero"] == pytest.approx(zero[kind, name].drop, rel=6e-3)
        assert said["loss increase by zero"] == pytest.approx(zero[kind, name].loss_increase, rel=6e-3)
        assert said["drop of R² by mean"] == pytest.approx(mean[kind, name].drop, rel=6e-3)
        assert said["loss increase by mean"] == pytest.approx(mean[kind, name].loss_increase, rel=6e-3)
        assert said["module"] == player.modules[0].name
    slot = int(sparse.net.places["h1"][0, 2])
    assert said["place"].endswith(f"(slot {slot + 1} of 5)")
    row = player.task.test.inputs[:1].to(torch.float64)
    assert said["value now"] == pytest.approx(sparse.net.activations(row[None])["h1"][0, 0, 2].item(), rel=1e-3)
    assert page.inner_text(".piece").startswith("= silu(")


def facts(page):
    """What is said of the part that is pointed at; numbers as numbers."""
    pairs = page.evaluate(
        "Array.from(document.querySelectorAll('.about dl > div'), each => "
        "[each.querySelector('dt').textContent, each.querySelector('dd').textContent])"
    )
    return {word: as_number(text) for word, text in pairs}


def as_number(text):
    try:
        return float(text.replace("−", "-").replace(",", ""))
    except ValueError:
        return text


def test_the_film_shows_steps_places_and_more_lines(player, page):
    pruned = page.evaluate(LINES)
    page.click("text=as trained")
    assert page.evaluate(LINES) == player.dense.connections > pruned
    steps = player.checkpoint.snapshots["step"].tolist()
    places = set()
    for frame, step in enumerate(steps):
        page.locator("[aria-label='logged step']").evaluate(MOVED, frame)
        assert f"Step {step}:" in page.inner_text(".film")
        assert page.get_attribute("[aria-label='logged step']", "aria-valuetext") == f"step {step}"
        places.add(
            page.evaluate("Array.from(document.querySelectorAll('.net circle'), e => e.getAttribute('cx')).join()")
        )
    moved = {tuple(each[0].tolist()) for each in player.checkpoint.snapshots["places.h1"]}
    assert len(places) >= len(moved) > 1, "neurons change their slots"
    page.click("text=after pruning")
    assert page.evaluate(LINES) == pruned


def test_playing_moves_on_and_stops_at_the_end(player, page):
    page.click("text=Play")
    assert page.inner_text(".film button >> nth=0") == "Stop"
    page.wait_for_selector(".film button:text-is('Play')")
    assert f"Step {player.checkpoint.snapshots['step'][-1]}:" in page.inner_text(".film")
    page.click("text=Play")
    page.click("text=Stop")
    page.click("text=Play")
    page.click("text=after pruning")
    assert page.inner_text(".film button >> nth=0") == "Play"
    assert page.inner_text(".choice [aria-pressed=true]") == "after pruning"


def test_a_cut_leads_back_from_the_film_to_the_pruned_net(page):
    whole = metric(page)
    page.click("text=training film")
    assert page.locator("[data-neuron], [data-connection]").count() == 0, "a snapshot is only looked at"
    page.locator("[data-module]").first.click()
    assert page.inner_text(".choice [aria-pressed=true]") == "after pruning"
    assert metric(page) != whole


def test_events_lead_to_their_step(running, tmp_path, player):
    event = Event("jump", 2, 20, 10, "y1 jumps", "y1 </script> jumps", {})
    story = replace(player.story, events=(event,))
    with Opened(running, written(tmp_path, replace(player, story=story))) as opened:
        opened.page.click(f"text={event.words}")
        assert opened.page.input_value("[aria-label='logged step']") == "2"
        assert opened.page.inner_text(".choice [aria-pressed=true]") == "training film"


@pytest.mark.parametrize("family", ["embedding_mlp", "added", "token_transformer"])
def test_what_is_tied_goes_together(family, running, tmp_path):
    with Opened(running, written(tmp_path, player_of(family))) as opened:
        page = opened.page
        for kind, also in (("connection", "tied"), ("neuron", "also")):
            name = page.evaluate(
                f"""() => (document.querySelector("[data-{also}]") || {{dataset: {{}}}}).dataset.{also}"""
            )
            if name is None:
                continue
            whole, parts = metric(page), f"[data-{kind}='{name}'], [data-{also}='{name}']"
            page.dispatch_event(f"[data-{also}='{name}'] >> nth=0", "click")
            states = [each.get_attribute("aria-pressed") for each in page.locator(parts).all()]
            assert len(states) > 1
            assert set(states) == {"true"}
            changed = metric(page)
            page.dispatch_event(f"[data-{kind}='{name}']", "click")
            assert metric(page) == whole
            page.dispatch_event(f"[data-{kind}='{name}']", "click")
            assert metric(page) == changed
            page.click("text=Restore all")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A net of more connections than are drawn one by one."""
    net = random_mlp((60, 90, 2))
    task = task_of(net)
    sparse = prune(net, task, tolerance=1e-6)
    assert sparse.connections > 5000
    return written(tmp_path_factory.mktemp("large"), Player("net", sparse, task))


def test_of_a_large_net_groups_open_and_close(running, large):
    with Opened(running, large) as opened:
        page = opened.page
        whole, groups = metric(page), page.locator("[data-group]").count()
        assert groups > 0
        assert page.locator("[data-neuron^=h1]").count() == 0
        assert not page.is_visible("text=Close groups")
        page.locator("[data-group^=h1]").first.focus()
        page.keyboard.press("Enter")
        assert focused(page).startswith("neuron h1["), "the keyboard goes on in what was opened"
        page.keyboard.press("Enter")
        assert metric(page) != whole
        page.keyboard.press("Enter")
        assert metric(page) == whole
        page.fill("[type=search]", "x44")
        page.press("[type=search]", "Enter")
        assert focused(page) == "neuron in[43], x44"
        page.click("text=Close groups")
        assert page.locator("[data-group]").count() == groups
        assert not page.is_visible("text=Close groups")
        assert opened.said == []


def test_sheets_turn_and_pictures_are_painted_on(running, tmp_path):
    net = sheet_net()
    task = task_of(net)
    with Opened(running, written(tmp_path, Player("net", sheet_sparse(net), task))) as opened:
        page = opened.page
        before = page.get_attribute(".sheet >> nth=0", "points")
        page.locator(".turning input >> nth=0").evaluate(MOVED, 60)
        turned = page.get_attribute(".sheet >> nth=0", "points")
        page.locator(".turning input >> nth=1").evaluate(MOVED, 80)
        assert len({before, turned, page.get_attribute(".sheet >> nth=0", "points")}) == 3
        page.locator(".painting").scroll_into_view_if_needed()
        box = page.locator(".painting").bounding_box()
        low, high = task.train.inputs.min(0).values, task.train.inputs.max(0).values
        widest = int((high - low).argmax())
        page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.25 * box["height"])
        pixels = task.test.inputs[0].clone()
        pixels[1] = high[widest]
        assert answers(page) == pytest.approx(net.run(pixels[None, None])[0, 0].tolist(), rel=1e-9)
        page.keyboard.down("Shift")
        page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.75 * box["height"])
        pixels[2] = low[widest]
        assert answers(page) == pytest.approx(net.run(pixels[None, None])[0, 0].tolist(), rel=1e-9)
        assert opened.said == []


def answers(page):
    return [float(each.get_attribute("data-value")) for each in page.locator("output[data-value]").all()]


def test_the_film_stays_below_the_picture_however_much_is_said_beside_it(page):
    page.locator(".side").evaluate("each => { each.style.height = '1500px'; }")
    scene, film = (page.locator(name).bounding_box() for name in (".scene", ".film"))
    assert 0 <= film["y"] - (scene["y"] + scene["height"]) < 60
