// The registrar: is a name free, whose is it, and what the zone above gains when
// somebody takes it.
import { failed, get, h, post, t } from "../shell/shell.js";
import { owner } from "./zones.js";

export class Registrar {
  constructor(box) {
    this.box = box;
    this.onchange = () => {};
    const input = (name, value, hint) => { this[name] = h("input", { id: "r-" + name, value, placeholder: hint ?? "", spellcheck: "false", autocomplete: "off" }); return h("p", { class: "field" }, h("label", { for: "r-" + name, text: t("dns.reg." + name) }), this[name]); };
    this.verdict = h("p", { class: "verdict", role: "status" });
    this.diff = h("div", { "aria-live": "polite" });
    this.ds = h("input", { type: "checkbox" });
    this.form = h("form", { class: "card", hidden: true, onsubmit: (ev) => { ev.preventDefault(); this.register({}).catch(failed); } },
      input("owner", owner()), h("div", { class: "two" }, input("ns1", ""), input("ip1", ""), input("ns2", ""), input("ip2", "")), h("p", { class: "soft", text: t("dns.reg.glue") }),
      h("label", {}, this.ds, t("dns.reg.ds")),
      h("div", { class: "row-of" }, h("button", { class: "primary", text: t("dns.reg.take") }), h("button", { type: "button", class: "danger", text: t("dns.reg.release"), onclick: () => this.register({ release: true }).catch(failed) })));
    box.append(h("p", { class: "gist", text: t("dns.reg.gist") }),
      h("form", { class: "row-of", onsubmit: (ev) => { ev.preventDefault(); this.search().catch(failed); } }, h("label", {}, t("dns.reg.domain"), " ", this.domain = h("input", { value: "networkutopia.com", required: true, spellcheck: "false" })), h("button", { class: "primary", text: t("dns.reg.search") })),
      this.verdict, this.diff, this.form);
  }

  // search looks into the zone above.
  async search() {
    const name = this.domain.value.trim().toLowerCase().replace(/\.$/, "");
    const up = name.split(".").slice(1).join(".") + ".";
    const lines = (await get("/dns/zones/" + encodeURIComponent(up))).result.split("\n").filter((l) => l.toLowerCase().startsWith(name + ".\t"));
    const taken = lines.some((l) => l.includes("\tNS\t"));
    this.verdict.className = "verdict " + (taken ? "taken" : "free");
    this.verdict.textContent = t(taken ? "dns.reg.taken" : "dns.reg.free", { name });
    this.diff.replaceChildren(lines.length ? h("pre", { text: lines.join("\n").replaceAll("\t", " ") }) : "");
    this.form.hidden = false;
    const servers = (await get("/dns/tree")).result.filter((s) => s.zones.includes(name + "."));
    [1, 2].forEach((i) => {
      this["ns" + i].value = servers[i - 1]?.name.replace(/\.$/, "") ?? (i === 1 ? "dns1." + name : "");
      this["ip" + i].value = servers[i - 1]?.addr ?? "";
    });
  }

  async register(extra) {
    const servers = [1, 2].filter((i) => this["ns" + i].value.trim()).map((i) => ({ name: this["ns" + i].value.trim(), addrs: this["ip" + i].value.split(/[,\s]+/).filter(Boolean) }));
    const asked = { domain: this.domain.value.trim(), owner: this.owner.value.trim() };
    const done = (await post("/dns/register", extra.release ? { ...asked, release: true } : { ...asked, servers, ds: this.ds.checked })).result;
    const kept = [h("h3", { text: t("dns.reg.diff", { zone: done.zone }) }), h("ul", { class: "diff" }, ...done.removed.map((r) => h("li", { class: "minus", text: "− " + r.replaceAll("\t", " ") })), ...done.added.map((r) => h("li", { class: "plus", text: "+ " + r.replaceAll("\t", " ") }))),
      done.findings.length ? h("ul", { class: "findings" }, ...done.findings.map((f) => h("li", { class: "warn", text: f }))) : h("p", { class: "fine", text: t("dns.reg.answers") })];
    const filled = [1, 2].map((i) => [this["ns" + i].value, this["ip" + i].value]);
    await this.search();
    this.verdict.className = "verdict " + (extra.release ? "free" : "done");
    this.verdict.textContent = extra.release ? t("dns.reg.released", { name: asked.domain }) : t("dns.reg.done", { name: asked.domain, owner: done.owner });
    filled.forEach(([ns, ip], i) => { this["ns" + (i + 1)].value = ns; this["ip" + (i + 1)].value = ip; });
    this.diff.replaceChildren(...(extra.release ? kept.slice(0, 2) : kept));
    this.onchange();
  }
}
