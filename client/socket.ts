/** As much of the WebSocket class as the SDK uses: browsers' own, `ws`, and Node's from 22 on all fit. */

export interface Socket {
  addEventListener(type: 'open' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { readonly code: number; readonly reason: string }) => void): void
  send(text: string): void
  close(code?: number): void
  /** `ws` has it: gives up at once. */
  terminate?(): void
}

export type SocketClass = new (url: string) => Socket

/** Milliseconds that a peer has to answer a close. */
const FAREWELL = 1_000

/** Says good-bye, and does not wait for ever where that can be helped. Resolves when the socket is gone. */
export function hangUp(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      socket.terminate?.()
      resolve()
    }, FAREWELL)
    socket.addEventListener('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.close()
  })
}

/** `http://host` or `ws://host`, with or without a path: the address of the typed entrance below it. */
export function entrance(url: string): string {
  const { protocol, host, pathname } = new URL(url)
  const scheme = { 'http:': 'ws:', 'https:': 'wss:', 'ws:': 'ws:', 'wss:': 'wss:' }[protocol]
  if (scheme === undefined) throw new TypeError(`The url must begin with http, https, ws or wss: ${url}`)
  return `${scheme}//${host}${pathname.replace(/\/+$/, '')}/trpc?connectionParams=1`
}
