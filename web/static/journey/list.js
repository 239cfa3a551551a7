import { get, h, t, time } from "../shell/shell.js";

// The list of journeys. The first entry is everything, live.
const box = document.getElementById("list"), search = document.getElementById("search");

export class JourneyList {
  constructor(chosen) {
    this.chosen = chosen;
    this.id = "";
    this.items = [];
    let timer;
    search.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => this.refresh(), 250); });
    this.#draw();
  }

  async refresh() {
    const found = await get(`/journeys?limit=60&q=${encodeURIComponent(search.value)}`).catch(() => null);
    if (!found) return;
    this.items = found.items;
    this.#draw();
  }

  choose(n) {
    if (n === 0) this.pick("");
    else if (this.items[n - 1]) this.pick(this.items[n - 1].id);
  }

  pick(id) {
    this.id = id;
    this.#draw();
    this.chosen(this.items.find((j) => j.id === id) ?? null, id);
  }

  #draw() {
    const had = document.activeElement?.closest?.("#list button")?.dataset.id;
    box.replaceChildren(this.#row("", h("b", { text: t("journey.live") }), h("span", { text: t("journey.live.hint") }), 0),
      ...this.items.map((j, i) => this.#row(j.id, h("b", { text: j.subject || t("journey.nosubject") }),
        h("span", {}, `${j.from || "<>"} → ${j.to.join(", ")}`, h("br"), h("em", { class: "state " + j.state, text: t("journey.state." + j.state) }), " · ", time(j.started, "clock").slice(0, 8)), i + 1)));
    if (had !== undefined) [...box.querySelectorAll("button")].find((b) => b.dataset.id === had)?.focus();
  }

  #row(id, title, rest, n) {
    return h("li", {}, h("button", { class: "journey", dataset: { id }, "aria-current": this.id === id ? "true" : null, onclick: () => this.pick(id) },
      h("kbd", { text: n < 10 ? n : "", "aria-hidden": "true" }), h("span", { class: "words" }, title, rest)));
  }
}
