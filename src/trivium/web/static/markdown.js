// A small part of Markdown as DOM nodes: fenced code, headings, lists, quotes, rules, bold, italics, code.
// Everything is a text node in the end. Links and images stay text, their addresses visible; nothing can be clicked or loaded.

import { copyButton, h } from "./dom.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^(#{1,6})\s+(.+?)\s*#*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const ITEM = /^( *)(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const QUOTE = /^ {0,3}> ?(.*)$/;
const INLINE = /(`+)([^`]|[^`][\s\S]{0,1000}?[^`])\1(?!`)|(\*\*|__)(?=\S)([\s\S]{0,600}?\S)\3|(?<![\w*])\*(?=[^\s*])([^*\n]{0,600}[^\s*]|[^\s*])\*(?![\w*])/g;

/** A text cut into blocks `{kind, lines, …}`. The blocks before the last stay what they are when text is added. */
export function blocks(text) {
  const found = [];
  let open = null;
  const begin = (kind, more = {}) => { open = { kind, lines: [], ...more }; found.push(open); };
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) {
    if (open?.kind === "code" && !open.closed) {
      const end = line.trim();
      if (end.length >= open.fence.length && end === open.fence[0].repeat(end.length)) open.closed = true;
      else open.lines.push(line);
      continue;
    }
    const fence = FENCE.exec(line);
    if (fence) begin("code", { fence: fence[1], language: fence[2].trim(), closed: false });
    else if (!line.trim()) open = null;
    else if (HEADING.test(line)) { begin("heading"); open.lines.push(line); open = null; }
    else if (RULE.test(line)) { begin("rule"); open = null; }
    else {
      const kind = ITEM.test(line) ? "list" : QUOTE.test(line) ? "quote" : "paragraph";
      const goesOn = open && (open.kind === kind || (open.kind === "list" && /^\s+\S/.test(line)));
      if (!goesOn) begin(kind);
      open.lines.push(line);
    }
  }
  return found;
}

/** Inline text as nodes. */
export function inline(text) {
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    if (match[1]) nodes.push(h("code", {}, match[2]));
    else if (match[3]) nodes.push(h("strong", {}, inlineWithout(match[4])));
    else nodes.push(h("em", {}, match[5]));
    at = match.index + match[0].length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

/** What stands inside bold: code and italics, no bold again. */
function inlineWithout(text) {
  return text.includes("**") ? [text] : inline(text);
}

function list(lines) {
  const items = [];
  for (const line of lines) {
    const match = ITEM.exec(line);
    if (match) items.push({ depth: Math.floor(match[1].length / 2), number: match[2], lines: [match[3]] });
    else items.at(-1)?.lines.push(line.trim());
  }
  return nested(items, 0, items.length);
}

function nested(items, from, to, level = 0) {
  const first = items[from];
  const ordered = first.number !== undefined;
  const made = ordered ? h("ol", { start: first.number === "1" ? null : first.number }) : h("ul");
  for (let at = from; at < to;) {
    let end = at + 1;
    while (end < to && items[end].depth > first.depth) end += 1;
    const below = end > at + 1 && level < 6 ? nested(items, at + 1, end, level + 1) : null;
    made.append(h("li", {}, inline(items[at].lines.join("\n")), below));
    if (!below) for (let i = at + 1; i < end; i += 1) made.append(h("li", {}, inline(items[i].lines.join("\n"))));
    at = end;
  }
  return made;
}

function node(block) {
  const text = block.lines.join("\n");
  switch (block.kind) {
    case "code":
      return h("div", { class: "code" },
        h("div", { class: "code-bar" }, h("span", {}, block.language), copyButton(() => text)),
        h("pre", {}, h("code", {}, text)));
    case "heading": {
      const [, marks, words] = HEADING.exec(text);
      return h(`h${Math.min(6, marks.length + 2)}`, {}, inline(words));
    }
    case "rule": return h("hr");
    case "list": return list(block.lines);
    case "quote": return h("blockquote", {}, h("p", {}, inline(block.lines.map((line) => line.replace(QUOTE, "$1")).join("\n"))));
    default: return h("p", {}, inline(text));
  }
}

/** Shows a growing text in an element: only blocks that changed are made anew. `plain` shows it as it came. */
export class Shown {
  constructor(element, plain = false) {
    this.element = element;
    this.plain = plain;
    this.keys = [];
  }

  show(text) {
    if (this.plain) {
      if (!this.element.firstChild) this.element.append(h("p", { class: "asis" }));
      this.element.firstChild.textContent = text;
      return;
    }
    const wanted = blocks(text);
    wanted.forEach((block, place) => {
      const key = JSON.stringify(block);
      if (this.keys[place] === key) return;
      const made = node(block);
      if (place < this.element.children.length) this.element.children[place].replaceWith(made);
      else this.element.append(made);
      this.keys[place] = key;
    });
    while (this.element.children.length > wanted.length) this.element.lastChild.remove();
    this.keys.length = wanted.length;
  }
}
