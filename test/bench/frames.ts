/** WebSocket frames over a plain TCP socket, as far as the readers of the benches need them. */
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

export const TEXT = 1
export const PING = 9
const PONG = 10

/** A masked frame (the mask is zero, so the body goes as it is). */
function frame(opcode: number, body: Buffer): Buffer {
  const head = Buffer.alloc(body.length < 126 ? 6 : 8)
  head.set([0x80 | opcode, 0x80 | Math.min(body.length, 126)])
  if (body.length >= 126) head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}
export const textFrame = (text: string): Buffer => frame(TEXT, Buffer.from(text))
export const pongFrame = (body: Buffer): Buffer => frame(PONG, body)

/** Calls back for each whole frame. */
export function reader(onFrame: (opcode: number, body: Buffer) => void) {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk: Buffer) => {
    let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    while (data.length >= 2) {
      const short = (data[1] ?? 0) & 0x7f
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length < head) break
      const length = short < 126 ? short : short === 126 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2))
      if (data.length < head + length) break
      onFrame((data[0] ?? 0) & 0x0f, data.subarray(head, head + length))
      data = data.subarray(head + length)
    }
    rest = data
  }
}

/** Opens a WebSocket; `onOpen` may write, `onFrame` hears everything. */
export function open(
  { port, path }: { port: number; path: string },
  onOpen: (socket: Socket) => void,
  onFrame: (socket: Socket, opcode: number, body: Buffer) => void,
): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  const read = reader((opcode, body) => onFrame(socket, opcode, body))
  socket.once('data', (answer: Buffer) => {
    const end = answer.indexOf('\r\n\r\n') + 4
    onOpen(socket)
    if (answer.length > end) read(answer.subarray(end))
    socket.on('data', read)
  })
  return socket
}
