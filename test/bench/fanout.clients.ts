/** The readers of the fan-out bench: plain TCP sockets that count WebSocket frames and do nothing else. */

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export type Task =
  | { do: 'connect'; port: number; path: string; rpc: string; count: number; distinct: boolean }
  | { do: 'expect'; frames: number }
  | { do: 'leave' }
export type Done = { connected: true } | { arrived: true } | { left: true }

const sockets = new Set<Socket>()
let ready = 0
let frames = 0
let wanted = Number.POSITIVE_INFINITY
let onReady = () => {}
const report = (message: Done) => process.send?.(message)

/** A masked text frame (the mask is zero, so the text goes as it is). */
function textFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head = Buffer.alloc(8)
  head.set([0x81, 0x80 | 126])
  head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

/** Calls back for each whole text frame. */
function reader(onText: () => void) {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk: Buffer) => {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (data.length >= 2) {
      const short = (data[1] ?? 0) & 0x7f
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length < head) break
      const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2))
      if (data.length < head + length) break
      if (((data[0] ?? 0) & 0x0f) === 1) onText()
      data = data.subarray(head + length)
    }
    rest = data
  }
}

function open(port: number, path: string, rpc: string, id: number): void {
  const socket = connect(port, '127.0.0.1')
  sockets.add(socket)
  socket.setNoDelay(true)
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  )
  let texts = 0
  // tRPC says `started`, then comes the ready page; the raw way has only the latter.
  const before = path === '/raw' ? 1 : 2
  const read = reader(() => {
    texts++
    if (texts === before && ++ready) onReady()
    if (texts > before && ++frames === wanted) report({ arrived: true })
  })
  socket.once('data', (answer: Buffer) => {
    const end = answer.indexOf('\r\n\r\n') + 4
    socket.write(
      textFrame(
        JSON.stringify({
          id,
          method: 'subscription',
          params: { path: rpc, input: { json: { conversationId: 'c1' } } },
        }),
      ),
    )
    if (answer.length > end) read(answer.subarray(end))
    socket.on('data', read)
  })
}

process.on('message', async (task: Task) => {
  if (task.do === 'connect') {
    ready = 0
    frames = 0
    for (let index = 0; index < task.count; index++) {
      open(task.port, task.path, task.rpc, task.distinct ? index + 1 : 1)
      if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    onReady = () => ready === task.count && report({ connected: true })
    onReady()
  } else if (task.do === 'expect') {
    frames = 0
    wanted = task.frames
  } else {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    report({ left: true })
  }
})
