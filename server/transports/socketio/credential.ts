/**
 * The token of a handshake, from the first place that has one: `auth.token`, `query.token`, `Authorization: Bearer`, header
 * `access-token`, cookie `token`. (2.x clients cannot send `auth`.) A leading `Bearer ` inside the value is dropped.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { peek } from '../../auth.ts'
import { cookieToken, headerToken, tokenIn } from '../credential.ts'

export interface Handshake {
  readonly auth: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}

export function credential({ auth, query, headers }: Handshake, first: 'auth' | 'query' = 'auth'): string | undefined {
  const [one, other] = first === 'auth' ? [auth, query] : [query, auth]
  return tokenIn(one.token) ?? tokenIn(other.token) ?? headerToken(headers) ?? cookieToken(headers)
}

/** What a token claims, unverified: good for choosing words, never for deciding rights. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return peek(token) ?? {}
  } catch {
    return {}
  }
}
