// Elements from data. Text becomes text nodes, never HTML; a property that could run or load something is no property here.

const LISTENER = /^on[A-Z]/;

/** An element: `h("p", {class: "soft", onClick: f, hidden: true}, "text", child, null)`. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (LISTENER.test(name)) made.addEventListener(name.slice(2).toLowerCase(), value);
    else if (name === "value" || name === "checked") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** The element of an id. */
export const byId = (id) => document.getElementById(id);

/** A button with a word on it. */
export const button = (word, onClick, properties = {}) => h("button", { type: "button", onClick, ...properties }, word);

/** Put a text on the clipboard; where the browser forbids it (no secure context), by an old way. Gives whether it went. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const held = document.activeElement;
    const field = h("textarea", { class: "unseen", "aria-hidden": "true" });
    field.value = text;
    document.body.append(field);
    field.select();
    const went = document.execCommand("copy");
    field.remove();
    held?.focus();
    return went;
  }
}

/** A button that copies what `read` gives, and says for a moment that it did. */
export function copyButton(read, word = "Copy") {
  const made = button(word, async () => {
    const went = await copy(read());
    made.textContent = went ? "Copied" : "Not copied";
    setTimeout(() => { made.textContent = word; }, 1500);
  });
  return made;
}
