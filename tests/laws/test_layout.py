"""Templates find what fits and nothing else, in folders and in archives."""

import os
import sys
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest

from leadline.data.archives import list_members, read_member
from leadline.data.layout import Layout, fields_of, match, only_file
from leadline.data.sources.archive import open_archive
from leadline.types import LeadlineError, UnreadableError
from miniature_datasets import jpeg, lsun, picture, tar


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, template: str) -> list[tuple[str, ...]]:
    return sorted(match(root, template))


@pytest.mark.parametrize(
    ("template", "fits"),
    [
        ("{scene}/rgb/{frame:digits}.jpg", [("a", "01"), ("b", "2")]),
        ("a/rgb/{frame}.jpg", [("01",), ("01_masked",)]),
        ("{scene}/{kind}/{frame:digits}.jpg", [("a", "rgb", "01"), ("b", "rgb", "2")]),
        ("{path:deep}.jpg", [("a/rgb/01",), ("a/rgb/01_masked",), ("b/rgb/2",)]),
        ("{scene}/{scene}.txt", [("a",)]),
        ("{scene}/only_{scene}/x", []),
        ("a/rgb", [()]),
        ("a/rgb/01.jpg/{below}", []),
        ("c/{frame}", []),
        ("a.rgb/{frame}", []),
    ],
)
def test_match__finds_what_fits(template: str, fits: list[tuple[str, ...]], tmp_path: Path) -> None:
    touch(
        tmp_path, "a/rgb/01.jpg", "a/rgb/01_masked.jpg", "b/rgb/2.jpg", "b/rgb/.3.jpg", "a/a.txt", "a/b.txt"
    )
    touch(tmp_path, "a/.hidden/01.jpg", "b/rgb/x/note.txt")
    assert found(tmp_path, template) == fits


def test_match__links_to_folders_are_followed_and_loops_end(tmp_path: Path) -> None:
    touch(tmp_path, "disk/part/1.jpg")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a").symlink_to(tmp_path / "disk")
    (tmp_path / "disk" / "loop").symlink_to(tmp_path / "root")
    assert found(tmp_path / "root", "{path:deep}.jpg") == [("a/part/1",)]
    assert found(tmp_path / "root", "{a}/{part}/{frame}.jpg") == [("a", "part", "1")]


def test_match__a_dot_in_a_template_is_a_dot(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "axjpg")
    assert found(tmp_path, "{frame}.jpg") == [("a",)]


def test_layout__the_other_files_follow_from_the_fields() -> None:
    layout = Layout({"picture": "{scene}/{frame:digits}.jpg", "label": "{scene}/depth/{frame}.png"})
    assert layout.fields == ("scene", "frame")
    assert layout.fill("label", {"scene": "a", "frame": "7"}) == "a/depth/7.png"
    assert fields_of("{a}/{b:digits}_{a}") == ("a", "b")


def test_layout__frames_are_sorted_and_single(tmp_path: Path) -> None:
    layout = Layout({"picture": "{f}.jpg"}, entries=lambda root: [("b",), ("a",), ("b",)])
    assert layout.find(tmp_path) == [("a",), ("b",)]


def test_only_file__is_the_one_that_fits(tmp_path: Path) -> None:
    touch(tmp_path, "1_d3.png", "2_a.png", "2_b.png")
    assert only_file(tmp_path / "1_*.png").name == "1_d3.png"
    touch(tmp_path, "[4]_x.png")
    assert only_file(tmp_path / "[4]_*.png").name == "[4]_x.png"
    for pattern, count in (("2_*.png", 2), ("3_*.png", 0)):
        with pytest.raises(UnreadableError, match=f"expected one file, found {count}"):
            only_file(tmp_path / pattern)


def test_match__an_archive_is_looked_into(tmp_path: Path) -> None:
    tar(tmp_path / "p_1.tar", {"./p/a.jpg": b"", "p/b.png": b"", "q/c.jpg": b""})
    with zipfile.ZipFile(tmp_path / "p_2.zip", "w") as made:
        made.writestr("p/d.jpg", b"")
    assert found(tmp_path, "p_{part}.tar!p/{frame}.jpg") == [("1", "a")]
    assert found(tmp_path, "p_{part}.zip!p/{frame}.jpg") == [("2", "d")]
    assert found(tmp_path, "p_{part}.tar!{path:deep}.jpg") == [("1", "p/a"), ("1", "q/c")]


@pytest.mark.parametrize("kind", ["tar", "zip", "lmdb"])
def test_archive__gives_back_what_was_put_in(kind: str, tmp_path: Path) -> None:
    content = {"a.jpg": jpeg(), "deep/b.bin": bytes(range(256)) * 9, "empty": b""}
    archive = tmp_path / f"x.{kind}"
    if kind == "tar":
        tar(archive, content)
    elif kind == "zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
            for name, data in content.items():
                made.writestr(name, data)
    else:
        lsun(tmp_path)
        archive, content = tmp_path / "bedroom_train_lmdb", {"0a1b": jpeg()}
    assert list_members(archive) == tuple(content)
    assert {name: read_member(archive, name) for name in content} == content
    with pytest.raises(UnreadableError, match="has no member nothing"):
        read_member(archive, "nothing")


def test_archive__links_and_devices_are_no_members(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as made:
        for name, kind in (
            ("link.jpg", tarfile.SYMTYPE),
            ("pipe.jpg", tarfile.FIFOTYPE),
            ("dir", tarfile.DIRTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            made.addfile(member)
    assert list_members(tmp_path / "x.tar") == ()
    with pytest.raises(LeadlineError, match="holds nothing of pictures in an archive"):
        open_archive(tmp_path / "x.tar")


@pytest.mark.parametrize("name", ["x.tar.gz", "x.tgz", "x.tar.xz"])
def test_archive__a_compressed_tar_is_answered_with_what_to_do(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x1f\x8b")
    with pytest.raises(LeadlineError, match=r"compressed tar file.*decompress it once \(gunzip"):
        found(tmp_path, "{archive}!{frame}.jpg")


def test_archive__cut_short_names_the_member(tmp_path: Path) -> None:
    file = tmp_path / "x.tar"
    tar(file, {"a.jpg": jpeg(), "b.jpg": jpeg(400, 600)})
    source = open_archive(file)
    os.truncate(file, 3000)
    assert source[0].id == "x/x.tar/a.jpg"
    with pytest.raises(UnreadableError, match=r"x\.tar!b\.jpg cannot be read: the archive is cut short"):
        source[1]


def test_archive__a_tar_that_ends_at_a_header_is_refused(tmp_path: Path) -> None:
    """Python's reader takes what it cannot read of a later header for the end."""
    file = tmp_path / "x.tar"
    tar(file, {"a.jpg": jpeg(), "b.jpg": jpeg(), "c.jpg": jpeg()})
    whole = file.read_bytes()
    with tarfile.open(file) as opened:
        second = opened.getmembers()[1].offset
    damaged = bytearray(whole)
    damaged[second + 150] ^= 1  # of its checksum
    for name, content in (
        ("header", bytes(damaged)),
        ("cut", whole[:second]),
        ("within", whole[: second + 9]),
    ):
        (tmp_path / f"{name}.tar").write_bytes(content)
        with pytest.raises(LeadlineError, match=rf"{name}\.tar cannot be read as an archive: .*{second}"):
            list_members(tmp_path / f"{name}.tar")
    assert len(list_members(file)) == 3


def test_archive__a_member_with_holes_is_unreadable_and_no_other(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a.jpg")
    member.size, member.pax_headers = 512, {"GNU.sparse.map": "0,512", "GNU.sparse.size": "1024"}
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.PAX_FORMAT) as made:
        made.addfile(member, BytesIO(bytes(512)))
        whole = tarfile.TarInfo("b.jpg")
        whole.size = 9
        made.addfile(whole, BytesIO(bytes(9)))
    assert list_members(tmp_path / "x.tar") == ("a.jpg", "b.jpg")
    assert read_member(tmp_path / "x.tar", "b.jpg") == bytes(9)
    with pytest.raises(UnreadableError, match=r"a\.jpg cannot be read: it is stored with holes: pack"):
        read_member(tmp_path / "x.tar", "a.jpg")


def test_archive__tars_that_were_joined_by_cat_are_refused(tmp_path: Path) -> None:
    """What readers do not find behind the end of the first is told."""
    tar(tmp_path / "a.tar", {"a.jpg": jpeg()})
    tar(tmp_path / "b.tar", {"b.jpg": jpeg()})
    first = (tmp_path / "a.tar").read_bytes()
    (tmp_path / "ab.tar").write_bytes(first + (tmp_path / "b.tar").read_bytes())
    with pytest.raises(LeadlineError, match=r"ab\.tar cannot be read .*more members follow its end"):
        list_members(tmp_path / "ab.tar")
    for name, behind in (("zeros", bytes(99_999)), ("junk", b"\0" * 700 + b"junk" * 999)):
        (tmp_path / f"{name}.tar").write_bytes(first + behind)
        assert list_members(tmp_path / f"{name}.tar") == ("a.jpg",)


@pytest.mark.parametrize("kind", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive__a_damaged_member_is_unreadable_and_the_others_are_not(kind: int, tmp_path: Path) -> None:
    file, content = tmp_path / "x.zip", {"a.jpg": jpeg(90, 120), "b.jpg": jpeg()}
    with zipfile.ZipFile(file, "w", kind) as made:
        for name, data in content.items():
            made.writestr(name, data)
        start = made.getinfo("a.jpg").header_offset
    damaged = bytearray(file.read_bytes())
    damaged[start + 60 : start + 100] = bytes(255 - byte for byte in damaged[start + 60 : start + 100])
    file.write_bytes(damaged)
    with pytest.raises(UnreadableError, match=r"x\.zip!a\.jpg cannot be read"):
        read_member(file, "a.jpg")
    assert read_member(file, "b.jpg") == content["b.jpg"]


def test_archive__of_a_version_to_come_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("a.jpg", b"")
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 99  # the version that is needed to extract it
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(LeadlineError, match="cannot be read as an archive: zip file version 9"):
        list_members(tmp_path / "x.zip")


def test_archive__of_many_pictures_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        for number in range(9):
            made.writestr(f"{number}.jpg", jpeg())
    opened, original = [], zipfile.ZipFile._RealGetContents  # type: ignore[attr-defined]

    def counted(self: zipfile.ZipFile) -> None:
        opened.append(self.filename)
        original(self)

    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", counted)
    source = open_archive(tmp_path / "x.zip")
    assert [source[index].id for index in range(9)] == [f"x/x.zip/{number}.jpg" for number in range(9)]
    assert len(opened) <= 2


def test_archive__is_read_by_several_threads(tmp_path: Path) -> None:
    lsun(tmp_path)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("0a1b", jpeg())
    for archive in (tmp_path / "bedroom_train_lmdb", tmp_path / "x.zip"):
        with ThreadPoolExecutor(4) as pool:
            found = set(pool.map(lambda _, archive=archive: read_member(archive, "0a1b"), range(400)))
        assert found == {jpeg()}


def test_archive__may_have_an_exclamation_mark_in_any_name(tmp_path: Path) -> None:
    tar(tmp_path / "party!.tar", {"wow!/a!.jpg": jpeg()})
    source = open_archive(tmp_path / "party!.tar")
    assert source[0].id == "party!/party!.tar/wow!/a!.jpg"
    assert source.provenance()["count"] == "1"


@pytest.mark.parametrize("name", ["x.tar", "x.zip"])
def test_archive__that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"this is no archive" * 99)
    with pytest.raises(LeadlineError, match="cannot be read as an archive"):
        open_archive(tmp_path / name)
    with pytest.raises(LeadlineError, match=r"cannot be read as an archive: .*No such file"):
        open_archive(tmp_path / "gone" / name)


def test_archive__pictures_alone_are_taken_by_suffix(tmp_path: Path) -> None:
    tar(
        tmp_path / "x.tar",
        {"b.JPG": jpeg(), "a.json": b"{}", ".c.jpg": jpeg(), "d/.e/f.jpg": jpeg(), "d/g.png": jpeg()},
    )
    source = open_archive(tmp_path / "x.tar", name="mine", licence="CC0")
    assert [source[i].id for i in range(len(source))] == ["mine/x.tar/b.JPG", "mine/x.tar/d/g.png"]
    assert source.provenance()["licence"] == "CC0"
    assert source[0].label is None


def test_archive__without_lmdb_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lsun(tmp_path)
    picture(tmp_path / "a.jpg")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(LeadlineError, match=r"pip install 'leadline\[datasets\]'$"):
        list_members(tmp_path / "bedroom_train_lmdb")
