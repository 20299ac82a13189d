// @ts-check
/** Why an address or prefix is in hardware, or is not: in a dialog over the page. */

import { ApiError, ask } from "./api.js";
import { byId, fill, reconcile, setAttribute, setText } from "./dom.js";
import { facts, VERDICTS } from "./explainfacts.js";
import { choose, chosen, onAddress } from "./view.js";

/** @typedef {import("./explainfacts.js").Explanation} Explanation */

const REFRESH = 2_000;
const NAME = "explain"; // in the address

export class Explain {
  #asked = "";
  #timer = 0;
  #asking = new AbortController();

  constructor() {
    this.dialog = /** @type {HTMLDialogElement} */ (byId("explain"));
    this.input = /** @type {HTMLInputElement} */ (byId("explain-address"));
    for (const id of ["explain-form", "explain-again"]) {
      byId(id).addEventListener("submit", (event) => {
        event.preventDefault();
        const form = /** @type {HTMLFormElement} */ (event.target);
        const address = String(new FormData(form).get("address")).trim();
        if (address) this.open(address);
      });
    }
    byId("explain-close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", () => {
      choose({ [NAME]: "" });
      this.#stop();
    });
    document.addEventListener("visibilitychange", () => void this.#refresh());
    onAddress(() => this.#fromAddress());
    this.#fromAddress();
  }

  /** @param {string} address or prefix */
  open(address) {
    this.#asked = address;
    choose({ [NAME]: address });
    this.input.value = address;
    if (!this.dialog.open) {
      byId("explain-body").hidden = true;
      this.dialog.showModal();
    }
    void this.#refresh();
  }

  #fromAddress() {
    const address = chosen(NAME, "");
    if (address) this.open(address);
    else if (this.dialog.open) this.dialog.close();
  }

  #stop() {
    clearTimeout(this.#timer);
    this.#asking.abort();
  }

  async #refresh() {
    this.#stop();
    if (!this.dialog.open || document.hidden) return;
    const mine = (this.#asking = new AbortController());
    try {
      const signal = AbortSignal.any([mine.signal, AbortSignal.timeout(10_000)]);
      /** @type {Explanation} */
      const found = await ask("explain", { address: this.#asked }, signal);
      if (mine.signal.aborted) return;
      this.#show(found);
      this.#tell("");
      this.#timer = setTimeout(() => void this.#refresh(), REFRESH);
    } catch (error) {
      if (mine.signal.aborted) return;
      byId("explain-body").hidden = true;
      this.#tell(this.#sentence(error));
      // A wrong question stays wrong; the line to the daemon may come back.
      if (!(error instanceof ApiError)) this.#timer = setTimeout(() => void this.#refresh(), REFRESH);
    }
  }

  /** @param {unknown} error */
  #sentence(error) {
    if (error instanceof ApiError && error.status === 400) return `“${this.#asked}” is no IPv4 or IPv6 address or prefix.`;
    if (error instanceof ApiError && [404, 501].includes(error.status)) return "This ARM does not explain addresses.";
    return `No explanation: ${error instanceof Error ? error.message : error}`;
  }

  /** @param {string} fault */
  #tell(fault) {
    setText(byId("explain-fault"), fault);
    byId("explain-fault").hidden = fault === "";
  }

  /** @param {Explanation} found */
  #show(found) {
    byId("explain-body").hidden = false;
    setText(byId("explain-asked"), found.asked);
    setText(byId("explain-verdict"), VERDICTS[found.verdict]);
    setAttribute(byId("explain-verdict"), "data-verdict", found.verdict);
    reconcile(byId("explain-reasons"), found.reasons, ({ name, text }) => `${name} ${text}`, "reason", (element, reason) =>
      fill(element, { name: reason.name.replaceAll("-", " "), text: reason.text }),
    );
    reconcile(byId("explain-facts"), facts(found), ([name]) => name, "fact", (element, [name, text]) =>
      fill(element, { name, text }),
    );
  }
}
