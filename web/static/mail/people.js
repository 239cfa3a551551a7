// Addresses as people write them.
import { boot } from "../shell/shell.js";

export const names = (list) => list.map((a) => a.name || a.address).join(", ");

// full is an address as it is typed into a field: Somchai <somchai@example.com>.
export function full(a) {
  if (!a.name || !a.address) return a.address || a.name;
  const name = /^[\p{L}\p{M}\p{N} '-]+$/u.test(a.name) ? a.name : `"${a.name.replace(/["\\]/g, "\\$&")}"`;
  return `${name} <${a.address}>`;
}

// split divides what was typed at commas and semicolons outside of quotes.
export function split(text) {
  return (text.match(/(?:"(?:\\.|[^"\\])*"|[^,;\n"])+/g) ?? []).map((s) => s.trim()).filter(Boolean);
}

export const mine = (a) => a.address.toLowerCase() === boot.account.toLowerCase();

export const isThai = (text) => /[\u0e01-\u0e5b]/.test(text);
