/**
 * Which dialect an arriving socket speaks: by engine path, namespace, what the handshake says, host, the operator's one
 * choice; the first that tells something settles it for good. Otherwise one without a credential is a guest, where there is a
 * dialect for guests; the claims of a token may suggest a dialect, and the socket may then change it by speaking. A name that is not enabled is refused, never passed over.
 */
import type { Dialect } from '../../dialects/dialect.ts'

export interface Arrival {
  readonly path: string
  readonly namespace: string
  readonly auth: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly host: string | undefined
  /** Of its token; null without one. */
  readonly claims: Readonly<Record<string, unknown>> | null
}
export interface Settings {
  readonly dialect: string | undefined
  readonly hosts: ReadonlyMap<string, string>
  /** Whether sockets without a credential may come. */
  readonly guests: boolean
}
/** `dialect` is null while undecided; `fixed` sockets never change. */
export type Choice =
  | { readonly dialect: Dialect; readonly fixed: boolean }
  | { readonly dialect: null; readonly fixed: false }
  | { readonly unknown: string }

export function chooseDialect(enabled: readonly Dialect[], settings: Settings, arrival: Arrival): Choice {
  const { path, namespace, auth, query, host, claims } = arrival
  const place =
    enabled.find(({ paths }) => paths.some((own) => path === own || path.startsWith(`${own}/`))) ??
    (namespace === '/' ? undefined : enabled.find(({ namespaces }) => namespaces.includes(namespace)))
  if (place) return { dialect: place, fixed: true }

  const named = text(auth.dialect) ?? text(query.dialect) ?? byHost(settings.hosts, host) ?? settings.dialect
  if (named !== undefined) {
    const dialect = enabled.find(({ name }) => name === named)
    return dialect ? { dialect, fixed: true } : { unknown: named }
  }
  const forGuests = claims === null && settings.guests && enabled.find(({ guests }) => guests !== undefined)
  if (forGuests) return { dialect: forGuests, fixed: true }
  const claimed = claims && enabled.find((dialect) => dialect.claims(claims))
  return claimed ? { dialect: claimed, fixed: false } : { dialect: null, fixed: false }
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined)

/** With or without the port. */
function byHost(hosts: Settings['hosts'], host: string | undefined): string | undefined {
  const name = host?.toLowerCase() ?? ''
  return hosts.get(name) ?? hosts.get(name.replace(/:\d+$/, ''))
}
