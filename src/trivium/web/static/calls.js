// A tool's call on the page, made by a model or by the user: its name, its arguments, what came of it.

import { callTool } from "./api.js";
import { button, h } from "./dom.js";

/** The call that a line of the user asks for, `/calc 9.9 > 9.11`: a tool by its name or its beginning, and its first argument. */
export function asCall(line, tools) {
  const match = /^\/([\w-]+)\s+(\S[\s\S]*)$/.exec(line);
  const fits = match ? tools.map((tool) => tool.function).filter(({ name }) => name.startsWith(match[1])) : [];
  const found = fits.find(({ name }) => name === match[1]) ?? (fits.length === 1 ? fits[0] : null);
  if (!found) return null;
  const argument = found.parameters?.required?.[0] ?? Object.keys(found.parameters?.properties ?? {})[0];
  if (!argument) return null;
  return { id: "user", name: found.name, arguments: JSON.stringify({ [argument]: match[2].trim() }), state: "idle" };
}

/** Make a call; its result and state go into it. Throws AbortError. */
export async function perform(call, view, signal) {
  call.state = "running";
  view.show();
  try {
    const { content, failed } = await callTool(call.name, call.arguments, signal);
    Object.assign(call, { result: content, state: failed ? "failed" : "done" });
  } catch (error) {
    if (error.name === "AbortError") { call.state = "idle"; throw error; }
    Object.assign(call, { result: `Error: ${error.message}`, state: "failed" });
  } finally {
    view.show();
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
