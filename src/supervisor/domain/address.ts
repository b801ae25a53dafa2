export type Address = { host: string; port: number }

/** `HOST:PORT`, an IPv6 address in brackets; null when the text is none. */
export function parseAddress(text: string): Address | null {
  const found = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(text)
  const port = Number(found?.[2])
  return found && port <= 65_535 ? { host: found[1]!, port } : null
}

/** An address that only this machine reaches. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
