// An answer on the page: thoughts folded, tool calls with their results, text, figures. A step is one request's part of it.

import { CallView } from "./calls.js";
import { h } from "./dom.js";
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
