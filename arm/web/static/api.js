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
 * @property {number | null} misforwarded
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
 * @property {number} sflow_malformed
 */

/**
 * @typedef {object} ActiveRoute
 * @property {number} rank
 * @property {string} prefix
 * @property {string} family
 * @property {number} bits_per_second
 * @property {string | null} next_hop
 * @property {string} as_path
 * @property {boolean} announced
 * @property {boolean} in_kernel
 * @property {number | null} since
 */

/**
 * @typedef {object} RoutePage
 * @property {number} total
 * @property {number} matched
 * @property {number} limit
 * @property {number} offset
 * @property {ActiveRoute[]} routes
 */

/**
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 * @returns {Promise<RoutePage>}
 */
export async function fetchRoutes(query, signal) {
  const answer = await fetch(`api/v1/routes?${query}`, { signal });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}
