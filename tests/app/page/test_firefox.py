"""The main path in Firefox: outline, correct, undo, label, accept, the next image, export."""

import shutil
from pathlib import Path

import pytest

from support.app_disks import Disks
from support.browser import EXAMPLES, served
from support.firefox import FIREFOX, firefox


@pytest.mark.skipif(FIREFOX is None, reason="there is no Firefox; install firefox-esr to test the page in it")
def test_the_main_path_in_firefox(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("chelsea", "coffee"):
        shutil.copy(EXAMPLES / f"{name}.jpg", folder)
    with served(folder, Disks()) as address, firefox(tmp_path / "profile") as person:
        person.open(address)
        person.script("void (window.faults = [], addEventListener('error', ({message}) => faults.push(message)))")
        first = person.draw([(100, 100)])
        assert (first["steps"], first["object"]) == ("1", "1")
        corrected = person.draw([(110, 100)], positive=False)
        assert int(corrected["area"]) < int(first["area"])
        assert person.press("Control", "z")["area"] == first["area"]
        assert person.draw([(50, 50), (90, 90), (150, 150)])["steps"] == "2"
        person.press_button("#new-label-name")
        for character in "cat":
            person.press(character)
        person.press("Enter")
        person.press_button("#stage .zoom [data-act=fit]")
        assert person.press("Enter")["object"] == ""
        assert "cat" in person.text("#objects")
        assert person.text("#object-count") == "1 of 1 accepted"
        person.press("d")
        assert person.press("ArrowRight")["image"] == "coffee.jpg"
        person.press_button("#export")
        assert "COCO JSON" in person.text("#export-menu")
        assert person.script("fetch('api/export?format=coco').then((answer) => answer.status)") == 200
        outside = (
            "performance.getEntriesByType('resource').filter(({name}) => !name.startsWith(location.origin)).length"
        )
        assert person.script(outside) == 0
        assert person.script("faults") == []
