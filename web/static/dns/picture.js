// A search as a picture: a line of life for each host, a numbered arrow for each
// message. All measures are in sizes of its letters, so that it grows with them.
import { h, t } from "../shell/shell.js";
import { shown } from "./tree.js";

const column = 8.2, step = 2.7, head = 4; // least width of a host, height of an arrow and of the names

const svgns = "http://www.w3.org/2000/svg";
function s(tag, attrs, text) {
  const e = document.createElementNS(svgns, tag);
  for (const [k, v] of Object.entries(attrs)) e.setAttribute(k, v);
  if (text !== undefined) e.textContent = text;
  return e;
}

// picture draws the first upto arrows for a box of a width in pixels; it is wider
// than that when its hosts need more room.
export function picture(arrows, upto, room) {
  const hosts = [...new Set(arrows.flatMap((a) => [a.from, a.to]).filter(Boolean))];
  const em = letters(room / (hosts.length * column));
  const width = Math.max(hosts.length * column * em, room), height = (head + arrows.length * step + .8) * em;
  const x = (host) => width * (hosts.indexOf(host) + .5) / hosts.length;
  const svg = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "picture", "font-size": em, "aria-hidden": "true" });
  for (const host of hosts) svg.append(...life(host, x(host), height, em));
  arrows.slice(0, upto).forEach((a, i) => {
    const now = i === upto - 1 && upto < arrows.length;
    const g = s("g", { class: (a.reply ? "reply" : "query") + (now ? " now" : "") });
    const y = (head + i * step + 1.4) * em;
    g.append(...(a.to ? arrow(a, x(a.from), x(a.to), y, em) : knows(x(a.from), y, em)));
    svg.append(g);
  });
  return h("div", { class: "scroll", tabindex: width > room ? 0 : null, role: width > room ? "group" : null, "aria-label": width > room ? t("dns.walk.picture") : null }, svg);
}

// letters is the size of the picture's letters, in pixels: as fits best, within what
// can be read.
function letters(best) {
  const root = document.documentElement, rem = parseFloat(getComputedStyle(root).fontSize);
  return root.dataset.projector === "yes" ? rem : Math.max(.7 * rem, Math.min(.85 * rem, best));
}

function life(host, x, height, em) {
  const words = host.split("."), first = words.length > 2 ? words[0] : host;
  const out = [s("line", { x1: x, x2: x, y1: 3.2 * em, y2: height, class: "life" }), s("text", { x, y: 1.2 * em, class: "host" }, first)];
  if (first !== host) out.push(s("text", { x, y: 2.6 * em, class: "host soft" }, words.slice(1).join(".")));
  return out;
}

function arrow(a, from, to, y, em) {
  const dir = Math.sign(to - from) || 1, ball = from + dir * em;
  const label = a.reply ? short(a.text) : a.text.replace(/\s\?$/, "?").split(" ").slice(-1)[0];
  return [s("line", { x1: from, x2: to - dir * .6 * em, y1: y, y2: y }), s("path", { d: `M${to} ${y}l${-dir * .8 * em} ${-.4 * em}v${.8 * em}z` }),
    s("circle", { cx: ball, cy: y, r: .8 * em, class: "ball" }), s("text", { x: ball, y: y + .35 * em, class: "no" }, a.number),
    s("text", { x: (from + to) / 2 + dir * .6 * em, y: y - .9 * em, class: "say" }, label)];
}

function knows(x, y, em) {
  return [s("rect", { x: x - 4.4 * em, y: y - .95 * em, width: 8.8 * em, height: 1.7 * em, rx: 4, class: "hit" }), s("text", { x, y: y + .3 * em, class: "host" }, t("dns.walk.hit"))];
}

// short is a reply as it fits on an arrow.
function short(text) {
  const to = text.match(/^referral: (\S+) NS/);
  if (to) return "→ " + shown(to[1]);
  return text.replace(/^answer: /, "").split(/,| TTL/)[0].slice(0, 24);
}
