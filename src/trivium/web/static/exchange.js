// One answer from the server: streamed into its steps; calls are made, their results sent back, until it calls nothing more.

import { StepView, emptyStep } from "./answer.js";
import { stream } from "./api.js";
import { perform } from "./calls.js";
import { Clock, figures } from "./figures.js";

const ROUNDS = 4;
const FRAME = 40;

/** The conversation as the API takes it. Earlier thoughts are left out: what was thought is not part of what was said. */
export function messagesOf(turns, system) {
  const messages = system.trim() ? [{ role: "system", content: system }] : [];
  turns.forEach((turn, place) => {
    if (turn.role === "user") messages.push({ role: "user", content: turn.content });
    else if (turn.role === "tool") messages.push({ role: "tool", tool_call_id: turn.call.id, content: turn.call.result ?? "(It was not run.)" });
    else for (const step of turn.steps) messages.push(...messagesOfStep(step, place === turns.length - 1));
  });
  return messages;
}

function messagesOfStep(step, current) {
  if (!step.content && !step.calls.length) return [];
  const message = { role: "assistant", content: step.content };
  if (step.reasoning !== null) message.reasoning_content = current ? step.reasoning : "";
  if (!step.calls.length) return [message];
  message.tool_calls = step.calls.map(({ id, name, arguments: given }) => ({ id, type: "function", function: { name, arguments: given } }));
  const results = step.calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: call.result ?? "(It was not run.)" }));
  return [message, ...results];
}

/** Runs an answer. `turns` ends with it; `view.add(element)` takes each step's elements, `view.grew(text)` hears of growth. */
export class Exchange {
  constructor(turns, model, settings, view, signal) {
    Object.assign(this, { turns, answer: turns.at(-1), model, settings, view, signal });
  }

  /** Until the answer is over. Throws Trouble, and AbortError when it is stopped; what came until then stays. */
  async run() {
    const body = { model: this.model.id, ...this.settings.sampling(), ...this.settings.thinking() };
    const tools = this.settings.offered;
    if (tools.length) body.tools = tools;
    for (let round = 0; ; round += 1) {
      const messages = messagesOf(this.turns, this.settings.get("system"));
      const step = emptyStep();
      this.answer.steps.push(step);
      const shown = new StepView(step, this.settings.get("markup") === false);
      this.view.add(shown.element);
      await this.streamed({ ...body, messages }, step, shown);
      if (!step.calls.length) return;
      await this.called(step, shown, round < ROUNDS);
      if (round >= ROUNDS) return;
    }
  }

  async streamed(body, step, shown) {
    const clock = new Clock();
    let usage = null, finish = null, now = "writing", timer = 0, begun = 0, over = false;
    const show = () => { timer = 0; if (now === "thinking") step.thoughtMs = performance.now() - begun; shown.show(now); this.view.grew(this.said()); };
    const beat = setInterval(() => { if (now === "thinking") show(); }, 250);
    try {
      for await (const chunk of stream("/v1/chat/completions", body, this.signal)) {
        usage = chunk.usage ?? usage;
        const choice = chunk.choices[0];
        if (!choice) continue;
        finish = choice.finish_reason ?? finish;
        const { reasoning_content: thought, content, tool_calls: calls } = choice.delta;
        if (thought !== undefined || content || calls) clock.tick();
        if (thought !== undefined && thought !== null) {
          if (now !== "thinking") { now = "thinking"; begun ||= performance.now(); }
          step.reasoning = (step.reasoning ?? "") + thought;
          step.thoughtTokens += 1;
        } else if ((content || calls || choice.finish_reason) && now === "thinking") {
          step.thoughtMs = performance.now() - begun;
          now = "writing";
        }
        step.content += content ?? "";
        for (const call of calls ?? []) take(step, call);
        timer ||= setTimeout(show, FRAME);
      }
      over = true;
    } finally {
      clearTimeout(timer);
      clearInterval(beat);
      if (now === "thinking") step.thoughtMs = performance.now() - begun;
      const counted = usage?.completion_tokens_details?.reasoning_tokens;
      if (counted && step.reasoning !== null) step.thoughtTokens = counted;
      step.figures = clock.chunks || usage ? figures(clock, usage, finish, !over) : "";
      now = "";
      show();
    }
  }

  /** Make the step's calls, one after the other; without leave, they are only shown. */
  async called(step, shown, may) {
    for (const [place, call] of step.calls.entries()) {
      const view = shown.views[place];
      if (!may) {
        Object.assign(call, { state: "idle", result: `Not run: an answer calls at most ${ROUNDS} times.` });
      } else if (this.settings.get("ask") === true) {
        call.state = "waiting";
        view.show();
        this.view.asks(call.name);
        const allowed = await view.ask(this.signal);
        this.view.heard();
        this.signal.throwIfAborted();
        if (!allowed) Object.assign(call, { state: "declined", result: "The user declined this call." });
      }
      if (call.result === undefined) await perform(call, view, this.signal);
      view.show();
      this.view.grew(this.said());
    }
  }

  said() { return this.answer.steps.map((step) => step.content).join("\n"); }
}

/** A delta of a call: its name comes first, its arguments then. */
function take(step, delta) {
  const call = (step.calls[delta.index] ??= { id: delta.id, name: "", arguments: "", state: "idle" });
  call.name += delta.function?.name ?? "";
  call.arguments += delta.function?.arguments ?? "";
}
