import { boot, del, failed, h, post, put, stream, t } from "../shell/shell.js";

// Pause, step, slow motion, breakpoints, and the lines that wait.
const bar = document.getElementById("hold"), waiting = document.getElementById("held");
let state = null;

const act = (promise) => promise.catch(failed); // what came of it is in the stream; the answer may be older
export const toggle = () => state && act(post(state.paused ? "/hold/resume" : "/hold/pause"));
export const waits = () => Boolean(state?.paused || state?.held.length);
export const step = () => act(state?.held.length ? post("/hold/step", { id: state.held[0].id }) : Promise.resolve());

const pause = h("button", { id: "pause", "aria-pressed": "false", text: t("journey.pause"), onclick: toggle });
const next = h("button", { id: "step", text: t("journey.step"), onclick: step });
const speed = h("select", { id: "speed", "aria-label": t("journey.speed"), onchange: () => act(put("/hold/speed", { speed: Number(speed.value) })) },
  h("option", { value: "0", text: t("journey.speed.full") }),
  ...[0.1, 0.5, 1, 2, 5, 10].map((n) => h("option", { value: n, text: t("journey.speed.lines", { n }) })));
const breaks = h("span", { id: "breakpoints", class: "group" });

export function openHold(nodes) {
  bar.hidden = false;
  const at = h("button", { id: "break", text: t("journey.break"), onclick: () => breakDialog(nodes) });
  bar.append(pause, next, speed, at, breaks);
  for (const b of [pause, next, speed, at]) b.disabled = !boot.operator && !boot.lab;
  stream("/hold/changes", { event: show });
  setInterval(countDown, 1000);
}

function show(s) {
  state = s;
  pause.setAttribute("aria-pressed", String(s.paused));
  pause.textContent = t(s.paused ? "journey.resume" : "journey.pause");
  next.disabled = s.held.length === 0;
  speed.value = String(s.speed);
  breaks.replaceChildren(...s.breakpoints.map((b) => h("button", { class: "tag", "aria-label": t("journey.break.remove", { where: wordsOf(b) }), text: `◉ ${wordsOf(b)} ✕`, onclick: () => act(del(`/hold/breakpoints/${b.id}`)) })));
  const ids = s.held.map((l) => l.id).join(" ");
  if (waiting.dataset.ids !== ids) draw(s.held.slice(0, 6), ids);
}

const wordsOf = (b) => [b.node, b.dir && b.dir + ":", b.command, b.text, b.journey].filter(Boolean).join(" ");

function draw(held, ids) {
  waiting.dataset.ids = ids;
  waiting.hidden = held.length === 0;
  waiting.replaceChildren(...held.map((l) => {
    const text = h("input", { "aria-label": t("journey.held.text"), value: l.text ?? "", maxlength: "1000", disabled: l.state === "text" || l.secret });
    const doing = (action) => act(post(`/hold/held/${l.id}`, action === "edit" ? { action, text: text.value } : { action }));
    return h("div", { class: "held", role: "group", "aria-label": t("journey.held", { node: l.node, text: l.text ?? "" }), dataset: { id: l.id } },
      h("b", { text: `⏸ ${l.node} ${l.dir}:` }), text,
      h("button", { class: "pass", text: t("journey.held.pass"), onclick: () => doing("pass") }),
      h("button", { class: "edit", disabled: text.disabled, text: t("journey.held.edit"), onclick: () => doing("edit") }),
      h("button", { class: "drop danger", disabled: l.state === "text", text: t("journey.held.drop"), onclick: () => doing("drop") }),
      h("span", { class: "count", dataset: { until: l.releases } }));
  }));
  countDown();
}

function countDown() {
  for (const span of waiting.querySelectorAll("[data-until]")) {
    span.textContent = t("journey.held.left", { n: Math.max(0, Math.round((Date.parse(span.dataset.until) - Date.now()) / 1000)) });
  }
}

function breakDialog(nodes) {
  const node = h("select", { name: "node" }, h("option", { value: "", text: t("journey.any") }), ...nodes.map((n) => h("option", { text: n.name })));
  const dir = h("select", { name: "dir" }, h("option", { value: "", text: t("journey.any") }), h("option", { value: "C", text: t("journey.break.client") }), h("option", { value: "S", text: t("journey.break.server") }));
  const command = h("input", { name: "command", placeholder: "RCPT", maxlength: "40" });
  const text = h("input", { name: "text", maxlength: "200" });
  const field = (key, control) => h("label", { class: "field" }, t(key), control);
  const d = h("dialog", { "aria-label": t("journey.break") }, h("h2", { text: t("journey.break") }),
    h("form", { method: "dialog" }, field("journey.break.node", node), field("journey.break.dir", dir), field("journey.break.command", command), field("journey.break.text", text),
      h("div", { class: "choices" }, h("button", { value: "ok", class: "primary", text: t("shell.ok") }), h("button", { value: "", text: t("shell.cancel") }))));
  d.addEventListener("close", () => {
    d.remove();
    if (d.returnValue === "ok") post("/hold/breakpoints", { node: node.value, dir: dir.value, command: command.value, text: text.value }).catch(failed);
  });
  document.body.append(d);
  d.showModal();
}
