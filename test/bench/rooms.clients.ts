/** The readers of the bench of rooms: they join by what a client of `rooms` says, answer pings, and count events. */
import type { Socket } from 'node:net'
import { open, PING, pongFrame, TEXT, textFrame } from './frames.ts'

export type Task =
  | { do: 'connect'; port: number; path: string; count: number; roomId: string }
  | { do: 'expect'; frames: number }
export type Done = { connected: true } | { arrived: true }

const EVENT = Buffer.from('42')
const PACKET = { open: '0', ping: '2', admitted: '40', answered: '43' }

let frames = 0
let wanted = Number.POSITIVE_INFINITY
const report = (message: Done) => process.send?.(message)

function hear(socket: Socket, body: Buffer, join: string, onJoined: () => void): void {
  if (body.subarray(0, 2).equals(EVENT)) {
    if (++frames === wanted) report({ arrived: true })
    return
  }
  const text = body.toString('latin1')
  if (text === PACKET.ping) socket.write(textFrame('3'))
  else if (text.startsWith(PACKET.admitted)) socket.write(textFrame(join))
  else if (text.startsWith(PACKET.answered)) onJoined()
  else if (text.startsWith(PACKET.open)) socket.write(textFrame('40'))
}

process.on('message', async (task: Task) => {
  if (task.do === 'expect') {
    frames = 0
    wanted = task.frames
    return
  }
  const { port, path, count, roomId } = task
  let joined = 0
  const onJoined = () => ++joined === count && report({ connected: true })
  const join = `420${JSON.stringify(['joinRoom', { roomId }])}`
  for (let index = 0; index < count; index++) {
    open(
      { port, path: `${path}&token=u${index}` },
      () => {},
      (socket, opcode, body) => {
        if (opcode === TEXT) hear(socket, body, join, onJoined)
        else if (opcode === PING) socket.write(pongFrame(body))
      },
    )
    if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 20))
  }
})
