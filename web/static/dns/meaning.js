// What a field of a message means, in the reader's language. The server's own words
// stand in where the catalogue has none.
import { t } from "../shell/shell.js";

export function meaning(f) {
  const key = "dns.means." + keyOf(f);
  const text = t(key, { n: f.value });
  if (text === key) return f.meaning;
  if (f.pointer < 0) return text;
  return t(f.length === 2 ? "dns.means.pointer" : "dns.means.tail", { text, at: f.pointer });
}

// keyOf is a field's name; for bits and types, with their value.
function keyOf(f) {
  if (f.bits) return `${f.name}.${f.value}`;
  if (f.name === "TYPE" || f.name === "QTYPE") return `type.${f.value}`;
  if (f.name === "CLASS" || f.name === "QCLASS") return `class.${f.value}`;
  if (f.name === "flags" && f.section !== "header") return `DO.${Number(f.value) >> 15}`;
  return f.name.replace(/\W+/g, "-");
}
