// The switch between light and dark. Loaded before the body, so that no page flashes in the wrong one.
"use strict";
(() => {
  const KEY = "trivium.theme";
  const read = () => { try { return localStorage.getItem(KEY) || ""; } catch { return ""; } };
  const apply = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  apply(read());
  document.addEventListener("DOMContentLoaded", () => {
    const select = document.getElementById("theme");
    if (!select) return;
    select.value = document.documentElement.dataset.theme || "";
    select.addEventListener("change", () => {
      apply(select.value);
      try { localStorage.setItem(KEY, select.value); } catch { /* private windows may keep nothing */ }
    });
  });
})();
