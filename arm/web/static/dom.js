// @ts-check
/** The few things that all parts of the page do to the document. */

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`index.html has no #${id}`);
  return found;
}

/** A copy of the one element inside a template. @param {string} id @returns {HTMLElement} */
export function copyOf(id) {
  const template = /** @type {HTMLTemplateElement} */ (byId(id));
  return /** @type {HTMLElement} */ (document.importNode(template.content, true).firstElementChild);
}

/**
 * Writes only what differs: an untouched text keeps the reader's selection and stays silent in a live region.
 * @param {Element} element @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {Element} element @param {string} name @param {string} value */
export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** The part of `root` that shows a field. @param {Element} root @param {string} field @returns {HTMLElement} */
export function fieldOf(root, field) {
  const found = root.querySelector(`[data-field="${field}"]`);
  if (!found) throw new Error(`index.html has no field ${field}`);
  return /** @type {HTMLElement} */ (found);
}

/** @param {Element} root @param {Record<string, string>} texts by field */
export function fill(root, texts) {
  for (const [field, text] of Object.entries(texts)) setText(fieldOf(root, field), text);
}

/**
 * Makes the children of `parent` match `items` in order, keeping the element of every key that stays.
 * @template T
 * @param {HTMLElement} parent
 * @param {readonly T[]} items
 * @param {(item: T) => string} keyOf
 * @param {string} template
 * @param {(element: HTMLElement, item: T) => void} show
 */
export function reconcile(parent, items, keyOf, template, show) {
  const known = new Map();
  for (const child of parent.children) known.set(/** @type {HTMLElement} */ (child).dataset.key, child);
  const wanted = new Set(items.map(keyOf));
  for (const [key, child] of known) if (!wanted.has(key)) child.remove();
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const element = known.get(key) ?? copyOf(template);
    element.dataset.key = key;
    show(element, item);
    if (element === place) place = element.nextElementSibling;
    else parent.insertBefore(element, place);
  }
}
