// How the local name server works.
import { failed, get, h, put, t } from "../shell/shell.js";
import { keep } from "../shell/keep.js";

export class Modes {
  constructor(box) {
    this.box = box;
  }

  async show() { this.draw((await get("/dns/mode")).result); }

  draw(now) {
    const set = (change) => put("/dns/mode", change).then((r) => this.draw(r.result)).catch((e) => { failed(e); this.show().catch(failed); });
    const modes = this.constructor.modes().map((m) => h("label", { class: "mode" }, h("input", { type: "radio", name: "mode", dataset: { key: m }, value: m, checked: now.mode === m, onchange: () => set({ mode: m }) }), h("span", {}, h("b", { text: t("dns.mode." + m) }), h("br"), h("span", { class: "soft", text: t(`dns.mode.${m}.text`) }))));
    const tick = (name) => h("label", { class: "mode" }, h("input", { type: "checkbox", dataset: { key: name }, checked: now[name], onchange: (ev) => set({ [name]: ev.target.checked }) }), h("span", {}, h("b", { text: t("dns.mode." + name) }), h("br"), h("span", { class: "soft", text: t(`dns.mode.${name}.text`) })));
    keep(this.box, () => this.box.replaceChildren(h("p", { class: "gist", text: t("dns.mode.gist") }), h("fieldset", {}, h("legend", { text: t("dns.mode.how") }), ...modes), h("fieldset", {}, h("legend", { text: t("dns.mode.what") }), tick("validate"), tick("minimise"))));
  }

  static modes() { return ["iterative", "recursive", "forward"]; }
}
