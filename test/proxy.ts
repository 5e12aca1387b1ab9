/** A TCP proxy between a client and a server, to do to connections what networks do. Use with `await using`. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Proxy extends AsyncDisposable {
  readonly url: string
  /** Connections that reached the server, in all. */
  readonly connections: number
  /** Cuts every connection, without a farewell. */
  cut(): void
  /** New connections are cut off at once; those that exist stay. */
  refuse(yes: boolean): void
  /** Nothing more passes, and nobody is told. What waits passes when it is lifted. */
  stall(yes: boolean): void
  /** From now on what the server says stays on the way; what clients say passes. */
  hold(): void
  /** Called with what passes from the server to the client. */
  onData: ((bytes: number) => void) | undefined
}

export async function startProxy(target: string): Promise<Proxy> {
  const port = Number(new URL(target).port)
  const pairs = new Set<readonly [Socket, Socket]>()
  let refusing = false
  let stalling = false
  let connections = 0

  const server = createServer((client) => {
    client.on('error', () => {})
    if (refusing) {
      client.resetAndDestroy()
      return
    }
    connections++
    const upstream = connect(port, '127.0.0.1')
    upstream.on('error', () => {})
    const pair = [client, upstream] as const
    pairs.add(pair)
    upstream.on('data', ({ length }) => proxy.onData?.(length))
    client.pipe(upstream)
    upstream.pipe(client)
    if (stalling) pause(pair)
    for (const socket of pair) {
      socket.on('close', () => {
        pairs.delete(pair)
        for (const other of pair) other.destroy()
      })
    }
  })
  const hold = () => {
    for (const [, upstream] of pairs) upstream.unpipe().pause()
  }
  const pause = (pair: readonly Socket[]) => {
    for (const socket of pair) socket.unpipe()
    for (const socket of pair) socket.pause()
  }
  const resume = ([client, upstream]: readonly [Socket, Socket]) => {
    client.pipe(upstream)
    upstream.pipe(client)
  }
  const cut = () => {
    for (const pair of pairs) for (const socket of pair) socket.resetAndDestroy()
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address() as AddressInfo
  const proxy: Proxy = {
    url: `http://127.0.0.1:${address.port}`,
    get connections() {
      return connections
    },
    cut,
    hold,
    refuse: (yes) => {
      refusing = yes
    },
    stall: (yes) => {
      stalling = yes
      for (const pair of pairs) yes ? pause(pair) : resume(pair)
    },
    onData: undefined,
    [Symbol.asyncDispose]: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return proxy
}
