"""Without a browser a test of the page is skipped, and fails under CI; the reason says how to get one."""

from __future__ import annotations

import runpy
import shutil

import pytest

from tests.examples import browser


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "installed", lambda: None)


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("ci", [None, ""])
def test_without_a_browser_a_test_is_skipped(monkeypatch: pytest.MonkeyPatch, ci: str | None) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
        browser.needed()


@pytest.mark.usefixtures("nowhere")
def test_without_a_browser_a_test_fails_under_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        browser.needed()


def test_a_browser_is_used_with_and_without_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "installed", lambda: "/somewhere/chromium")
    for ci in ("", "true"):
        monkeypatch.setenv("CI", ci)
        assert browser.needed() == "/somewhere/chromium"


@pytest.mark.parametrize(("found", "ended"), [(None, browser.NONE), ("/somewhere/chromium", None)])
def test_make_and_ci_are_told_whether_there_is_a_browser(
    monkeypatch: pytest.MonkeyPatch, found: str | None, ended: str | None
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: found)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(browser.__file__, run_name="__main__")
    assert end.value.code == ended
