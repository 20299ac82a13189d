// @ts-check
/** The API of the daemon, as this page uses it. arm/web/schemas.py has the meaning of every field. */

/**
 * @typedef {object} Concern
 * @property {string} name
 * @property {string} text
 * @property {string} remedy
 * @property {number} since
 * @property {string | null} family
 * @property {boolean} critical
 */

/**
 * @typedef {object} FamilyStatus
 * @property {string} family
 * @property {string} state
 * @property {number} rib_routes
 * @property {boolean} default_route
 * @property {number} capacity
 * @property {number} active
 * @property {number} wanted
 * @property {number} announced
 * @property {number} installed
 * @property {number} missing
 * @property {number} unexpected
 * @property {number} bits_per_second
 * @property {number} samples_per_second
 * @property {number | null} coverage
 * @property {number | null} coverage_error
 * @property {number | null} hit_rate
 * @property {number | null} misforwarded
 * @property {number | null} misforwarded_addresses
 * @property {{ platform: string, used: number | null, available: number | null, age: number | null } | null} hardware
 * @property {Record<string, number> | null} misses share of bytes by reason
 */

/**
 * @typedef {object} Status
 * @property {"ok" | "warning" | "critical"} health
 * @property {string} version
 * @property {number} time
 * @property {number} started
 * @property {string} strategy
 * @property {Concern[]} concerns
 * @property {FamilyStatus[]} families
 * @property {Record<string, boolean>} sessions
 * @property {number} sflow_datagrams
 * @property {Record<string, number>} sflow_malformed
 * @property {number} sflow_unseen
 * @property {{ mode: string, mode_given: boolean, pins: number, denials: number }} operated
 */

/**
 * @typedef {object} ActiveRoute
 * @property {number} rank
 * @property {string} prefix
 * @property {string} family
 * @property {number} bits_per_second
 * @property {number} packets_per_second
 * @property {string | null} next_hop
 * @property {string} as_path
 * @property {boolean} wanted
 * @property {boolean} announced
 * @property {boolean} in_kernel
 * @property {number | null} since
 * @property {string | null} kind of the entry
 * @property {string | null} difference between what BIRD was told, the kernel and the hardware
 */

/**
 * @typedef {object} RoutePage
 * @property {number} total
 * @property {number} matched
 * @property {number} limit
 * @property {number} offset
 * @property {ActiveRoute[]} routes
 */

/** @typedef {{ used: number | null, maximum: number | null }} Usage */

/**
 * @typedef {object} Counters
 * @property {string} source
 * @property {string} kind
 * @property {number} age_seconds
 * @property {Record<string, number | string | Usage | null>} values
 */

/**
 * @typedef {object} Agent
 * @property {string} agent
 * @property {Counters[]} sources
 */

/** @typedef {{ mean: (number | null)[], low: (number | null)[], high: (number | null)[] }} Figure */

/**
 * @typedef {object} History
 * @property {string} span
 * @property {number} step
 * @property {number[]} starts
 * @property {Record<string, Figure>} figures
 */

/** What the daemon answered instead of what was asked for. */
export class ApiError extends Error {
  /** @param {string} message @param {number} status of HTTP */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * @param {string} span @param {string[]} names none: all
 * @param {AbortSignal} signal
 * @returns {Promise<History>}
 */
export function fetchHistory(span, names, signal) {
  const query = new URLSearchParams({ span, ...(names.length > 0 && { names: names.join(",") }) });
  return fetchJson(`api/v1/history?${query}`, signal);
}

/**
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 * @returns {Promise<RoutePage>}
 */
export function fetchRoutes(query, signal) {
  return fetchJson(`api/v1/routes?${query}`, signal);
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<{ agents: Agent[] }>}
 */
export function fetchAgents(signal) {
  return fetchJson("api/v1/agents", signal);
}

/**
 * Anything else; what it answers is described where it is used.
 * @param {string} name of the endpoint @param {Record<string, string>} query @param {AbortSignal} signal
 */
export function ask(name, query, signal) {
  return fetchJson(`api/v1/${name}?${new URLSearchParams(query)}`, signal);
}

/** @param {string} path @param {AbortSignal} signal */
async function fetchJson(path, signal) {
  const answer = await fetch(path, { signal });
  const text = await answer.text();
  const body = answer.headers.get("Content-Type")?.includes("json") ? JSON.parse(text) : {};
  // A proxy's error is no JSON.
  if (!answer.ok) throw new ApiError(body.detail ?? answer.statusText, answer.status);
  return body;
}
