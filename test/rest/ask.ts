/** HTTP as a front end does it. */
export interface Asking {
  readonly token?: string
  /** As JSON; a string as it is. */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** `place`: like `GET /api/schedules`. */
export async function ask(url: string, place: string, { token, body, headers }: Asking = {}): Promise<Answer> {
  const [method = '', path = ''] = place.split(' ')
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json')
  return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text }
}
