// Runs before the page is drawn, so that it never shows the wrong colours.
"use strict";
(() => {
  try {
    const theme = localStorage.getItem("vpuformer-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage, the theme of the system applies.
  }
})();
