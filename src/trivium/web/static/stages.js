// Who answers: the models of the run as a row of radio buttons, in the stages' colours.

import { h } from "./dom.js";

const KEY = "trivium.model";
const SAID = {
  pretrain: "A base model: it knows no conversation and continues your text as a document.",
  sft: "Taught to converse.",
  warm: "Taught to converse, before practice.",
  rl: "After practice on problems.",
};

/** The stage whose colour a model wears: by its name where that is a stage's, else by its stage. */
export const stageOf = (model) => {
  const head = model.id.split("-")[0];
  return ["base", "sft", "plain", "warm", "rl"].includes(head) ? head : model.stage;
};

/** Whether a model knows only documents. */
export const isBase = (model) => model.stage === "pretrain";

export class Stages {
  constructor(fieldset, about) {
    Object.assign(this, { fieldset, about, models: [], current: null, changed: () => {} });
  }

  /** Show these; the one picked last time is picked again, else the last. */
  offer(models) {
    this.models = models;
    let last = "";
    try { last = localStorage.getItem(KEY) || ""; } catch { /* none */ }
    const picked = models.find((model) => model.id === last) ?? models.at(-1);
    const chips = models.map((model) => h("label", { class: "chip", "data-stage": stageOf(model), title: `artifact ${model.artifact}` },
      h("input", { type: "radio", name: "model", value: model.id, checked: model === picked, onChange: () => this.pick(model) }), h("span", {}, model.id)));
    this.fieldset.replaceChildren(this.fieldset.querySelector("legend"), h("div", { class: "chips" }, chips));
    this.pick(picked);
  }

  pick(model) {
    this.current = model;
    try { localStorage.setItem(KEY, model.id); } catch { /* forgotten */ }
    const said = SAID[model.stage] ?? "";
    this.about.textContent = `${said} ${model.id}, artifact ${model.artifact.slice(0, 8)}, holds ${model.max_model_len.toLocaleString("en")} tokens.`.trim();
    this.changed(model);
  }

  focus() { this.fieldset.querySelector("input:checked")?.focus(); }
}
