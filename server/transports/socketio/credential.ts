/**
 * The token of a handshake, from the first place that has one: `auth.token`, `query.token`, `Authorization: Bearer`, header
 * `access-token`, cookie `token`. (2.x clients cannot send `auth`.) A leading `Bearer ` inside the value is dropped.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { peek } from '../../auth.ts'

export interface Handshake {
  readonly auth: Readonly<Record<string, unknown>>
  readonly query: Readonly<Record<string, unknown>>
  readonly headers: IncomingHttpHeaders
}

export function credential({ auth, query, headers }: Handshake): string | undefined {
  const places = [
    auth.token,
    query.token,
    bearer(headers.authorization),
    headers['access-token'],
    cookie(headers.cookie),
  ]
  for (const place of places) {
    const token = typeof place === 'string' ? place.replace(/^Bearer\s+/i, '').trim() : ''
    if (token !== '') return token
  }
  return undefined
}

const bearer = (header: string | undefined) => (header !== undefined && /^Bearer\s/i.test(header) ? header : undefined)

function cookie(header: string | undefined): string | undefined {
  const value = header
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith('token='))
    ?.slice('token='.length)
  if (value === undefined) return undefined
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** What a token claims, unverified: good for choosing words, never for deciding rights. */
export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return peek(token) ?? {}
  } catch {
    return {}
  }
}
