import { h, stream, t } from "../shell/shell.js";

// The trace as it comes, newest last, a batch a frame.
const most = 1000;
const dialogue = new Set(["open", "close", "line", "data", "datagram", "note", "gap"]);

export function showLog() {
  const log = document.getElementById("log"), state = document.getElementById("state");
  const filter = document.getElementById("filter"), follow = document.getElementById("follow");
  let waiting = [], asked = false;
  const hides = (li) => filter.value !== "" && (filter.value === "decision" ? li.dataset.decision !== "yes" : li.dataset.proto !== filter.value);
  const row = (e) => {
    const own = e.dir === "*";
    const where = [e.node, e.proto, e.conn, e.secure && "TLS"].filter(Boolean).join(" ");
    const text = e.kind === "data" ? t("server.log.data", { n: e.size }) : e.kind === "gap" ? t("shell.gap", { n: e.size }) : e.text ?? "";
    const li = h("li", { class: own ? "own" : e.dir, dataset: { proto: e.proto ?? "", decision: dialogue.has(e.kind) ? "no" : "yes" } },
      h("span", { class: "when", text: (e.time ?? "").slice(11, 23) }), h("span", { class: "where", text: where }), h("span", { class: "dir", text: own ? "*" : e.dir + ":" }), h("span", { class: "text", text }));
    li.hidden = hides(li);
    return li;
  };
  const show = () => {
    asked = false;
    log.append(...waiting.splice(0, 200).map(row));
    while (log.childElementCount > most) log.firstElementChild.remove();
    if (follow.checked) log.scrollTop = log.scrollHeight;
    if (waiting.length > 0) nextFrame();
  };
  const nextFrame = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(show);
  };
  filter.addEventListener("change", () => { for (const li of log.children) li.hidden = hides(li); });
  stream("/events?rate=200", {
    event(e) {
      waiting.push(e);
      nextFrame();
      if (waiting.length > 2 * most) {
        const lost = waiting.length - most;
        waiting = [{ kind: "gap", dir: "*", size: lost, time: e.time }, ...waiting.slice(lost)];
      }
    },
    state(now) { state.textContent = { live: "● ", lost: "✕ ", connecting: "… " }[now] + t("shell." + now); },
  });
}
