/** Where a request's headers may have its token. */
import type { IncomingHttpHeaders } from 'node:http'

/** `Authorization: Bearer`, else `access-token`. A leading `Bearer ` inside the value is dropped. */
export function headerToken(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  const bearer = authorization !== undefined && /^Bearer\s/i.test(authorization) ? authorization : undefined
  return tokenIn(bearer) ?? tokenIn(headers['access-token'])
}

/** The cookie `token`, which a browser sends by itself. */
export function cookieToken({ cookie }: IncomingHttpHeaders): string | undefined {
  const value = cookie
    ?.split(';')
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith('token='))
    ?.slice('token='.length)
  if (value === undefined) return undefined
  try {
    return tokenIn(decodeURIComponent(value))
  } catch {
    return tokenIn(value)
  }
}

/** A token, if the value is one. */
export function tokenIn(value: unknown): string | undefined {
  const token = typeof value === 'string' ? value.replace(/^Bearer\s+/i, '').trim() : ''
  return token === '' ? undefined : token
}
