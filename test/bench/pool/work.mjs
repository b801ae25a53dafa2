/** Nothing at all: what remains is the cost of the pool. */
export const noop = () => 0

/** Keeps a core busy for `ms`. */
export function spin(ms) {
  const until = performance.now() + ms
  while (performance.now() < until);
  return 0
}
