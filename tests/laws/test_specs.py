"""Sources as a person writes them: what opens, and what is said where it does not."""

import shutil
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import miniature_datasets as trees
from leadline.data.files import encode_jpeg, encode_map
from leadline.data.records import encode_record
from leadline.data.shards import Store, finish_store, write_store
from leadline.data.source import Evenly, mix_of
from leadline.data.sources.dataset import DatasetSource
from leadline.data.sources.folder import FolderSource
from leadline.data.sources.table import TableSource
from leadline.render.source import ENDLESS, ProceduralSource
from leadline.stages.sources import Use, open_source, open_sources, parse_size
from leadline.types import Label, LeadlineError, Size, Space


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of five pictures with labels, a table of it, and a store."""
    root = tmp_path_factory.mktemp("data")
    (root / "photos" / "labels").mkdir(parents=True)
    raw = np.array([[0, 1, 6553], [13107, 65534, 65535]], np.uint16)
    for number in range(5):
        (root / "photos" / f"{number}.jpg").write_bytes(encode_jpeg(np.zeros((2, 3, 3), np.uint8)))
        (root / "photos" / "labels" / f"{number}.png").write_bytes(encode_map(raw))
    (root / "photos" / "pairs.csv").write_text(
        "rgb,depth,kind,scale,invalid\n0.jpg,labels/0.png,depth,0.001,0\n", encoding="utf-8"
    )
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    label = Label(values=values, valid=np.ones((2, 3), np.bool_), space=Space.DISPARITY)
    record = encode_record("a/0", encode_jpeg(np.zeros((2, 3, 3), np.uint8)), label)
    write_store(root / "store", [3], lambda number: [record] * 3, about={}, done=lambda *_: None)
    finish_store(root / "store")
    return root


def message(spec: str) -> str:
    with pytest.raises(LeadlineError) as caught:
        open_source(spec)
    return str(caught.value)


# ---------------------------------------------------------------- what opens


def test_open_source__tells_the_kinds_apart(place: Path) -> None:
    assert isinstance(open_source(str(place / "photos")), FolderSource)
    assert isinstance(open_source(str(place / "photos" / "pairs.csv")), TableSource)
    assert isinstance(open_source(str(place / "store")), Store)
    assert isinstance(open_source("procedural?count=3"), ProceduralSource)


def test_open_source__a_folder_takes_the_rule_of_its_labels(place: Path) -> None:
    spec = (
        f"{place}/photos?labels=labels&space=disparity&scale=1/6553.5&invalid=none&name=mine&licence=CC%20BY+"
    )
    source = open_source(spec)
    label = source[0].label
    assert label is not None
    assert label.space is Space.DISPARITY
    np.testing.assert_allclose(label.values[0], [0, 1 / 6553.5, 6553 / 6553.5], rtol=1e-6)
    assert label.valid.all()
    assert source.name == "mine"
    assert source.provenance()["licence"] == "CC BY+"
    assert len(source) == 5


@pytest.mark.parametrize(
    ("invalid", "count"), [("", 5), ("&invalid=0", 5), ("&invalid=65535", 5), ("&invalid=NONE", 6)]
)
def test_open_source__one_raw_number_is_invalid_zero_unless_said(
    place: Path, invalid: str, count: int
) -> None:
    label = open_source(f"{place}/photos?labels=labels&space=disparity{invalid}")[0].label
    assert label is not None
    assert label.valid.sum() == count
    assert label.valid[1, 2] == (invalid != "&invalid=65535")


@pytest.mark.parametrize(
    ("scale", "factor"), [("0.5", 0.5), ("1/8", 0.125), ("3/2", 1.5), ("2", 2), ("1e-3", 1e-3)]
)
def test_open_source__a_scale_may_be_a_fraction(place: Path, scale: str, factor: float) -> None:
    label = open_source(f"{place}/photos?labels=labels&space=depth&scale={scale}")[0].label
    assert label is not None
    assert label.values[0, 1] == pytest.approx(factor)


def test_open_source__procedural_takes_count_seed_and_size() -> None:
    source = open_source("procedural?count=3&seed=7&size=12x16")
    assert len(source) == 3
    provenance = source.provenance()
    assert (provenance["seed"], provenance["size"]) == ("7", "12x16")


def test_open_source__procedural_takes_what_the_generator_takes(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    source = open_source(f"procedural?views=3&layouts=street,table&quality=path&textures={tmp_path}&lens=no")
    provenance = source.provenance()
    assert (provenance["views"], provenance["layouts"], provenance["quality"]) == (
        "3",
        "street,table",
        "path",
    )
    assert provenance["textures"].startswith(f"{tmp_path.name}, 1 files, ")
    assert provenance["lens"] == "False"
    assert len(source) == ENDLESS


def test_open_source__a_table_may_be_named(place: Path) -> None:
    assert open_source(f"{place}/photos/pairs.csv?name=mine")[0].id == "mine/0.jpg"


@pytest.mark.parametrize(
    ("spec", "kept"),
    [("photos?limit=2", 2), ("photos?limit=19", 10), ("store?limit=1", 1), ("photos/pairs.csv?limit=1", 1)],
)
def test_open_source__any_source_takes_a_limit(place: Path, spec: str, kept: int) -> None:
    source = open_source(f"{place}/{spec}")
    assert isinstance(source, Evenly)
    assert len(source) == kept


def test_open_source__a_limit_goes_with_other_keys() -> None:
    assert len(open_source("procedural?count=10&limit=4&seed=1")) == 4


def test_open_source__a_home_is_written_with_a_tilde(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    assert len(open_source("~/photos")) == 10


def test_open_sources__stand_one_after_another(place: Path) -> None:
    both = open_sources([str(place / "store"), f"{place}/photos?limit=2"], role="labelled")
    assert len(both) == 5
    assert [both[index].id for index in (0, 3)] == ["a/0", "photos/0.jpg"]


@pytest.mark.parametrize(("text", "size"), [("192x256", Size(192, 256)), ("3X4", Size(3, 4))])
def test_parse_size__height_comes_first(text: str, size: Size) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "192", "192x", "x256", "1x2x3", "192*256", "axb"])
def test_parse_size__anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected height x width, such as 192x256, got"):
        parse_size(text)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_open_source__an_archive_gives_its_pictures(place: Path, tmp_path: Path, kind: str) -> None:
    made = shutil.make_archive(str(tmp_path / "p"), kind, place / "photos")
    source = open_source(f"{made}?name=mine&licence=CC0")
    expected = open_source(str(place / "photos"))
    assert len(source) == len(expected)
    np.testing.assert_array_equal(source[0].image, expected[0].image)
    assert source[0].id == f"mine/p.{kind}/0.jpg"
    assert source.provenance()["licence"] == "CC0"


def test_open_source__a_data_set_is_named_before_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.vkitti2(tmp_path / "data" / "vkitti2")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(open_source("vkitti2:~/data/vkitti2")) == 1
    assert len(open_source("vkitti2:~/data/vkitti2?split=both")) == 2
    assert len(open_source("vkitti2:~/data/vkitti2?split=both&limit=1")) == 1


def test_open_source__a_data_set_alone_lies_below_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees.vkitti2(tmp_path / "vkitti2")
    monkeypatch.delenv("LEADLINE_DATA", raising=False)
    said = message("vkitti2?split=both")
    assert said.startswith("where does vkitti2 lie? write vkitti2:FOLDER, or set LEADLINE_DATA to the folder")
    monkeypatch.setenv("LEADLINE_DATA", str(tmp_path))
    assert len(open_source("vkitti2?split=both")) == 2
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_source("vkitti2"), DatasetSource)  # whatever lies in the current folder
    assert isinstance(open_source("./vkitti2"), FolderSource)


def test_open_source__two_splits_are_told_apart_by_name(tmp_path: Path) -> None:
    trees.vkitti2(tmp_path)
    source = open_source(f"vkitti2:{tmp_path}?split=both&name=stereo")
    assert source.name == "stereo"
    assert source[0].id == "stereo/Scene01/15-deg-left/0/00000"


def test_open_source__the_use_decides_on_the_split(tmp_path: Path) -> None:
    trees.nyuv2(tmp_path)
    uses: tuple[Use, ...] = get_args(Use)
    ids = {use: open_source(f"nyuv2:{tmp_path}", use=use)[0].id for use in uses}
    assert ids == {
        "train": "nyuv2/0001/rawDepths",
        "test": "nyuv2/0002/rawDepths",
        "look": "nyuv2/0001/rawDepths",
    }
    assert open_sources([f"nyuv2:{tmp_path}"], role="benchmarks")[0].id == ids["test"]
    assert open_sources([f"nyuv2:{tmp_path}"], role="labelled")[0].id == ids["train"]


def test_open_sources__a_benchmark_is_not_trained_on_by_accident(tmp_path: Path) -> None:
    trees.sintel(tmp_path)
    with pytest.raises(LeadlineError, match=r"no split to train with.*name one: \?split=final or clean"):
        open_sources([f"sintel:{tmp_path}"], role="labelled")
    assert len(open_sources([f"sintel:{tmp_path}?split=clean"], role="labelled")) == 1


def test_open_sources__a_weight_is_for_training(place: Path) -> None:
    spec = f"{place}/store?weight=2.5&limit=2"
    assert mix_of(open_sources([spec, f"{place}/store"], role="pseudo")) == ((2, 5), (3, 3))
    for role in ("benchmarks", "pictures"):
        with pytest.raises(LeadlineError, match="a weight is for training; use limit to take fewer"):
            open_sources([spec], role=role)


# ---------------------------------------------------------------- what is said


@pytest.mark.parametrize(
    ("query", "near"),
    [
        ("photos?lables=x", "'labels'"),
        ("photos?scal=1", "'scale'"),
        ("photos?license=x", "'licence'"),
        ("photos?limti=3", "'limit'"),
        ("store?limmit=3", "'limit'"),
        ("photos/pairs.csv?nam=x", "'name'"),
    ],
)
def test_open_source__a_misspelt_key_is_answered_with_the_nearest(place: Path, query: str, near: str) -> None:
    spec = f"{place}/{query}"
    key = query.partition("?")[2].partition("=")[0]
    assert message(spec) == f"{spec}: there is no key {key!r} here; did you mean {near}?"


def test_open_source__a_key_that_resembles_none_is_answered_with_all(place: Path) -> None:
    assert message("procedural?count=1&zzz=1").endswith(
        "no key 'zzz' here; there are: count, environment, layouts, lens, limit, quality, seed, size, "
        "textures, views, weight"
    )
    assert message(f"{place}/store?space=depth").endswith(
        "no key 'space' here; there are: limit, name, weight"
    )


def test_open_source__a_misspelt_key_beside_a_limit_is_found_too() -> None:
    assert "no key 'sed' here; did you mean 'seed'?" in message("procedural?count=1&sed=1&limit=1")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("photos?labels=labels&space=disparty", "space=disparty: did you mean 'disparity'?"),
        ("photos?labels=labels&space=x", "space=x: expected one of depth, disparity, affine_disparity"),
        ("photos?labels=labels&space=depth&scale=big", "scale=big: could not convert string to float"),
        ("photos?labels=labels&space=depth&scale=1/0", "scale=1/0: float division by zero"),
        ("photos?labels=labels&space=depth&invalid=no", "invalid=no: could not convert string to float"),
        ("photos?limit=all", "limit=all: invalid literal for int"),
        ("photos?limit=0", "a limit is at least 1, got 0"),
        ("photos?weight=2", "a weight is for training"),
        ("photos?limit", "limit=: invalid literal for int"),
    ],
)
def test_open_source__a_wrong_value_is_named_with_its_key(place: Path, query: str, said: str) -> None:
    spec = f"{place}/{query}"
    assert message(spec).startswith(f"{spec}: {said}")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("procedural?count=3&size=192", "size=192: expected height x width, such as 192x256, got '192'"),
        ("procedural?count=3&size=0x4", "count and size are at least 1"),
        ("procedural?count=0", "count and size are at least 1"),
        ("procedural?quality=good", "quality=good: expected fast or path"),
        ("procedural?layouts=street,moon", "layouts: got moon; there are: living, "),
        ("procedural?views=0", "views: at least 1 picture a scene, got 0"),
        ("procedural?lens=on", "lens=on: expected yes or no"),
        ("procedural?textures=/nowhere", "textures=/nowhere: there is no such folder"),
    ],
)
def test_open_source__the_generator_says_what_it_needs(spec: str, said: str) -> None:
    assert message(spec).startswith(f"{spec}: {said}")


def test_open_source__a_place_where_nothing_stands_is_named(tmp_path: Path) -> None:
    said = "is neither a folder, nor a .tar, .zip or .csv file, and the only built-in source is 'procedural'"
    assert message(f"{tmp_path}/absent?limit=2") == f"{tmp_path}/absent {said}"
    assert f"{tmp_path}/absent.csv" in message(f"{tmp_path}/absent.csv")
    assert "procedural" in message("procedual?count=3")
    assert message("hypresim").endswith("did you mean the data set 'hypersim'?")
    assert message("hypresim:~/data") == "there is no data set 'hypresim'; did you mean 'hypersim'?"


@pytest.mark.parametrize("spec", ["", "?limit=2"])
def test_open_source__a_place_that_is_empty_is_not_the_current_folder(spec: str) -> None:
    assert message(spec).startswith(f"{spec!r} names no source")


@pytest.mark.parametrize("name", ["what?", "a?b?c", "x?limit=9"])
def test_open_source__a_question_mark_may_be_part_of_a_place(place: Path, name: str, tmp_path: Path) -> None:
    shutil.copytree(place / "photos", tmp_path / name)
    assert len(open_source(str(tmp_path / name))) == len(open_source(f"{place}/photos"))
    assert len(open_source(f"{tmp_path / name}?limit=1")) == 1


def test_open_source__the_home_folder_is_found_in_labels_too(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(LeadlineError, match=rf"nor {tmp_path}/gone: "):
        open_source(f"{place}/photos?labels=~/gone&space=depth")


def test_open_source__archives_are_told_from_folders_and_compressed_ones_mended(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"\x1f\x8b")
    assert "decompress it once (gunzip" in message(f"{tmp_path}/x.tar.gz")
    (tmp_path / "my.tar").mkdir()
    assert message(f"{tmp_path}/my.tar").startswith("there are no pictures below")


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "much"])
def test_open_sources__a_weight_that_is_none_is_refused(place: Path, weight: str) -> None:
    with pytest.raises(LeadlineError, match=r"a weight is positive and finite, got|weight=much: could not"):
        open_sources([f"{place}/store?weight={weight}"], role="labelled")


def test_open_source__what_the_source_itself_refuses_comes_through(place: Path, tmp_path: Path) -> None:
    assert "labels and their space go together" in message(f"{place}/photos?labels=labels")
    assert "there are no pictures below" in message(str(tmp_path))


@pytest.mark.parametrize("role", ["labelled", "pictures"])
def test_open_sources__none_is_answered_with_the_option_to_give(role: str) -> None:
    with pytest.raises(LeadlineError, match=f"no source is given: name at least one with --{role} PATH"):
        open_sources([], role=role)
