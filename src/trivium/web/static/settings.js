// What a request is asked with: fields, their limits in words, and what of them a request's body gets.

import { Trouble } from "./api.js";
import { h } from "./dom.js";

const KEY = "trivium.settings";
const FIELDS = [
  { name: "system", label: "System message", kind: "area", chat: true, told: "Said before the conversation." },
  { name: "temperature", label: "Temperature", kind: "number", least: 0, most: 2, step: 0.1, told: "0 takes the likeliest token each time; higher is more varied." },
  { name: "top_p", label: "Top-p", kind: "number", least: 0, most: 1, step: 0.05, told: "Draws from the likeliest tokens that together have this share; 1 from all." },
  { name: "max_tokens", label: "Longest answer", kind: "number", least: 1, most: 32768, step: 1, whole: true, told: "Tokens (max_tokens). Empty: as long as there is room; for a document 128." },
  { name: "seed", label: "Seed", kind: "number", least: 0, most: Number.MAX_SAFE_INTEGER, step: 1, whole: true, told: "The same seed draws the same way again. Empty: another each time." },
  { name: "think", label: "Thinking", kind: "choice", chat: true, choices: [["", "the model decides"], ["on", "always"], ["off", "never"]] },
  { name: "think_budget", label: "Thinking at most", kind: "number", least: 0, most: 32768, step: 1, whole: true, chat: true, told: "Tokens; then its thoughts are closed. Empty: no limit." },
  { name: "as", label: "Use the model for", kind: "choice", choices: [["chat", "conversation"], ["document", "continuing a document"]] },
  { name: "markup", label: "Show Markdown as layout", kind: "tick" },
];
const DEFAULTS = { temperature: "0.7", top_p: "1", as: "chat", markup: true, ask: false, off: [] };

/** The settings, kept in this browser. */
export class Settings {
  constructor(panel) {
    this.panel = panel;
    this.values = { ...DEFAULTS };
    this.tools = [];
    this.changed = () => {};
    try { Object.assign(this.values, JSON.parse(localStorage.getItem(KEY) || "{}")); } catch { /* start afresh */ }
    this.build();
  }

  get(name) { return this.values[name] ?? ""; }

  set(name, value) {
    this.values[name] = value;
    try { localStorage.setItem(KEY, JSON.stringify(this.values)); } catch { /* kept until the page closes */ }
    this.changed(name);
  }

  /** The tools that the server calls for us; `offered` are those that are ticked. */
  know(tools) {
    this.tools = tools;
    this.build();
  }

  get offered() { return this.tools.filter((tool) => !this.get("off").includes(tool.function.name)); }

  build() {
    this.panel.replaceChildren(h("h2", {}, "Settings"), ...FIELDS.map((field) => this.row(field)), this.toolRows() ?? "");
  }

  row(field) {
    const id = `set-${field.name}`;
    const told = field.told ? h("small", { id: `${id}-told` }, field.told) : null;
    const common = { id, "aria-describedby": told ? `${id}-told` : null };
    let control;
    if (field.kind === "area") control = h("textarea", { ...common, rows: 3, value: this.get(field.name) });
    else if (field.kind === "choice") {
      control = h("select", common, field.choices.map(([value, word]) => h("option", { value }, word)));
      control.value = this.get(field.name);
    } else if (field.kind === "tick") {
      control = h("input", { ...common, type: "checkbox", checked: Boolean(this.get(field.name)) });
    } else {
      control = h("input", { ...common, type: "number", min: field.least, max: field.most, step: field.whole ? 1 : "any", value: this.get(field.name) });
    }
    const wrong = h("small", { class: "wrong", role: "alert" });
    control.addEventListener("input", () => {
      this.set(field.name, field.kind === "tick" ? control.checked : control.value);
      const why = field.kind !== "number" ? "" : control.validity.badInput ? limits(field) : misfit(field, control.value);
      wrong.textContent = why;
      control.setAttribute("aria-invalid", String(Boolean(why)));
    });
    const label = h("label", { for: id }, field.label);
    const parts = field.kind === "tick" ? [control, label] : [label, control];
    return h("div", { class: `row ${field.kind}`, "data-chat": field.chat === true }, parts, told, wrong);
  }

  toolRows() {
    if (!this.tools.length) return null;
    const tick = (id, word, told, checked, change) => h("div", { class: "row tick" },
      h("input", { type: "checkbox", id, checked, onChange: (event) => change(event.target.checked) }),
      h("label", { for: id }, word), told ? h("small", {}, told) : null);
    return h("fieldset", { class: "row", "data-chat": true }, h("legend", {}, "Tools the model may call"),
      this.tools.map(({ function: { name, description } }) => tick(`tool-${name}`, name, description, !this.get("off").includes(name),
        (on) => this.set("off", on ? this.get("off").filter((other) => other !== name) : [...this.get("off"), name]))),
      tick("tool-ask", "Ask me before each call", "", this.get("ask") === true, (on) => this.set("ask", on)));
  }

  /** What both kinds of request have. Throws Trouble for a number that is none, or out of bounds. */
  sampling() {
    const body = {};
    for (const field of FIELDS) {
      const value = String(this.get(field.name)).trim();
      if (field.kind !== "number" || field.chat || value === "") continue;
      body[field.name] = checked(field, value);
    }
    return body;
  }

  /** What a chat request has beside them. */
  thinking() {
    const body = {};
    if (this.get("think")) body.think = this.get("think") === "on";
    const field = FIELDS.find(({ name }) => name === "think_budget");
    if (String(this.get("think_budget")).trim() !== "" && this.get("think") !== "off") body.think_budget = checked(field, this.get("think_budget"));
    return body;
  }
}

const limits = (field) => `${field.whole ? "A whole number" : "A number"} from ${field.least} to ${field.most.toLocaleString("en")}.`;

function misfit(field, value) {
  if (String(value).trim() === "") return "";
  const number = Number(value);
  const fits = Number.isFinite(number) && number >= field.least && number <= field.most && (!field.whole || Number.isInteger(number));
  return fits ? "" : limits(field);
}

function checked(field, value) {
  const why = misfit(field, value);
  if (why) throw new Trouble(`${field.label} is ${value}. ${why}`, 0, "setting");
  return Number(value);
}
