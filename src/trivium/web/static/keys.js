// Keys: what they do, and the list of them.

import { h } from "./dom.js";

/** Listen for Alt and a letter (by its place, so that a Mac's symbols do not matter), and fill the dialog's list. */
export function listen(dialog, list, letters, others) {
  const rows = [...others, ...Object.entries(letters).map(([code, { said }]) => [`Alt+${code.slice(3)}`, said])];
  list.replaceChildren(...rows.flatMap(([key, said]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, said)]));
  document.addEventListener("keydown", (event) => {
    const found = letters[event.code];
    if (!found || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    found.act();
  });
}
