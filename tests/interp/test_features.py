"""Features of a hand-made net are its weights; its signs are counted by hand."""

import pytest
import torch

from interp.features import find_features, find_feeds, on_sheets, pixels_read, sheet_of
from interp.signs import LinkSigns, _compared, find_signs
from interp.sparse import Neuron
from tests.nets import TwoOperands, two_parts
from tests.sheets import sheet_net, sheet_sparse


def test_features_are_the_weights_at_their_pixels_by_importance():
    features = find_features(sheet_sparse())
    assert [str(feature.neuron) for feature in features] == ["h1[0]", "h1[2]", "h1[1]"]
    assert [feature.importance for feature in features] == [1 + 2 + 4, 3 + 0.5, 0.5 + 0.25 + 1]
    assert features[0].image.tolist() == [[1, 0], [-2, 0]]
    assert features[1].image.tolist() == [[0, 0], [0, 3]]


def test_a_feature_follows_the_places_of_what_it_reads():
    net = sheet_net()
    moved = net.replaced(places={**net.places, "in": torch.tensor([[3, 1, 2, 0]])})
    assert sheet_of(moved, "in").tolist() == [[3, 1], [2, 0]]
    assert find_features(sheet_sparse(moved))[0].image.tolist() == [[0, 0], [-2, 1]]


def test_cut_weights_are_no_part_of_a_feature():
    sparse = sheet_sparse()
    sparse.kept["weight.h1"][0, 0, 2] = False
    assert find_features(sparse)[0].image.tolist() == [[1, 0], [0, 0]]


def test_every_output_is_followed_down_its_strongest_connections():
    feeds = {str(feed.output): feed for feed in find_feeds(sheet_sparse())}
    assert list(feeds) == ["out[0]", "out[1]", "out[2]"]
    first = feeds["out[0]"]
    assert (first.through, first.weights) == ((Neuron("h2", 0),), (2.0,))
    assert [(str(feature.neuron), weight) for feature, weight in first.features] == [("h1[0]", -4.0), ("h1[1]", 0.25)]
    assert [weight for _, weight in feeds["out[2]"].features] == [-1.0, -0.5]


def test_pixels_without_a_connection_are_not_read():
    sparse = sheet_sparse()
    sparse.kept["weight.h1"][0, 1, 1] = False
    assert pixels_read(sparse)["in"].tolist() == [True, False, True, True]


def test_nets_on_lines_have_no_features():
    assert not on_sheets(two_parts())
    assert sheet_of(two_parts(), "in") is None
    assert find_features(sheet_sparse(two_parts())) == ()
    assert find_feeds(sheet_sparse(two_parts())) == ()
    assert not on_sheets(TwoOperands(tokens=True))


def test_a_ring_is_no_sheet_of_pixels():
    assert sheet_of(sheet_net(), "out") is None
    assert on_sheets(sheet_net())


# Signs


def test_signs_are_counted_and_weighed():
    signs = find_signs(sheet_sparse())
    assert [link.link for link in signs.links] == ["h1<-in", "h2<-h1", "out<-h2"]
    assert [link.connections for link in signs.links] == [4, 4, 3]
    assert [link.positive_connections for link in signs.links] == [3 / 4, 1 / 4, 1.0]
    assert [link.positive_weight for link in signs.links] == pytest.approx([4.5 / 6.5, 0.25 / 5.75, 1.0])
    assert signs.links[0].positive.tolist() == [3.0, 1.0, 0.5]
    assert [link.verdict for link in signs.links] == ["mostly positive", "nearly all negative", "nearly all positive"]
    assert signs.verdict.startswith("Pattern mismatch, then match, as published: ")


def test_cut_weights_have_no_sign():
    sparse = sheet_sparse()
    sparse.kept["weight.h2"][:] = False
    link = find_signs(sparse).links[1]
    assert (link.connections, link.positive_weight, link.positive_connections, link.verdict) == (0, None, None, "empty")


@pytest.mark.parametrize(
    ("positive", "negative", "verdict"),
    [
        ([9.0], [1.0], "nearly all positive"),
        ([8.9], [1.1], "mostly positive"),
        ([6.0], [4.0], "mixed"),
        ([4.0], [6.0], "mixed"),
        ([2.0], [8.0], "mostly negative"),
        ([], [1.0], "nearly all negative"),
    ],
)
def test_a_link_is_called_by_the_share_of_its_weight(positive, negative, verdict):
    sizes = (torch.tensor(each, dtype=torch.float64) for each in (positive, negative))
    assert LinkSigns("a<-b", *sizes).verdict == verdict


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (["mixed", "nearly all negative", "nearly all positive"], "^Pattern mismatch, then match, as published"),
        (["mixed", "mostly negative", "nearly all positive"], "^Pattern mismatch, then match, but less purely"),
        (["mixed", "mixed", "nearly all positive"], "^Not the published pattern .* link is mixed, the last nearly all"),
        (["mixed", "nearly all positive", "nearly all negative"], "^Not the published pattern"),
        (["nearly all negative", "nearly all positive"], "^There are too few links"),
    ],
)
def test_the_published_pattern_is_claimed_only_where_it_is(verdicts, words):
    import re

    assert re.search(words, _compared(verdicts))
