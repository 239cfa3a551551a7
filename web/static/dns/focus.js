// A box that is drawn anew must not take the focus away from who works by keys.

// keep draws a box and gives the focus back to the control with the same data-key.
export function keep(box, draw) {
  const had = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  draw();
  if (had === undefined) return;
  const now = [...box.querySelectorAll("[data-key]")].find((e) => e.dataset.key === had);
  (now ?? box).focus({ preventScroll: true });
}
