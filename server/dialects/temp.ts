/**
 * Temporary ids of clients that name a message before it is stored. They are an echo and nothing more: they collide and are no
 * key. Everybody must see the same one, on every node and after a restart, so it travels inside the `clientId`:
 * `r:<24 hex digits>:<tempId>`, with `#` before a number; the digits are new for each send.
 */
export type TempId = string | number

/** `id`: 24 hex digits that nothing else has. At most 100 characters of a temporary id fit. */
export const clientIdWith = (id: string, temp: TempId) => `r:${id}${typeof temp === 'number' ? '#' : ':'}${temp}`

const OWN = /^r:[0-9a-f]{24}([:#])(.+)$/s
/** As the client gave it; undefined if it gave none. Any client may choose a clientId that looks like one of these. */
export function tempIdIn(clientId: string): TempId | undefined {
  const [, sign, text] = OWN.exec(clientId) ?? []
  if (sign !== '#') return text
  const given = Number(text)
  return Number.isFinite(given) ? given : undefined
}
