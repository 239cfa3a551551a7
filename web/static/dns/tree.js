// The tree of zones with their servers, and the path of the last search in it.
import { get, h, t } from "../shell/shell.js";
import { keep } from "../shell/keep.js";

const labels = (zone) => zone.split(".").filter(Boolean);
export const bare = (name) => name === "." ? "." : name.replace(/\.$/, "");

// shown is a name as people read it, with Unicode in the place of xn-- labels.
export function shown(name) {
  try {
    return name.includes("xn--") ? decode(bare(name)) : bare(name);
  } catch {
    return bare(name);
  }
}

export class Tree {
  constructor(box) {
    Object.assign(this, { box, servers: [], steps: new Map(), name: "", onserver() {}, onzone() {} });
  }

  async load() {
    this.servers = (await get("/dns/tree")).result;
    this.draw();
    return this.servers;
  }

  // light shows by which numbered messages each server was asked for a name.
  light(steps, name) {
    Object.assign(this, { steps, name: name.toLowerCase() });
    this.draw();
  }

  draw() {
    const zones = new Map();
    for (const s of this.servers) for (const z of s.zones) zones.set(z, [...(zones.get(z) ?? []), s]);
    const children = (up) => [...zones.keys()].filter((z) => z !== up && parent(z, zones) === up).sort((a, b) => (a === "arpa.") - (b === "arpa.") || (b === "edu.") - (a === "edu.") || a.localeCompare(b));
    const branch = (zone) => {
      const below = children(zone);
      return h("li", {}, h("button", { class: "zone", dataset: { zone, key: zone }, title: t("dns.zone.open", { zone }), text: zone === "." ? t("dns.root") : shown(zone), onclick: () => this.onzone(zone) }),
        ...zones.get(zone).map((s) => this.server(s, zone)), below.length ? h("ul", {}, ...below.map(branch)) : null);
    };
    const local = this.servers.filter((s) => s.local).map((s) => h("li", {}, h("span", { class: "zone", text: t("dns.local") }), this.server(s)));
    keep(this.box, () => this.box.replaceChildren(h("ul", { class: "zones" }, ...local, zones.has(".") ? branch(".") : null)));
  }

  // server is one server of a zone. One that serves several stands at each; it is one
  // machine, and has its numbers once: at the highest zone on the way to the name.
  server(s, zone = "") {
    const way = s.zones.filter((z) => z === "." || ("." + this.name).endsWith("." + z));
    const steps = zone === (way[0] ?? s.zones[0] ?? "") ? this.steps.get(bare(s.name)) ?? [] : [];
    return h("button", { class: "server" + (steps.length ? " lit" : ""), dataset: { server: s.name, key: s.name + " " + zone }, title: t("dns.server.ask", { name: bare(s.name), addr: s.addr }), onclick: () => this.onserver(s.local ? "" : s.name) },
      h("span", { text: bare(s.name) }), ...steps.map((n) => h("span", { class: "number", text: n })));
  }
}

// parent is the zone right above, among those that are there.
function parent(zone, zones) {
  const parts = labels(zone);
  for (let i = 1; i <= parts.length; i++) {
    const up = parts.slice(i).join(".") + ".";
    if (zones.has(up)) return up;
  }
  return undefined;
}

// decode undoes Punycode (RFC 3492 §6.2) label by label.
function decode(name) {
  return name.split(".").map((l) => l.startsWith("xn--") ? punycode(l.slice(4)) : l).join(".");
}

function punycode(input) {
  const dash = input.lastIndexOf("-");
  const out = dash > 0 ? [...input.slice(0, dash)].map((c) => c.codePointAt(0)) : [];
  let n = 128, i = 0, bias = 72;
  for (let at = dash > 0 ? dash + 1 : 0; at < input.length;) {
    const old = i;
    for (let w = 1, k = 36; ; k += 36) {
      const c = input.charCodeAt(at++);
      const digit = c >= 48 && c < 58 ? c - 22 : c >= 97 && c < 123 ? c - 97 : NaN;
      if (Number.isNaN(digit)) throw new RangeError(input);
      i += digit * w;
      const limit = Math.min(Math.max(k - bias, 1), 26);
      if (digit < limit) break;
      w *= 36 - limit;
    }
    const length = out.length + 1;
    let delta = old === 0 ? Math.floor(i / 700) : Math.floor((i - old) / 2), k = 0;
    delta += Math.floor(delta / length);
    for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
    bias = k + Math.floor(36 * delta / (delta + 38));
    n += Math.floor(i / length);
    i %= length;
    out.splice(i++, 0, n);
  }
  return String.fromCodePoint(...out);
}
