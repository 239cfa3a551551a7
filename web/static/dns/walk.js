// One search as numbered arrows between hosts: with an empty cache, and again with
// what the first search taught.
import { h, say, t } from "../shell/shell.js";
import { shown } from "./tree.js";

const svgns = "http://www.w3.org/2000/svg";
function s(tag, attrs, text) {
  const e = document.createElementNS(svgns, tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

export class Walk {
  constructor(box) {
    Object.assign(this, { box, pictures: [], which: 0, upto: 0, onpath() {}, onmessage() {} });
  }

  draw(pictures, q) {
    Object.assign(this, { pictures, q });
    this.choose(0);
    say(t("dns.walk.done", { name: q.name, n: pictures[0].messages }));
  }

  choose(which) {
    this.which = which;
    this.upto = this.pictures[which].arrows.length;
    this.render();
  }

  // step goes through the search message by message.
  step(by) {
    if (!this.pictures.length) return;
    const most = this.pictures[this.which].arrows.length;
    this.upto = by > 0 && this.upto === most ? 1 : Math.max(1, Math.min(most, this.upto + by));
    this.render();
    const a = this.pictures[this.which].arrows[this.upto - 1];
    say(`${a.number || ""} ${a.from} → ${a.to}: ${a.text}`);
  }

  render() {
    const p = this.pictures[this.which];
    const arrows = p.arrows.slice(0, this.upto);
    const path = new Map();
    for (const a of arrows) if (a.number && !a.reply) path.set(a.to, [...(path.get(a.to) ?? []), a.number]);
    this.onpath(path);
    const which = this.pictures.map((one, i) => h("button", { "aria-pressed": String(i === this.which), text: t(i ? "dns.walk.cached" : "dns.walk.cold", { n: one.messages }), onclick: () => this.choose(i) }));
    this.box.replaceChildren(
      h("div", { class: "row-of" }, ...which, h("button", { "aria-label": t("dns.key.back"), text: "◀", onclick: () => this.step(-1) }), h("button", { "aria-label": t("dns.key.forward"), text: "▶", onclick: () => this.step(1) }),
        h("span", { class: "soft", text: t("dns.walk.took", { ms: (p.took / 1e6).toFixed(2) }) })),
      h("p", { class: "gist", text: t(this.q.recursive ? "dns.walk.recursive" : "dns.walk.iterated") }),
      this.ladder(p.arrows, this.upto), this.list(arrows),
      p.error ? h("p", { class: "error", text: p.error }) : h("p", { class: "answer" }, h("b", { text: t("dns.answer") + " " }), ...p.answer.flatMap((a) => [h("code", { text: a.replaceAll("\t", " ") }), h("br")])));
  }

  ladder(arrows, upto) {
    const hosts = [...new Set(arrows.flatMap((a) => [a.from, a.to]).filter(Boolean))];
    const gap = 30, top = 52, width = Math.max(hosts.length * 132, 420), x = (i) => width * (i + .5) / hosts.length;
    const height = top + arrows.length * gap + 10;
    const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "ladder", "aria-hidden": "true" });
    hosts.forEach((name, i) => {
      svg.append(s("line", { x1: x(i), x2: x(i), y1: top - 12, y2: height, class: "life" }));
      const short = name.split(".");
      const first = short.length > 2 ? short[0] : name;
      svg.append(s("text", { x: x(i), y: 16, class: "host" }, first));
      if (first !== name) svg.append(s("text", { x: x(i), y: 32, class: "host soft" }, short.slice(1).join(".")));
    });
    arrows.slice(0, upto).forEach((a, i) => {
      const y = top + i * gap + 14, now = i === upto - 1 && upto < arrows.length;
      const from = x(hosts.indexOf(a.from));
      const g = s("g", { class: (a.reply ? "reply" : "query") + (now ? " now" : "") });
      if (!a.to) {
        g.append(s("rect", { x: from - 52, y: y - 13, width: 104, height: 20, rx: 4, class: "hit" }), s("text", { x: from, y: y + 2, class: "host" }, t("dns.walk.hit")));
      } else {
        const to = x(hosts.indexOf(a.to)), dir = Math.sign(to - from);
        g.append(s("line", { x1: from, x2: to - dir * 8, y1: y, y2: y }), s("path", { d: `M${to} ${y}l${-dir * 10} -5v10z` }));
        g.append(s("circle", { cx: from + dir * 14, cy: y, r: 9, class: "ball" }), s("text", { x: from + dir * 14, y: y + 4, class: "no" }, a.number));
        const label = a.reply ? short(a.text) : a.text.replace(/\s\?$/, "?").split(" ").slice(-1)[0];
        g.append(s("text", { x: (from + to) / 2 + dir * 12, y: y - 5, class: "say" }, label));
      }
      svg.append(g);
    });
    return svg;
  }

  list(arrows) {
    return h("ol", { class: "arrows", "aria-label": t("dns.walk.list") }, ...arrows.map((a) => {
      const asked = !a.reply && a.to && a.depth ? a.text.split(" ") : null;
      return h("li", { class: `depth-${Math.min(a.depth, 4)} ${a.reply ? "reply" : "query"}` },
        h("span", { class: "number", text: a.number || "●" }),
        h("span", { class: "ends", text: a.to ? `${a.from} → ${a.to}` : t("dns.walk.knows", { name: a.from }) }),
        h("code", { text: a.text.includes("xn--") ? a.text.split(" ").map((w) => w.startsWith("xn--") ? shown(w) : w).join(" ") : a.text }),
        asked ? h("button", { class: "small", text: t("dns.walk.dissect"), "aria-label": t("dns.walk.dissect.n", { n: a.number, server: a.to }), onclick: () => this.onmessage(a.to, asked[0], asked[1]) }) : null);
    }));
  }
}

// short is a reply as it fits on an arrow.
function short(text) {
  const to = text.match(/^referral: (\S+) NS/);
  if (to) return "→ " + shown(to[1]);
  return text.replace(/^answer: /, "").split(/,| TTL/)[0].slice(0, 24);
}
