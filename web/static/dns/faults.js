// Faults of DNSSEC that a lesson makes, and what the local name server says to them.
import { failed, get, h, put, t } from "../shell/shell.js";
import { keep } from "../shell/keep.js";
import { shown } from "./tree.js";

export class Faults {
  constructor(box) {
    Object.assign(this, { box, zone: "amazon.com." });
  }

  async show() {
    const [{ choices, broken }, zones] = await Promise.all([get("/dns/faults").then((r) => r.result), get("/dns/zones").then((r) => r.result)]);
    const menu = h("select", { id: "f-zone", dataset: { key: "zone" }, onchange: () => { this.zone = menu.value; } }, ...zones.filter((z) => z.signed).map((z) => h("option", { value: z.zone, text: z.zone === "." ? t("dns.root") : shown(z.zone) })));
    menu.value = this.zone;
    const set = (zone, fault) => put("/dns/faults", { zone, fault }).then(() => this.show()).catch(failed);
    const now = Object.entries(broken);
    keep(this.box, () => this.box.replaceChildren(h("p", { class: "gist", text: t("dns.fault.gist") }), h("p", {}, h("label", { for: "f-zone" }, t("dns.zone"), " "), menu),
      h("ul", { class: "choices-list" }, ...choices.filter((c) => c.fault !== "none").map((c) => h("li", {}, h("button", { dataset: { key: c.fault }, text: t("dns.fault." + c.fault), onclick: () => set(menu.value, c.fault) }), " ", h("span", { class: "soft", text: t(`dns.fault.${c.fault}.text`) })))),
      h("h3", { text: t("dns.fault.now") }),
      now.length ? h("ul", { class: "findings" }, ...now.map(([zone, fault]) => h("li", { class: "warn" }, h("b", { text: shown(zone) }), ` ${t("dns.fault." + fault)} `, h("button", { class: "small", text: t("dns.fault.mend"), onclick: () => set(zone, "none") })))) : h("p", { class: "fine", text: t("dns.fault.none") })));
  }
}
