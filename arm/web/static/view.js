// @ts-check
/** What the reader chose to see. It lives in the address bar, so that a view can be kept and sent on. */

/** @param {string} name @param {string} standard what it is when the address does not say */
export function chosen(name, standard) {
  return new URLSearchParams(location.hash.slice(1)).get(name) ?? standard;
}

/** As `chosen`, but only one of `values`, of which the first is the standard. @param {string} name @param {readonly string[]} values */
export function chosenOf(name, values) {
  const value = chosen(name, values[0]);
  return values.includes(value) ? value : values[0];
}

/**
 * Empty values leave the address. Nobody is told: whoever chooses knows.
 * @param {Record<string, string>} changes
 */
export function choose(changes) {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const [name, value] of Object.entries(changes)) {
    if (value) hash.set(name, value);
    else hash.delete(name);
  }
  // Not location.hash: that would add every letter typed to the history.
  history.replaceState(null, "", hash.size > 0 ? `#${hash}` : location.pathname + location.search);
}

/** Calls when the address was changed by hand or by the history. @param {() => void} listener */
export function onAddress(listener) {
  addEventListener("hashchange", listener);
}

/**
 * Rows of buttons that choose one thing, wherever they stand on the page.
 * @param {string} name in the address; the rows carry it as data-choice, their buttons data-value
 * @param {() => void} onChange
 * @returns {() => string} the value now; the first is the standard
 */
export function choice(name, onChange) {
  const buttons = /** @type {HTMLElement[]} */ ([...document.querySelectorAll(`[data-choice="${name}"] [data-value]`)]);
  const values = buttons.map((button) => button.dataset.value ?? "");
  const value = () => chosenOf(name, values);
  const press = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value()));
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const wanted = button.dataset.value ?? "";
      choose({ [name]: wanted === values[0] ? "" : wanted });
      press();
      onChange();
    });
  }
  onAddress(() => {
    press();
    onChange();
  });
  press();
  return value;
}
