"""Paths as users write them: each that can be none is refused with the setting's name, and nothing of it is shown."""

from pathlib import Path

import pytest

from wdbc_assets import settings, user_paths
from wdbc_assets.domain.errors import WdbcError
from wdbc_assets.store.store import open_store
from wdbc_assets_tests.domain import validation


def test_a_path_is_relative_to_the_folder_and_the_home_folder_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert user_paths.located("a/b", relative_to=tmp_path, name="X") == tmp_path / "a" / "b"
    assert user_paths.located("~/b", relative_to=tmp_path, name="X") == tmp_path / "home" / "b"


@pytest.mark.parametrize("text", ["~nobody-of-that-name/x", "a\0b", "\udc80\ud800", ""])
@pytest.mark.fault("S15")
def test_what_can_be_no_path_is_refused_with_the_name_of_the_setting(text: str, tmp_path: Path) -> None:
    with pytest.raises(WdbcError) as caught:
        user_paths.located(text, relative_to=tmp_path, name="WDBC_LOG")
    assert caught.value.where == "WDBC_LOG"


def test_an_object_that_is_no_path_is_refused_by_its_type_and_not_shown() -> None:
    frame = validation.clean_frame()
    with pytest.raises(WdbcError) as caught:
        user_paths.given(frame, name="source")
    assert "DataFrame" in str(caught.value)
    assert "17.99" not in str(caught.value)
    assert user_paths.given(Path("a"), name="source") == "a"


@pytest.mark.parametrize(
    "address", ["~nobody-of-that-name/x", "file://elsewhere/x", "file://relative", "file:relative", "file:///\0"]
)
def test_a_store_that_can_be_no_folder_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(WdbcError) as caught:
        open_store(address, relative_to=tmp_path)
    assert caught.value.where == "WDBC_STORAGE"


@pytest.mark.parametrize("host", ["", "localhost"])
def test_the_url_of_a_folder_is_decoded(host: str, tmp_path: Path) -> None:
    store = open_store(f"file://{host}{tmp_path}/with%20space", relative_to=tmp_path)
    assert store.url == str(tmp_path / "with space")


def test_an_env_file_with_a_nul_character_is_refused(environment: Path) -> None:
    (environment / ".env").write_bytes(b"WDBC_STORAGE=a\0b\n")
    with pytest.raises(WdbcError, match="NUL"):
        settings.load()
