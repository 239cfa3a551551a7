import { h, t } from "../shell/shell.js";
import { svg } from "./svg.js";

// The state machine of the conversation that the chosen rung belongs to.
const machines = {
  smtp: ["connected", "greeted", "sender", "recipients", "data", "closed"],
  imap: ["not-authenticated", "authenticated", "selected", "closed"],
};
const commands = {
  smtp: ["HELO", "MAIL", "RCPT", "DATA", "QUIT"],
  imap: ["LOGIN", "SELECT", "LOGOUT"],
};

export function showMachine(r) {
  const box = document.getElementById("machine");
  const proto = r.e.proto, states = machines[proto];
  box.hidden = !states;
  if (!states) return;
  const now = r.state === "connected" && proto === "imap" ? "not-authenticated" : r.state;
  const picture = svg("svg", { viewBox: `0 0 190 ${states.length * 42}`, "aria-hidden": "true" });
  states.forEach((s, i) => {
    const y = i * 42 + 2, lit = s === now;
    picture.append(svg("rect", { x: 2, y, width: 126, height: 26, rx: 13, class: lit ? "lit" : "" }),
      svg("text", { x: 65, y: y + 18, "text-anchor": "middle", class: lit ? "lit" : "", text: (lit ? "● " : "") + s }));
    if (i + 1 < states.length) {
      picture.append(svg("path", { d: `M65 ${y + 26} v12 m-4 -5 l4 5 l4 -5`, class: "way" }), svg("text", { x: 76, y: y + 38, class: "by", text: commands[proto][i] }));
    }
  });
  box.replaceChildren(h("h3", { text: t("journey.machine", { proto: proto.toUpperCase() }) }),
    h("p", { class: "aside", text: t("journey.machine.now", { state: now }) }), picture);
}
