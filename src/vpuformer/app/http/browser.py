"""Opens the page in a desktop browser, never in one that runs in the terminal."""

import webbrowser
from pathlib import PurePath

_IN_THE_TERMINAL = frozenset({"www-browser", "browsh", "elinks", "links", "links2", "lynx", "w3m"})


def open_page(address: str) -> bool:
    """Open an address in the desktop browser, and return whether that worked.

    The variable BROWSER may name another browser. Without a desktop, as over SSH, Python offers text browsers, which
    would take over the server's terminal. They are not opened.
    """
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    name = getattr(browser, "name", "")
    if PurePath(str(name)).stem in _IN_THE_TERMINAL:
        return False
    return browser.open(address)
