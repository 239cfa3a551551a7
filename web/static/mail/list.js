// The messages of a folder. Only the rows in sight are in the page, and only the
// pages around them are fetched, so a list may be as long as it likes.
import { keep } from "../shell/keep.js";
import { failed, get, h, say, size, t, time } from "../shell/shell.js";
import { names } from "./people.js";

const perPage = 100;
const margin = 8; // rows drawn above and below those in sight

export class MessageList {
  constructor(box, empty, count) {
    Object.assign(this, { box, empty, count, folder: null, options: {}, onopen() {} });
    this.inner = box.appendChild(h("div", { class: "rows", role: "presentation" }));
    box.addEventListener("scroll", () => this.later());
    box.addEventListener("click", (ev) => this.clicked(ev));
    box.addEventListener("keydown", (ev) => this.pressed(ev));
    new ResizeObserver(() => this.later()).observe(box);
    this.reset();
  }

  reset() {
    this.pages = new Map(); // number → items, or a promise of them
    this.old = new Map(); // pages before the list was read again, until the new are there
    this.total = 0;
    this.at = -1;
    this.chosen = new Set();
  }

  async open(folder, options = {}) {
    this.folder = folder;
    this.options = options;
    this.reset();
    this.box.scrollTop = 0;
    const opened = this.opened = Symbol();
    this.box.setAttribute("aria-busy", "true");
    try {
      await this.refresh();
    } finally {
      if (opened === this.opened) this.box.setAttribute("aria-busy", "false");
    }
    if (options.q) say(t("mail.count", { n: this.total }));
  }

  // refresh reads the list again where it stands.
  async refresh() {
    const at = this.at, was = this.current()?.uid;
    this.generation = (this.generation ?? 0) + 1;
    for (const [n, page] of this.pages) if (Array.isArray(page)) this.old.set(n, page);
    this.pages = new Map();
    this.reached = 0;
    const first = Math.floor(this.box.scrollTop / this.height() / perPage);
    await this.fetch(first);
    if (was !== undefined && this.at === at) this.at = this.indexOf(was); // unless a key has moved on meanwhile
    this.draw();
  }

  // changed reads the list again, not more often than each second: mail may come
  // faster than anybody reads.
  changed() {
    if (this.timer) return;
    const since = performance.now() - (this.refreshed ?? -Infinity);
    this.timer = setTimeout(() => {
      this.timer = 0; // what changes from here on is not in this reading
      this.refreshed = performance.now();
      this.refresh().catch(failed);
    }, Math.max(100, 1000 - since));
  }

  async fetch(n) {
    if (this.pages.has(n)) return this.pages.get(n);
    const generation = this.generation;
    const q = new URLSearchParams({ folder: this.folder.id, offset: n * perPage, limit: perPage });
    if (this.options.q) q.set("q", this.options.q);
    if (this.options.threads) q.set("threads", "1");
    const wanted = get("/mail/messages?" + q);
    this.pages.set(n, wanted);
    const got = await wanted.catch((e) => { this.pages.delete(n); throw e; });
    if (generation !== this.generation) return null;
    this.pages.set(n, got.items);
    this.old.delete(n);
    this.reckon(n, got);
    return got.items;
  }

  // reckon learns from a page how long the list is. A search does not say it before its
  // last page: until then it is a page longer than what was found, and pages may come in
  // any order.
  reckon(n, got) {
    const end = got.total ?? n * perPage + got.items.length + (got.next ? perPage : 0);
    if (got.total === undefined && end < this.reached) return;
    Object.assign(this, { total: end, reached: end, more: got.total === undefined && Boolean(got.next) });
  }

  item(i) {
    return this.page(Math.floor(i / perPage))?.[i % perPage];
  }

  page(n) {
    const page = this.pages.get(n);
    return Array.isArray(page) ? page : this.old.get(n);
  }

  indexOf(uid) {
    for (const n of new Set([...this.pages.keys(), ...this.old.keys()])) {
      const i = this.page(n)?.findIndex((m) => m.uid === uid) ?? -1;
      if (i >= 0) return n * perPage + i;
    }
    return -1;
  }

  current() { return this.at < 0 ? undefined : this.item(this.at); }

  // uids are those that an action is meant for: the selected, else the current.
  uids() {
    if (this.chosen.size) return [...this.chosen];
    const m = this.current();
    return m ? this.options.threads && m.thread ? m.thread.uids : [m.uid] : [];
  }

  height() { return parseFloat(getComputedStyle(document.documentElement).fontSize) * 4.4; }

  later() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.draw(); });
  }

  draw() { keep(this.inner, () => this.paint()); }

  paint() {
    const height = this.height(), sight = this.box.clientHeight || 600;
    const from = Math.max(0, Math.floor(this.box.scrollTop / height) - margin);
    const to = Math.min(this.total, Math.ceil((this.box.scrollTop + sight) / height) + margin);
    this.inner.style.setProperty("height", `${this.total * height}px`);
    const rows = [];
    for (let i = from; i < to; i++) {
      const n = Math.floor(i / perPage);
      if (!this.pages.has(n)) this.fetch(n).then(() => this.later()).catch(failed);
      rows.push(this.row(i, this.item(i), height));
    }
    this.inner.replaceChildren(...rows);
    if (this.at >= from && this.at < to) this.box.setAttribute("aria-activedescendant", `m${this.at}`);
    else this.box.removeAttribute("aria-activedescendant");
    this.count.textContent = this.chosen.size ? t("mail.chosen", { n: this.chosen.size })
      : this.more ? t("mail.count.more", { n: this.total - perPage }) : t(this.options.threads ? "mail.count.threads" : "mail.count", { n: this.total });
    this.empty.hidden = this.total > 0;
    this.box.hidden = this.total === 0;
    this.empty.textContent = this.options.q ? t("mail.empty.search") : t("mail.empty");
  }

  row(i, m, height) {
    const place = { style: { top: `${i * height}px`, height: `${height}px` }, role: "option", id: `m${i}`, "aria-posinset": i + 1, "aria-setsize": this.total, dataset: {} };
    if (!m) return h("div", { ...place, class: "row", "aria-selected": "false", text: "…" });
    const flags = new Set(m.flags);
    const sent = ["\\Sent", "\\Drafts"].includes(this.folder.special);
    const who = sent ? t("mail.to.names", { names: names(m.to) || "—" }) : names(m.from) || t("mail.nobody");
    const marks = [flags.has("flagged") && ["★", "mail.flagged"], flags.has("answered") && ["↩", "mail.answered"], m.attachments && ["⎙", "mail.attachments"]].filter(Boolean);
    place.dataset.uid = m.uid;
    return h("div", {
      ...place, class: `row${flags.has("seen") ? "" : " unread"}${i === this.at ? " current" : ""}`,
      "aria-selected": String(this.chosen.has(m.uid) || (i === this.at && !this.chosen.size)),
    },
      h("span", { class: "who" }, flags.has("seen") ? null : h("span", { class: "dot" }, h("span", { class: "aside", text: t("mail.unread") })), h("bdi", { text: who }), m.thread?.count > 1 ? h("span", { class: "soft", text: ` (${m.thread.count})` }) : null),
      h("time", { class: "soft", datetime: m.date, text: day(m.date), title: size(m.size) }),
      h("span", { class: "subject" }, h("bdi", { text: m.subject || t("mail.nosubject") }), ...marks.map(([sign, key]) => h("span", { class: "sign", role: "img", "aria-label": t(key), title: t(key), text: sign }))),
      h("span", { class: "preview soft", text: m.preview }));
  }

  clicked(ev) {
    const row = ev.target.closest("[data-uid]");
    const i = row ? this.indexOf(Number(row.dataset.uid)) : -1; // where it is by now
    if (i < 0) return;
    if (ev.shiftKey && this.at >= 0) {
      for (let k = Math.min(i, this.at); k <= Math.max(i, this.at); k++) if (this.item(k)) this.chosen.add(this.item(k).uid);
    } else if (ev.ctrlKey || ev.metaKey) {
      this.at = i;
      this.toggle();
    } else {
      this.chosen.clear();
      this.at = i;
      this.onopen(this.item(i));
    }
    this.draw();
  }

  pressed(ev) {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -this.total, End: this.total }[ev.key];
    if (!by) return;
    ev.preventDefault();
    this.step(by);
  }

  async step(by) {
    if (!this.total) return;
    this.at = Math.max(0, Math.min(this.total - 1, this.at + by));
    const height = this.height(), top = this.at * height;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    if (top + height > this.box.scrollTop + this.box.clientHeight) this.box.scrollTop = top + height - this.box.clientHeight;
    await this.fetch(Math.floor(this.at / perPage)).catch(failed);
    this.draw();
    if (document.getElementById("mail").dataset.view === "message" && matchMedia("(min-width: 1000px)").matches) this.onopen(this.current());
  }

  toggle() {
    const m = this.current();
    if (!m) return;
    if (!this.chosen.delete(m.uid)) this.chosen.add(m.uid);
    this.draw();
  }

  focus() { this.box.focus({ preventScroll: true }); }
}

function day(date) {
  const text = time(date);
  return text.slice(0, 10) === time(Date.now()).slice(0, 10) ? text.slice(11) : text.slice(0, 10);
}
