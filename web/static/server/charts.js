import { get, h, t } from "../shell/shell.js";
import { svg } from "../journey/svg.js";

// Small charts: one value a second, the newest at the right.
const seconds = 300, width = 300, height = 48;

export class Charts {
  constructor() {
    this.box = document.getElementById("charts");
    this.own = { queue: [], conns: [] };
    this.charts = {};
    for (const name of ["accepted", "delivered", "lines", "queue", "conns"]) {
      const line = svg("polyline", { class: "line" }), figure = h("figcaption", {}), now = h("small", {});
      figure.append(h("b", { text: t("server.chart." + name) }), " ", now);
      this.charts[name] = { line, now };
      this.box.append(h("figure", { dataset: { chart: name } }, figure, svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" }, line)));
    }
    this.turn();
    setInterval(() => document.hidden || this.turn(), 2000);
  }

  // note keeps a figure that the page itself counts.
  note(name, n) {
    const all = this.own[name];
    all.push(n);
    if (all.length > seconds / 2) all.shift();
    this.#draw(name, all);
  }

  async turn() {
    const found = await get("/metrics-series").catch(() => null);
    if (!found) return;
    const end = Math.floor(Date.now() / 1000);
    for (const name of ["accepted", "delivered", "lines"]) {
      const values = new Array(seconds).fill(0);
      for (const s of found.items) {
        const i = seconds - 1 - (end - Math.floor(Date.parse(s.at) / 1000));
        if (i >= 0 && i < seconds) values[i] = s[name];
      }
      this.#draw(name, values);
    }
  }

  #draw(name, values) {
    const { line, now } = this.charts[name], most = Math.max(...values, 0), step = width / Math.max(values.length - 1, 1);
    line.setAttribute("points", values.map((v, i) => `${(i * step).toFixed(1)},${(height - 3 - (v / Math.max(most, 1)) * (height - 6)).toFixed(1)}`).join(" "));
    now.textContent = t("server.chart.now", { now: values[values.length - 1] ?? 0, most });
  }
}
