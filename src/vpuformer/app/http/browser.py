"""The browser of the desktop, and never one that takes the terminal."""

import webbrowser
from pathlib import PurePath

_IN_THE_TERMINAL = frozenset({"www-browser", "browsh", "elinks", "links", "links2", "lynx", "w3m"})


def open_page(address: str) -> bool:
    """Open an address in the browser of the desktop, or in that of the variable BROWSER; whether there is one.

    Where there is no desktop, as over SSH, Python offers text browsers, which take the terminal that the server runs
    in. Those are never opened.
    """
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    name = getattr(browser, "name", "")
    if PurePath(str(name)).stem in _IN_THE_TERMINAL:
        return False
    return browser.open(address)
