import { h, t } from "../shell/shell.js";

// fill shows rows in a box: columns are [text key, function of an item, kind].
// Columns of kind "prose" may break their lines anywhere. In a narrow window each
// row becomes a card, and each cell has its column's name before it.
export function fill(box, items, none, columns) {
  if (items.length === 0) {
    box.replaceChildren(h("p", { class: "soft", text: none }));
    return;
  }
  const cell = ([key, of, kind], one) => {
    const v = of(one);
    return h("td", { class: kind, dataset: { name: t(key) } }, ...(Array.isArray(v) ? v : [String(v ?? "")]));
  };
  box.replaceChildren(h("table", {}, h("thead", {}, h("tr", {}, ...columns.map(([key]) => h("th", { scope: "col", text: t(key) })))),
    h("tbody", {}, ...items.map((one) => h("tr", {}, ...columns.map((column) => cell(column, one)))))));
}

// every asks again each few seconds while somebody looks and no field of the box
// is in use.
export function every(ms, box, ask) {
  const turn = () => document.hidden || box.querySelector("input:focus, button:focus") || ask();
  ask();
  return setInterval(turn, ms);
}
