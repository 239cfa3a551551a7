// The shell: what every page of glassmail shares.
//
//   import { boot, t, get, post, put, patch, del, upload, stream, socket,
//            h, keys, say, note, ask, time, size, setting } from "../shell/shell.js";
//
// The module is ready when its import is: texts are loaded before the page's own
// module runs.
//
//   boot            {page, lang, account, operator, lab, assets}: what the server
//                   knows about this reader. account is "" when nobody is logged
//                   in; assets is the base of static files, "/static/v-…/".
//   t(key, args)    the text of a catalogue key: t("mail.unread", {n: 3}).
//   get(path)       JSON of /api/v1 + path. post(path, body), put, patch, del take
//                   any JSON value. They throw a Fault
//                   {status, message} that can be shown to the reader.
//   upload(path, form)  POST of a FormData.
//   href(path)      the URL of /api/v1 + path, for links, frames and downloads.
//   stream(path, {event, state, since})  server-sent events. event(data, id) is
//                   called for each; state("live" | "lost" | "connecting") when the
//                   connection changes. It comes back by itself after any break and
//                   resumes behind the last id. Returns a function that ends it.
//   socket(path)    a WebSocket on /api/v1 + path.
//   h(tag, props, ...children)  makes an element. props: class, text, on<event>
//                   functions, dataset, style objects, ARIA and other attributes;
//                   null and false leave an attribute out. Children are nodes or
//                   strings; strings become text, never markup.
//   keys.add(key, textKey, action)  a key of the page ("j", "Shift+N", "Space",
//                   "ArrowLeft"); it is listed in the "?" dialog. Returns a function
//                   that removes it. Keys rest while a field has the focus.
//   say(text)       tells a screen reader, politely, at most once a second.
//   note(text, kind)  a short visible message; kind "error" stays until closed.
//   failed(fault)   note for a Fault, in the reader's language.
//   ask({title, text, ok, danger})  a question; resolves to true or false.
//   time(date, how) "12:03:04.567" (how "clock"), "2026-05-04 12:03" (default),
//                   always Gregorian, in the reader's zone.
//   size(bytes)     "1.2 MB".
//   setting(name, value)  reads, or with a value keeps, a choice of the reader.

const root = document.documentElement;

export const boot = Object.freeze({
  page: root.dataset.page,
  lang: root.lang,
  account: root.dataset.account,
  operator: root.dataset.operator === "yes",
  lab: root.dataset.lab === "yes",
  assets: root.dataset.assets,
});

// ---- texts ----

const texts = await fetch(root.dataset.text).then((r) => r.json());

export function t(key, args = {}) {
  const text = texts[key];
  if (text === undefined) return key;
  return text.replace(/\{([^}|]+)(?:\|([^}|]*)\|([^}]*))?\}/g, (whole, name, one, other) => {
    if (!(name in args)) return whole;
    if (one === undefined) return String(args[name]);
    return String(args[name]) === "1" ? one : other;
  });
}

// ---- API ----

export class Fault extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const href = (path) => "/api/v1" + path;

async function call(method, path, body, type) {
  const headers = {};
  if (type) headers["Content-Type"] = type;
  let answer;
  try {
    answer = await fetch(href(path), { method, headers, body, credentials: "same-origin" });
  } catch {
    throw new Fault(0, t("shell.unreachable"));
  }
  const isJSON = (answer.headers.get("Content-Type") ?? "").includes("json");
  const value = isJSON ? await answer.json() : await answer.text();
  if (answer.ok) return value;
  throw new Fault(answer.status, isJSON ? value.error : value);
}

const json = (method) => (path, body) =>
  body === undefined ? call(method, path) : call(method, path, JSON.stringify(body), "application/json");

export const get = (path) => call("GET", path);
export const post = json("POST");
export const put = json("PUT");
export const patch = json("PATCH");
export const del = json("DELETE");
export const upload = (path, form) => call("POST", path, form);

export function stream(path, { event, state = () => {}, since } = {}) {
  let source, last = since, pause = 1000, timer, ended = false;
  const open = () => {
    state("connecting");
    const url = new URL(href(path), location.href);
    if (last !== undefined) url.searchParams.set("since", last);
    source = new EventSource(url);
    source.onopen = () => { pause = 1000; state("live"); };
    source.onmessage = (m) => {
      if (m.lastEventId !== "") last = m.lastEventId;
      event(JSON.parse(m.data), m.lastEventId);
    };
    source.onerror = () => {
      state("lost");
      if (source.readyState !== EventSource.CLOSED || ended) return; // else the browser tries again
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 2, 30000);
    };
  };
  open();
  return () => { ended = true; clearTimeout(timer); source.close(); };
}

export function socket(path) {
  const url = new URL(href(path), location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(url);
}

// ---- elements ----

export function h(tag, props = {}, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") e.className = value;
    else if (name === "text") e.textContent = value;
    else if (name === "dataset") Object.assign(e.dataset, value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) e.style.setProperty(k, v);
    else if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

// ---- keys ----

const known = new Map();

function nameOf(ev) {
  const key = ev.key === " " ? "Space" : ev.key;
  const mods = [ev.ctrlKey && "Ctrl", ev.metaKey && "Meta", ev.altKey && "Alt"].filter(Boolean);
  if (ev.shiftKey && (key.length > 1 || /[A-Z]/.test(key))) mods.push("Shift");
  return [...mods, key].join("+");
}

function typing(target) {
  return target.closest?.("input, textarea, select, [contenteditable], [data-own-keys]");
}

document.addEventListener("keydown", (ev) => {
  if (ev.isComposing || typing(ev.target) || document.querySelector("dialog[open]")) return;
  const name = nameOf(ev);
  if (name === "Space" && ev.target.closest?.("button, a, summary")) return; // it presses that
  const k = known.get(name);
  if (!k) return;
  ev.preventDefault();
  k.action(ev);
});

export const keys = {
  add(key, textKey, action) {
    known.set(key, { textKey, action });
    return () => known.delete(key);
  },
  show() {
    const byText = Map.groupBy(known, ([, k]) => k.textKey); // the keys of one thing are one row
    const names = (all) => (all.length > 2 ? [all[0], all[all.length - 1]] : all).flatMap(([key], i) => [i > 0 && (all.length > 2 ? " … " : ", "), h("kbd", { text: key })]);
    const rows = [...byText].map(([textKey, all]) => h("tr", {}, h("th", { scope: "row" }, ...names(all).filter(Boolean)), h("td", { text: t(textKey) })));
    dialog(t("shell.keys.title"), h("table", { class: "keys" }, h("tbody", {}, ...rows)), h("p", { text: t("shell.keys.none") }));
  },
};

function dialog(title, ...content) {
  const d = h("dialog", { "aria-label": title }, h("h2", { text: title }), ...content,
    h("form", { method: "dialog" }, h("button", { text: t("shell.close") })));
  d.addEventListener("close", () => d.remove());
  document.body.append(d);
  d.showModal();
}

export function ask({ title, text, ok = t("shell.ok"), danger = false }) {
  return new Promise((resolve) => {
    const d = h("dialog", { "aria-label": title }, h("h2", { text: title }), text && h("p", { text }),
      h("form", { method: "dialog", class: "choices" },
        h("button", { value: "ok", class: danger ? "danger" : "primary", text: ok }),
        h("button", { value: "", text: t("shell.cancel") })));
    d.addEventListener("close", () => { d.remove(); resolve(d.returnValue === "ok"); });
    document.body.append(d);
    d.showModal();
  });
}

// ---- messages to the reader ----

const region = document.getElementById("say");
let toSay = "", saying = 0;

export function say(text) {
  toSay = text;
  if (saying) return;
  saying = setTimeout(() => { region.textContent = toSay; saying = 0; }, 1000);
}

export function note(text, kind = "") {
  const box = document.getElementById("notes");
  const close = h("button", { "aria-label": t("shell.close"), text: "✕", onclick: () => one.remove() });
  const one = h("p", { class: "note " + kind, role: kind === "error" ? "alert" : "status" }, h("span", { text }), close);
  box.append(one);
  while (box.childElementCount > 4) box.firstElementChild.remove();
  if (kind !== "error") setTimeout(() => one.remove(), 6000);
}

export function failed(fault) {
  const reason = fault.status === 401 ? t("shell.expired") : fault.message;
  note(t("shell.failed", { reason }), "error");
}

// ---- figures ----

const two = (n) => String(n).padStart(2, "0");

export function time(date, how = "minute") {
  const d = new Date(date);
  const clock = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (how === "clock") return `${clock}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, "0")}`;
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock}`;
}

export function size(bytes) {
  if (bytes < 1000) return t("shell.size.bytes", { n: bytes });
  for (const unit of ["kB", "MB"]) {
    bytes /= 1000;
    if (bytes < 999.5) return `${bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
  }
  return `${(bytes / 1000).toFixed(1)} GB`;
}

// ---- choices of the reader ----

export function setting(name, value) {
  const key = "glassmail." + name;
  try {
    if (value === undefined) return JSON.parse(localStorage.getItem(key));
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // storage may be switched off: the choice then lasts as long as the page
  }
  return value ?? null;
}

function keep(name, value) { // the server renders the next page with it
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
}

function projector(on) {
  root.dataset.projector = on ? "yes" : "no";
  document.getElementById("projector")?.setAttribute("aria-pressed", String(on));
  keep("projector", on ? "yes" : "no");
  window.dispatchEvent(new Event("resize"));
}

const toggleProjector = () => projector(root.dataset.projector !== "yes");
const otherLanguage = () => document.querySelector("a[data-language]:not([aria-current])")?.click();

keys.add("?", "shell.keys.help", keys.show);
keys.add("Shift+P", "shell.keys.projector", toggleProjector);
keys.add("l", "shell.keys.language", otherLanguage);
document.getElementById("projector")?.addEventListener("click", toggleProjector);
document.getElementById("keys")?.addEventListener("click", keys.show);
const theme = document.getElementById("theme");
theme?.addEventListener("change", () => {
  root.dataset.theme = theme.value;
  keep("theme", theme.value);
});
document.getElementById("logout")?.addEventListener("click", async () => {
  await post("/logout").catch(failed);
  location.assign("/");
});
