// @ts-check
/** The live event stream, and the knowledge of whether it is alive. */

/** @typedef {import("./api.js").Status} Status */

/** A heartbeat is due each 5 s: after this long the line is dead, even if no error was seen (a cable pulled). */
const SILENCE = 12_000;
const RETRY = 2_000;

export class Stream {
  /**
   * @param {(status: Status) => void} onStatus
   * @param {(connected: boolean) => void} onConnection
   * @param {() => void} onEvent something has happened that the log tells of
   */
  constructor(onStatus, onConnection, onEvent) {
    this.onStatus = onStatus;
    this.onEvent = onEvent;
    this.onConnection = onConnection;
    this.#open();
  }

  #open() {
    // EventSource gives up by itself on some errors (a proxy's 502), so every failure is handled the same here.
    const source = new EventSource("api/v1/events");
    let silence = setTimeout(() => fail(), SILENCE);
    const fail = () => {
      source.close();
      clearTimeout(silence);
      this.onConnection(false);
      setTimeout(() => this.#open(), RETRY);
    };
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(fail, SILENCE);
      this.onConnection(true);
    };
    source.addEventListener("error", fail);
    source.addEventListener("heartbeat", heard);
    source.addEventListener("log", () => this.onEvent());
    source.addEventListener("status", (event) => {
      heard();
      this.onStatus(JSON.parse(event.data));
    });
  }
}
