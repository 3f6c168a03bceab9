// Counts and times of an answer, in words.

const whole = (n) => n.toLocaleString("en");
export const seconds = (ms) => `${(ms / 1000).toFixed(ms < 995 ? 2 : ms < 9950 ? 1 : 0)} s`;
export const tokens = (n) => `${whole(n)} ${n === 1 ? "token" : "tokens"}`;

/** When things happened: asked, the first token, the last one. */
export class Clock {
  constructor() { this.asked = performance.now(); this.first = 0; this.last = 0; this.chunks = 0; }
  tick() { this.last = performance.now(); this.first ||= this.last; this.chunks += 1; }
}

/** One line: tokens read and written, speed, wait; `usage` is the server's count, absent where the answer was stopped. */
export function figures(clock, usage, finish, stopped) {
  const wrote = usage ? usage.completion_tokens : clock.chunks;
  const parts = [];
  if (usage) parts.push(`${tokens(usage.prompt_tokens)} read`);
  parts.push(`${usage ? "" : "about "}${whole(wrote)} written`);
  const thought = usage?.completion_tokens_details?.reasoning_tokens;
  if (thought) parts.push(`${whole(thought)} of them thought`);
  const held = clock.chunks < wrote / 2; // a call comes in one piece once it is whole: its first token was not seen
  const [count, span] = held ? [wrote, clock.last - clock.asked] : [wrote - 1, clock.last - clock.first];
  if (count > 0 && span > 0) parts.push(`${rate(count / (span / 1000))} tokens/s`);
  if (clock.first && !held) parts.push(`first after ${seconds(clock.first - clock.asked)}`);
  if (stopped) parts.push("stopped");
  else if (finish === "length") parts.push("cut off at its token limit");
  return parts.join(" · ");
}

const rate = (value) => (value < 10 ? value.toFixed(1) : whole(Math.round(value)));
