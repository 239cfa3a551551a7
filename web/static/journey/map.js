import { get, t } from "../shell/shell.js";
import { svg } from "./svg.js";

// The map of hosts: programs of users at the sides, mail servers between them,
// name servers above. The way of the chosen rung is lit.
const box = document.getElementById("map");
const width = 900, height = 150, edge = 17; // edge is half the height of a host

export class HostMap {
  constructor() {
    this.hosts = new Map(); // name → {role, x, y, node}
    this.counts = new Map(); // mail server → text
    this.picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    box.replaceChildren(this.picture);
  }

  show(roles) {
    this.hosts.clear();
    for (const [name, role] of roles) this.hosts.set(name, { role });
    this.#draw();
  }

  // knows adds the hosts of rungs, and leaves out who has got another name; it draws
  // anew if something has changed.
  knows(rungs, roles) {
    const before = [...this.hosts.keys()].join();
    for (const name of this.hosts.keys()) if (!roles.has(name)) this.hosts.delete(name);
    for (const r of rungs) for (const name of [r.from, r.to]) if (!this.hosts.has(name)) this.hosts.set(name, { role: roles.get(name) });
    if ([...this.hosts.keys()].join() !== before) this.#draw();
  }

  #draw() {
    this.picture.replaceChildren();
    this.way = svg("g", {});
    const rows = { "user-agent": [], "mail-server": [], "local-name-server": [], "name-server": [] };
    for (const [name, host] of this.hosts) (rows[host.role] ?? rows["mail-server"]).push([name, host]);
    const names = [...rows["local-name-server"], ...rows["name-server"]].slice(0, 9);
    names.forEach(([name, host], i) => this.#put(name, host, ((i + 0.5) * width) / names.length, 28, width / names.length));
    const low = [...rows["mail-server"]], agents = rows["user-agent"];
    if (agents[0]) low.unshift(agents[0]);
    low.push(...agents.slice(1));
    low.slice(0, 9).forEach(([name, host], i, all) => this.#put(name, host, ((i + 0.5) * width) / all.length, 112, width / all.length));
    this.picture.append(this.way); // above the boxes
  }

  #put(name, host, x, y, room) {
    const w = Math.min(150, room - 8);
    Object.assign(host, { x, y, half: w / 2 });
    host.box = svg("rect", { x: x - w / 2, y: y - edge, width: w, height: 2 * edge, rx: host.role === "user-agent" ? edge : 5, class: host.role });
    const letters = Math.floor(w / 7.4);
    this.picture.append(host.box, svg("text", { x, y: y + 5, "text-anchor": "middle", text: name.length > letters ? name.slice(0, letters - 1) + "…" : name }, svg("title", { text: name })));
    host.count = svg("text", { x, y: y + 32, "text-anchor": "middle", class: "count", text: this.counts.get(name) ?? "" });
    this.picture.append(host.count);
  }

  light(r) {
    for (const host of this.hosts.values()) host.box?.classList.remove("lit");
    const a = this.hosts.get(r.from), b = this.hosts.get(r.to);
    for (const host of [a, b]) host?.box?.classList.add("lit");
    this.way.replaceChildren();
    if (!a?.box || !b?.box || a === b) return;
    const kind = r.e.proto === "dns" ? "dns" : r.e.dir, { line, head, x, y } = wayBetween(a, b, this.#between(a, b));
    this.way.append(svg("path", { d: line, class: "way " + kind }), svg("path", { d: head, class: "tip " + kind }), svg("circle", { cx: x, cy: y, r: 12, class: "mark" }),
      svg("text", { x, y: y + 4, "text-anchor": "middle", class: "number", text: r.n }));
  }

  // #between reports whether another host stands in the straight way.
  #between(a, b) {
    const inside = (h) => h.x > Math.min(a.x, b.x) + 1 && h.x < Math.max(a.x, b.x) - 1;
    return a.y === b.y && [...this.hosts.values()].some((h) => h.box && h.y === a.y && inside(h));
  }

  // count asks how many messages are in queues and mailboxes.
  async count() {
    const none = { items: [] };
    const [users, queue] = await Promise.all([get("/users").catch(() => none), get("/queue").catch(() => none)]);
    const sum = new Map();
    const of = (node) => sum.get(node) ?? sum.set(node, { queue: 0, box: 0 }).get(node);
    for (const u of users.items) of(u.node).box += u.messages;
    for (const q of queue.items) of(q.node).queue++;
    for (const [node, n] of sum) {
      const text = t("journey.counts", n);
      this.counts.set(node, text);
      const host = this.hosts.get(node);
      if (host?.count) host.count.textContent = text;
    }
  }
}

// wayBetween is an arrow from the edge of one host to that of another, bowed
// where a third one stands between them; its number is at x, y.
function wayBetween(a, b, bowed) {
  const side = a.y < b.y ? 1 : -1, level = a.y === b.y, right = a.x < b.x ? 1 : -1;
  const from = level && !bowed ? [a.x + right * a.half, a.y] : [a.x, a.y + (bowed ? -edge : side * edge)];
  const to = level && !bowed ? [b.x - right * b.half, b.y] : [b.x, b.y + (bowed ? -edge : -side * edge)];
  const mid = [(from[0] + to[0]) / 2, bowed ? (height - 2 * edge) / 2 - 4 : (from[1] + to[1]) / 2];
  const before = bowed ? mid : from;
  const angle = Math.atan2(to[1] - before[1], to[0] - before[0]), wing = (turn) => `${(to[0] - 11 * Math.cos(angle + turn)).toFixed(1)} ${(to[1] - 11 * Math.sin(angle + turn)).toFixed(1)}`;
  const head = `M${wing(0.45)} L${to.join(" ")} L${wing(-0.45)} Z`;
  const line = bowed ? `M${from.join(" ")} Q${mid.join(" ")} ${to.join(" ")}` : `M${from.join(" ")} L${to.join(" ")}`;
  return { line, head, x: mid[0], y: bowed ? (from[1] + mid[1]) / 2 : mid[1] };
}
