import { get, h, t } from "../shell/shell.js";
import { svg } from "../journey/svg.js";

// Small charts: one value a second, the newest at the right.
const seconds = 300, width = 300, height = 48;
const between = 2; // seconds from one figure of the page's own to the next

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
    setInterval(() => document.hidden || this.turn(), between * 1000);
  }

  // note keeps a figure that the page itself counts.
  note(name, n) {
    const all = this.own[name];
    all.push(n);
    if (all.length > seconds / between) all.shift();
    this.#draw(name, all, between);
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

  // #draw draws values, one each step seconds, up to now.
  #draw(name, values, step = 1) {
    const { line, now } = this.charts[name], most = Math.max(...values, 0);
    const x = (i) => width - (values.length - 1 - i) * step * (width / seconds), y = (v) => height - 3 - (v / Math.max(most, 1)) * (height - 6);
    const points = values.map((v, i) => `${x(i).toFixed(1)},${y(v).toFixed(1)}`);
    if (points.length === 1) points.unshift(`${x(0) - step},${y(values[0]).toFixed(1)}`);
    line.setAttribute("points", points.join(" "));
    now.textContent = t("server.chart.now", { now: values[values.length - 1] ?? 0, most });
  }
}
