/** Rows of a list that the mouse or the pen drags to another place. Fingers scroll the list instead. */

/** Screen pixels after which a press on a row becomes a drag. */
const LEAST = 5;

/**
 * @param {HTMLElement} host list whose rows hold an element with the class `row`, by which they are dragged
 * @param {string} name of the data attribute with the id of a row
 * @param {(id: number, target: number, after: boolean) => void} onDrop a row was dropped before or after another one
 */
export function dragRows(host, name, onDrop) {
  /** @type {{id: number, from: number, to: {id: number, after: boolean} | null} | null} */
  let drag = null;

  /** @param {Element | null} element */
  const rowOf = (element) => {
    const row = element?.closest(`[data-${name}]`);
    return row instanceof HTMLElement && host.contains(row) ? row : null;
  };
  /** @param {HTMLElement | null} target @param {boolean} after */
  const show = (target, after) => {
    for (const row of host.children) {
      row.classList.toggle("drop-before", row === target && !after);
      row.classList.toggle("drop-after", row === target && after);
    }
  };

  host.addEventListener("pointerdown", (event) => {
    const pressed = event.target instanceof Element ? event.target.closest(".row") : null;
    const row = rowOf(pressed);
    const starts = row && event.button === 0 && event.pointerType !== "touch";
    drag = starts ? { id: Number(row.dataset[name]), from: event.clientY, to: null } : null;
  });
  window.addEventListener("pointermove", (event) => {
    if (!drag || !event.buttons || (!drag.to && Math.abs(event.clientY - drag.from) < LEAST)) return;
    const row = rowOf(document.elementFromPoint(event.clientX, event.clientY));
    const { top = 0, height = 0 } = row?.getBoundingClientRect() ?? {};
    drag.to = row && { id: Number(row.dataset[name]), after: event.clientY > top + height / 2 };
    show(row, drag.to?.after ?? false);
  });
  const end = () => {
    const ended = drag;
    show(null, false);
    setTimeout(() => {
      if (drag === ended) drag = null; // no click came: the list was left, or has new rows
    });
  };
  window.addEventListener("pointerup", () => {
    end();
    if (drag?.to && drag.to.id !== drag.id) onDrop(drag.id, drag.to.id, drag.to.after);
  });
  window.addEventListener("pointercancel", end);
  // The click at the end of a drag does nothing.
  host.addEventListener("click", (event) => {
    if (drag?.to) event.stopPropagation();
    drag = null;
  }, true);
}
