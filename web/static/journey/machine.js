import { h, t } from "../shell/shell.js";

// The states of the conversation that the chosen rung belongs to, each with what
// leads into it. The present one is lit.
const machines = {
  smtp: [
    ["connected", "TCP"], ["greeted", "HELO, RSET, ."], ["sender", "MAIL FROM"], ["recipients", "RCPT TO"], ["data", "DATA"], ["closed", "QUIT"],
  ],
  imap: [["not-authenticated", "TCP"], ["authenticated", "LOGIN, CLOSE"], ["selected", "SELECT"], ["closed", "LOGOUT"]],
};

export function showMachine(r) {
  const box = document.getElementById("machine");
  const proto = r.e.proto, states = machines[proto];
  box.hidden = !states;
  if (!states) return;
  const now = r.state;
  box.replaceChildren(h("h3", { text: t("journey.machine", { proto: proto.toUpperCase() }) }),
    h("ol", { class: "states", "aria-label": t("journey.machine.now", { state: now }) }, ...states.map(([state, by]) => h("li", { class: state === now ? "lit" : "", "aria-current": state === now ? "step" : null },
      h("span", { class: "state-name", text: (state === now ? "● " : "") + state }), h("span", { class: "by", text: "← " + by })))));
}
