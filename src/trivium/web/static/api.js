// The server's endpoints: models, tools, one call of a tool, and streams of server-sent events.

const TOKEN = "trivium.token";

/** What went wrong, in the server's words: what, with its mend. */
export class Trouble extends Error {
  constructor(message, status = 0, code = "", wait = 0) {
    super(message);
    Object.assign(this, { status, code, wait });
  }
}

export function setToken(token) {
  try { sessionStorage.setItem(TOKEN, token); } catch { /* then it is asked for again */ }
}

function headers() {
  let token = "";
  try { token = sessionStorage.getItem(TOKEN) || ""; } catch { /* none */ }
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function asked(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...headers(), ...options.headers }, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The server does not answer. Is `trivium serve` still running? Start it and try again.", 0, "unreachable");
  }
  if (answer.ok) return answer;
  const wait = Number(answer.headers.get("Retry-After")) || 0;
  let told = null;
  try { told = (await answer.json()).error; } catch { /* no JSON: the status has to do */ }
  throw new Trouble(told?.message || `The server answered ${answer.status}.`, answer.status, told?.code || "", wait);
}

const post = (path, body, signal) =>
  asked(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

export const models = async () => (await (await asked("/v1/models")).json()).data;
export const tools = async () => (await (await asked("/api/tools")).json()).tools;

/** A tool's result: `{name, content, failed}`. */
export async function callTool(name, given, signal) {
  return (await post(`/api/tools/${encodeURIComponent(name)}`, { arguments: given }, signal)).json();
}

/** The chunks of a streamed answer. Throws Trouble, and AbortError when the signal stops it. */
export async function* stream(path, body, signal) {
  const answer = await post(path, { ...body, stream: true, stream_options: { include_usage: true } }, signal);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { done, value } = await read(reader);
      if (done) throw new Trouble("The answer broke off: the connection was closed. Try again.", 0, "broken_off");
      held += value;
      const events = held.split("\n\n");
      held = events.pop();
      for (const event of events) {
        const data = event.startsWith("data: ") ? event.slice(6) : "";
        if (data === "[DONE]") return;
        if (!data) continue;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Trouble(chunk.error.message, 0, chunk.error.code || "");
        yield chunk;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

async function read(reader) {
  try {
    return await reader.read();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("The answer broke off: the connection was lost. Try again.", 0, "broken_off");
  }
}
