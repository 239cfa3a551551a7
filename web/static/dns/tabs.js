// Tabs with the keys that people expect of them.
export class Tabs {
  constructor(bar, onshow) {
    Object.assign(this, { bar, onshow, now: "" });
    for (const b of bar.children) b.addEventListener("click", () => this.choose(nameOf(b)));
    bar.addEventListener("keydown", (ev) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[ev.key];
      if (!by) return;
      ev.preventDefault();
      ev.stopPropagation();
      const all = [...bar.children], next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
      this.choose(nameOf(next));
      next.focus();
    });
  }

  choose(name) {
    for (const b of this.bar.children) {
      const on = nameOf(b) === name;
      b.setAttribute("aria-selected", String(on));
      b.tabIndex = on ? 0 : -1;
      document.getElementById("panel-" + nameOf(b)).hidden = !on;
    }
    if (this.now === name) return;
    this.now = name;
    this.onshow(name);
  }
}

const nameOf = (b) => b.id.replace("tab-", "");
