// An answer on the page: thoughts folded, tool calls with their results, text, figures. A step is one request's part of it.

import { button, h } from "./dom.js";
import { seconds, tokens } from "./figures.js";
import { Shown } from "./markdown.js";

/** The data of a step; `reasoning` stays null where the model did not think. */
export const emptyStep = () => ({ reasoning: null, thoughtMs: 0, thoughtTokens: 0, content: "", calls: [], figures: "" });

/** A step's elements, brought up to date with its data by `show`. */
export class StepView {
  constructor(step, plain) {
    this.step = step;
    this.word = h("span", {});
    this.thoughts = h("div", { class: "thoughts" });
    this.thinking = h("details", { class: "thinking", hidden: true }, h("summary", {}, this.word), this.thoughts);
    this.text = h("div", { class: "text", dir: "auto" });
    this.calls = h("div", { class: "calls" });
    this.element = h("div", { class: "step" }, this.thinking, this.text, this.calls);
    this.shown = new Shown(this.text, plain);
    this.views = [];
  }

  /** `now`: "thinking", "writing" or "" when nothing more comes. */
  show(now = "") {
    const { step } = this;
    this.thinking.hidden = step.reasoning === null;
    if (step.reasoning !== null) {
      const amount = `${tokens(step.thoughtTokens)}, ${seconds(step.thoughtMs)}`;
      const empty = !step.reasoning.trim();
      this.thinking.classList.toggle("now", now === "thinking");
      this.word.textContent = now === "thinking" ? `Thinking: ${amount}` : empty ? "Thought nothing" : `Thought: ${amount}`;
      if (this.thoughts.textContent !== step.reasoning) this.thoughts.textContent = step.reasoning;
    }
    this.shown.show(step.content);
    this.text.classList.toggle("now", now === "writing");
    step.calls.forEach((call, place) => {
      if (!this.views[place]) {
        this.views[place] = new CallView(call);
        this.calls.append(this.views[place].element);
      }
      this.views[place].show();
    });
  }
}

/** A call's name, arguments, and what came of it. */
export class CallView {
  constructor(call) {
    this.call = call;
    this.state = h("span", { class: "state" });
    this.given = h("pre", {});
    this.result = h("pre", { class: "result" });
    this.acts = h("p", { class: "acts" });
    this.element = h("details", { class: "call", open: true },
      h("summary", {}, "Calls ", h("code", {}, call.name), " ", this.state),
      h("div", { class: "label" }, "Arguments"), this.given, h("div", { class: "label after" }, "Result"), this.result, this.acts);
  }

  show() {
    const { call } = this;
    this.given.textContent = readable(call.arguments);
    const words = { waiting: "· may it?", running: "· at work", done: "· done", failed: "· failed", declined: "· declined", idle: "· not run" };
    this.state.textContent = words[call.state] ?? "";
    this.element.classList.toggle("failed", call.state === "failed");
    const told = call.result !== undefined;
    this.result.hidden = !told;
    this.element.querySelector(".after").hidden = !told;
    if (told) this.result.textContent = call.result;
  }

  /** Ask whether it may be called; gives the answer, false when the signal ends the wait. */
  ask(signal) {
    return new Promise((resolve) => {
      const decide = (may) => { this.acts.replaceChildren(); resolve(may); };
      this.acts.replaceChildren(button("Call it", () => decide(true), { class: "strong" }), " ", button("Do not", () => decide(false)));
      signal.addEventListener("abort", () => decide(false), { once: true });
      this.acts.firstChild.focus();
    });
  }
}

/** Arguments for people: an object's fields a line each, texts without their quotes; what is no JSON as it is. */
function readable(text) {
  let given;
  try { given = JSON.parse(text); } catch { return text; }
  if (given === null || typeof given !== "object" || Array.isArray(given)) return text;
  const lines = Object.entries(given).map(([name, value]) => {
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    return shown.includes("\n") ? `${name}:\n${shown}` : `${name}: ${shown}`;
  });
  return lines.join("\n") || "(none)";
}
