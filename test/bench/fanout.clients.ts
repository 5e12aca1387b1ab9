/** The readers of the fan-out bench: plain TCP sockets that count WebSocket frames and do nothing else. */
import type { Socket } from 'node:net'
import { open, TEXT, textFrame } from './frames.ts'

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

function connectTo(port: number, path: string, rpc: string, id: number): void {
  let texts = 0
  // tRPC says `started`, then comes the ready page; the raw way has only the latter.
  const before = path === '/raw' ? 1 : 2
  const onText = () => {
    texts++
    if (texts === before && ++ready) onReady()
    if (texts > before && ++frames === wanted) report({ arrived: true })
  }
  const params = { path: rpc, input: { json: { conversationId: 'c1' } } }
  const request = textFrame(JSON.stringify({ id, method: 'subscription', params }))
  sockets.add(
    open(
      { port, path },
      (socket) => socket.write(request),
      (_, opcode) => opcode === TEXT && onText(),
    ),
  )
}

process.on('message', async (task: Task) => {
  if (task.do === 'connect') {
    ready = 0
    frames = 0
    for (let index = 0; index < task.count; index++) {
      connectTo(task.port, task.path, task.rpc, task.distinct ? index + 1 : 1)
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
