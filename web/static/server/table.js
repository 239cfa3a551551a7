import { h, t } from "../shell/shell.js";

const drawn = new WeakMap(); // box → the items that it shows

// fill shows rows in a box: columns are [text key, function of an item, kind].
// Columns of kind "prose" may break their lines anywhere. In a narrow window each
// row becomes a card, and each cell has its column's name before it. A button that
// has the focus keeps it.
export function fill(box, items, none, columns) {
  const now = JSON.stringify(items);
  if (drawn.get(box) === now) return;
  drawn.set(box, now);
  const inside = box.contains(document.activeElement), name = document.activeElement?.getAttribute("aria-label");
  box.replaceChildren(items.length === 0 ? h("p", { class: "soft", text: none }) : table(items, columns));
  if (!inside) return;
  const same = [...box.querySelectorAll("button")].find((b) => b.getAttribute("aria-label") === name);
  (same ?? box).focus();
}

function table(items, columns) {
  const cell = ([key, of, kind], one) => {
    const v = of(one);
    return h("td", { class: kind, dataset: { name: t(key) } }, ...(Array.isArray(v) ? v : [String(v ?? "")]));
  };
  return h("table", {}, h("thead", {}, h("tr", {}, ...columns.map(([key]) => h("th", { scope: "col", text: t(key) })))),
    h("tbody", {}, ...items.map((one) => h("tr", {}, ...columns.map((column) => cell(column, one))))));
}

// every asks again each few seconds while somebody looks.
export function every(ms, ask) {
  ask();
  return setInterval(() => document.hidden || ask(), ms);
}
