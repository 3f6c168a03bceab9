// What was said stays in this tab when the page is loaded again, and goes when the tab closes.

const KEY = "trivium.talk";

export function keep(turns, segments) {
  try { sessionStorage.setItem(KEY, JSON.stringify({ turns, segments })); } catch { /* too much, or forbidden: not kept */ }
}

export function kept() {
  try {
    const { turns, segments } = JSON.parse(sessionStorage.getItem(KEY));
    return { turns: Array.isArray(turns) ? turns : [], segments: Array.isArray(segments) ? segments : [] };
  } catch {
    return { turns: [], segments: [] };
  }
}
