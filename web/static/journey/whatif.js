import { failed, get, h, note, post, t } from "../shell/shell.js";

// One fact is changed, the message is sent again, and both ladders stand side by
// side.
const kinds = {
  "mx-down": ["host"], "ttl": ["seconds"], "reply": ["command", "text"], "header": ["name", "text"], "subject": ["text"], "starttls-off": [],
};

export function whatIf(id) {
  const kind = h("select", { name: "kind" }, ...Object.keys(kinds).map((k) => h("option", { value: k, text: t("journey.whatif." + k) })));
  const inputs = Object.fromEntries(["host", "seconds", "command", "name", "text"].map((f) => [f, h("input", { name: f, maxlength: "500", type: f === "seconds" ? "number" : "text" })]));
  const fields = Object.entries(inputs).map(([f, input]) => h("label", { class: "field", dataset: { field: f } }, t("journey.whatif.field." + f), input));
  const fit = () => { for (const f of fields) f.hidden = !kinds[kind.value].includes(f.dataset.field); };
  kind.addEventListener("change", fit);
  fit();
  const d = h("dialog", { "aria-label": t("journey.whatif") }, h("h2", { text: t("journey.whatif") }), h("p", { text: t("journey.whatif.hint") }),
    h("form", { method: "dialog" }, h("label", { class: "field" }, t("journey.whatif.kind"), kind), ...fields,
      h("div", { class: "choices" }, h("button", { value: "ok", class: "primary", text: t("journey.whatif.send") }), h("button", { value: "", text: t("shell.cancel") }))));
  d.addEventListener("close", () => {
    d.remove();
    if (d.returnValue === "ok") run(id, kind.value, inputs);
  });
  document.body.append(d);
  d.showModal();
}

async function run(id, kind, inputs) {
  const change = { kind };
  for (const f of kinds[kind]) if (inputs[f].value !== "") change[f] = f === "seconds" ? Number(inputs[f].value) : inputs[f].value;
  note(t("journey.whatif.waits"));
  try {
    const again = await post("/whatif", { journey: id, change });
    if (again.note) note(again.note);
    compare(await get(`/whatif/compare?a=${encodeURIComponent(id)}&b=${encodeURIComponent(again.journey)}`));
  } catch (fault) {
    failed(fault);
  }
}

// beside lays what only one journey has beside what the other has in its place: the
// next line of the same side of the same kind of dialogue.
function beside(rungs) {
  const rows = [];
  let left = [], right = [];
  const flush = () => {
    for (const a of left) {
      const at = right.findIndex((b) => b.dir === a.dir && b.proto === a.proto);
      rows.push(...right.splice(0, Math.max(at, 0)).map((b) => ({ b, difference: "only-b" })), at < 0 ? { a, difference: "only-a" } : { a, b: right.shift(), difference: "different" });
    }
    rows.push(...right.map((b) => ({ b, difference: "only-b" })));
    [left, right] = [[], []];
  };
  for (const r of rungs) {
    if (r.difference === "only-a") left.push(r.a);
    else if (r.difference === "only-b") right.push(r.b);
    else flush(), rows.push(r);
  }
  flush();
  return rows;
}

function compare(c) {
  const side = (s) => h("td", { class: s?.dir ?? "" }, s ? h("code", { text: `${s.dir === "*" ? "*" : s.dir + ":"} ${s.kind === "data" ? t("journey.data", { n: s.size }) : s.text ?? ""}` }) : "");
  const marks = { same: "=", different: "≠", "only-a": "◀", "only-b": "▶" };
  const rungs = beside(c.rungs), differing = rungs.filter((r) => r.difference !== "same").length;
  const rows = rungs.map((r) => h("tr", { class: r.difference }, side(r.a), h("td", { class: "mark", text: marks[r.difference], title: t("journey.compare." + r.difference) }), side(r.b)));
  const d = h("dialog", { id: "compare", "aria-label": t("journey.compare") }, h("h2", { text: t("journey.compare") }),
    h("p", { text: t("journey.compare.count", { n: differing }) }),
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("journey.compare") }, h("table", {}, h("thead", {}, h("tr", {},
      h("th", { scope: "col", text: t("journey.compare.before", { state: t("journey.state." + c.a.state) }) }), h("th", { scope: "col" }, h("span", { class: "aside", text: t("journey.compare.difference") })),
      h("th", { scope: "col", text: t("journey.compare.after", { state: t("journey.state." + c.b.state) }) }))), h("tbody", {}, ...rows))),
    h("form", { method: "dialog" }, h("button", { text: t("shell.close") })));
  d.addEventListener("close", () => d.remove());
  document.body.append(d);
  d.showModal();
  const changed = [...d.querySelectorAll("tbody tr:not(.same)")], refused = changed.find((tr) => /^S: [45]/.test(tr.lastElementChild.textContent));
  (refused ?? changed.find((tr) => tr.matches(".different")) ?? changed[0])?.scrollIntoView({ block: "center" }); // what the change itself did
}
