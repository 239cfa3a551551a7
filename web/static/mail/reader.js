// One message: its text, its HTML in a frame that can do nothing, its parts, its
// header and what was stored.
import { boot, get, h, href, size, t, time } from "../shell/shell.js";
import { attached, table } from "./parts.js";
import { full, isThai } from "./people.js";

const rawShown = 200000; // bytes of a stored message that are shown

export class Reader {
  constructor(box) {
    Object.assign(this, { box, message: null });
    this.clear();
  }

  clear() {
    this.message = null;
    this.box.replaceChildren(h("p", { class: "empty", text: t("mail.choose") }));
  }

  async show(folder, uid, item) {
    const m = await get(`/mail/messages/${folder.id}/${uid}`);
    m.folder = folder.id;
    this.message = m;
    const body = h("div", { class: "body" });
    this.box.replaceChildren(...[this.bar(), this.head(m), this.thread(m, item), this.tabs(m, body), body, attached(m), this.ways(m, folder)].filter(Boolean));
    this.box.scrollTop = 0;
    if (matchMedia("(max-width: 999px)").matches) this.box.focus();
    return m;
  }

  bar() {
    const b = (key, act, name) => h("button", { text: t(key), onclick: act, dataset: { reader: name } });
    return h("div", { class: "bar" },
      h("button", { class: "back", text: t("mail.back"), onclick: () => this.onback() }),
      b("mail.reply", () => this.onreply(), "reply"), b("mail.replyall", () => this.onreplyall(), "replyall"), b("mail.forward", () => this.onforward(), "forward"),
      h("span", { class: "narrow" }, b("mail.do.flag", () => this.onaction("flag"), "flag"), b("mail.do.archive", () => this.onaction("archive"), "archive"), b("mail.do.delete", () => this.onaction("delete"), "delete")));
  }

  head(m) {
    const line = (key, list) => list.length ? [h("dt", { text: t(key) }), h("dd", {}, ...list.flatMap((a, i) => [i ? ", " : "", h("bdi", { text: full(a) })]))] : [];
    return h("header", {},
      h("h2", { class: "title", lang: isThai(m.subject) ? "th" : null, dir: "auto", text: m.subject || t("mail.nosubject") }),
      h("dl", { class: "fields" }, ...line("mail.from", m.from), ...line("mail.to", m.to), ...line("mail.cc", m.cc), ...line("mail.bcc", m.bcc),
        h("dt", { text: t("mail.date") }), h("dd", {}, m.sent ? h("time", { datetime: m.sent, title: m.date, text: time(m.sent) }) : m.date || "—")));
  }

  thread(m, item) {
    const uids = item?.thread?.uids ?? [];
    if (uids.length < 2) return null;
    return h("nav", { class: "thread", "aria-label": t("mail.thread") }, h("span", { text: t("mail.thread.at", { i: uids.indexOf(m.uid) + 1, n: uids.length }) }),
      ...uids.map((uid, i) => h("button", { class: "small", "aria-current": uid === m.uid ? "true" : null, "aria-label": t("mail.thread.at", { i: i + 1, n: uids.length }), text: i + 1, onclick: () => this.onthread(uid, item) })));
  }

  tabs(m, body) {
    const views = [["text", () => this.text(m)], m.hasHTML && ["html", () => this.html(m)], ["parts", () => table(m)], ["header", () => this.header(m)], ["raw", () => this.raw(m)]].filter(Boolean);
    const bar = h("div", { class: "tabs", role: "group", "aria-label": t("mail.view") });
    const choose = async (name, make) => {
      for (const b of bar.children) b.setAttribute("aria-pressed", String(b.dataset.view === name));
      body.dataset.view = name;
      body.replaceChildren(...[await make()].flat());
    };
    for (const [name, make] of views) bar.append(h("button", { dataset: { view: name }, text: t("mail.view." + name), onclick: () => choose(name, make) }));
    choose(...views[m.hasHTML && !m.text.trim() ? 1 : 0]);
    return bar;
  }

  // text keeps the writer's line ends and gives quoted lines a mark of their own.
  text(m) {
    const out = h("div", { class: "text", lang: isThai(m.text) ? "th" : null, dir: "auto" });
    let run = null;
    for (const line of m.text.replace(/\s+$/, "").split(/\r?\n/)) {
      const quote = line.startsWith(">");
      if (!run || run.quote !== quote) {
        run = { quote, lines: [], at: h(quote ? "blockquote" : "div") };
        out.append(run.at);
        run.at.lines = run.lines;
      }
      run.lines.push(quote ? line.replace(/^> ?/, "") : line);
    }
    for (const at of out.children) at.append(...links(at.lines.join("\n")));
    return m.cut ? [out, h("p", { class: "soft", text: t("mail.cut") })] : out;
  }

  async html(m) {
    const src = href(`/mail/messages/${m.folder}/${m.uid}/html`);
    const about = (await fetch(src, { method: "HEAD" })).headers; // counts only; the frame alone asks for the document
    const blocked = Number(about.get("Blocked-Pictures") ?? 0), shown = about.get("Shown-As");
    return [h("p", { class: "soft", text: t("mail.html.safe") }), blocked ? h("p", { class: "soft", text: t("mail.html.blocked", { n: blocked }) }) : null,
      shown === "cut" ? h("p", { class: "soft", text: t("mail.cut") }) : shown === "text" ? h("p", { class: "soft", text: t("mail.html.text") }) : null,
      h("iframe", { class: "html", title: t("mail.view.html"), sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer", src })].filter(Boolean);
  }

  header(m) {
    return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("mail.view.header") }, h("table", { class: "header" }, h("tbody", {},
      ...m.header.map((f) => h("tr", {}, h("th", { scope: "row", text: f.name }), h("td", { text: f.value }))))));
  }

  async raw(m) {
    const path = href(`/mail/messages/${m.folder}/${m.uid}/raw`);
    const r = await fetch(path);
    const reader = r.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
      if (text.length > rawShown) { reader.cancel(); break; }
    }
    return [h("p", {}, h("a", { href: path + "?download=1", text: t("mail.raw.save", { size: size(m.size) }) })), h("pre", { tabindex: 0, role: "region", "aria-label": t("mail.view.raw"), text: text.slice(0, rawShown) })];
  }

  // ways shows by which words HTTP and IMAP fetch the message, and leads to its
  // journey, of which this reading is the last step.
  ways(m, folder) {
    const look = boot.lab || boot.operator;
    const way = (name, ...lines) => [h("dt", { text: name }), h("dd", {}, ...lines.map((text) => h("code", { text })))];
    return h("div", { class: "path soft" }, h("p", {}, t("mail.http"), " ", m.journey && look ? h("a", { href: `/?journey=${encodeURIComponent(m.journey)}`, text: t("mail.journey") }) : null),
      h("dl", { class: "fields" }, ...way("HTTP", `GET ${href(`/mail/messages/${m.folder}/${m.uid}/raw`)}`), ...way("IMAP", `SELECT ${quoted(folder.name)}`, `UID FETCH ${m.uid} BODY[]`)));
  }
}

// quoted is a mailbox name as IMAP has it (RFC 9051 §4.3).
const quoted = (name) => /^[A-Za-z0-9./_-]+$/.test(name) ? name : `"${name.replace(/["\\]/g, "\\$&")}"`;

// links makes addresses of the web in a text into links; nothing else of it is
// more than text.
function links(text) {
  return text.split(/(https?:\/\/[^\s<>"']{1,2000}[^\s<>"'.,;:!?)\]])/).map((part, i) =>
    i % 2 ? h("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow", text: part }) : part);
}
