/**
 * Random lives of one user with an old client: sends of others, cuts, goodbyes, connections that hang, other devices, rooms left and
 * joined again. Everything is told, in order, and once to a connection.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { startProxy, type Proxy as Wire } from '../proxy.ts'
import type { Transport, Version } from '../transcript.socket.ts'
import { Chat, type Visitor, visit } from './away.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

/** SEEDS=1-40 plays more. */
const [from = 1, to = 1] = (process.env.SEEDS ?? '').split('-').filter(Boolean).map(Number)
const seeds = Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Mulberry32. */
function dice(seed: number) {
  let state = seed * 0x9e3779b9
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    below: (n: number) => Math.floor(next() * n),
    of: <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T,
  }
}

const words = {
  marketplace: ['new-message', 'content'],
  messenger: ['message:new', 'content'],
  lms: ['message:receive', 'content'],
  rooms: ['roomMessageRecieved', 'body'],
} as const
type Name = keyof typeof words
const ways: readonly (readonly [Version, Transport])[] = [
  [4, 'websocket'],
  [4, 'websocket'],
  [2, 'websocket'],
  [4, 'polling'],
  [2, 'polling'],
  [3, 'upgrade'],
  [4, 'upgrade'],
]

interface Device {
  readonly visitor: Visitor
  readonly proxy: Wire
  hangs: boolean
  readonly joined: Set<Chat>
}

async function live(seed: number, dialect: Name, devices: number) {
  const { below, of } = dice(seed)
  const bob = `bob-${dialect}-${devices}-${seed}`
  const chats = await Promise.all(['a', 'b'].map((ann) => Chat.between(server, `${ann}-${bob}`, bob)))
  const [event, field] = words[dialect]
  const said = ({ visitor }: Device) => visitor.said(event, field)
  const sent = new Map<Chat, string[]>(chats.map((chat) => [chat, []]))
  const story: string[] = []
  const all: Device[] = []
  const here = new Set<Device>()
  const note = (what: string, device: Device) => story.push(`${what} ${all.indexOf(device)}`)
  const send = async (chat: Chat, number: number) => {
    const before = sent.get(chat) ?? []
    const texts = Array.from({ length: number }, (_, i) => `${chats.indexOf(chat)}:${before.length + i}`)
    story.push(`send ${texts}`)
    sent.set(chat, [...before, ...texts])
    for (const text of texts) await chat.write(text)
    return texts.at(-1) ?? ''
  }
  const enter = ({ visitor, joined }: Device, chat: Chat) => {
    joined.add(chat)
    return visitor.ask('joinRoom', { roomId: chat.id })
  }
  const connect = async () => {
    const [version, transport] = of(ways)
    const proxy = await startProxy(server.url)
    const visitor = await visit(server, bob, { dialect, version, transport, url: proxy.url })
    const device = { visitor, proxy, hangs: false, joined: new Set<Chat>() }
    all.push(device)
    here.add(device)
    note(`connect ${version} ${transport}`, device)
    return device
  }
  const end = async (device: Device, clean: boolean) => {
    here.delete(device)
    note(`${clean ? 'goodbye' : 'cut'}, had ${said(device).slice(-6)}`, device)
    if (!clean) {
      device.proxy.refuse(true)
      device.proxy.cut()
    }
    // After a cut the word does not get through.
    await device.visitor.leave()
  }
  const act = async () => {
    const device = here.size > 0 ? of([...here]) : undefined
    const what = below(12)
    if (what < 4) await send(of(chats), 1 + below(4))
    else if (what < 6) {
      if ([...here].filter(({ hangs }) => !hangs).length < devices) await connect()
    } else if (what === 7 && device) await end(device, false)
    else if (!device || device.hangs) return
    else if (what === 6) await end(device, true)
    else if (what === 8) {
      note('hang', device)
      device.hangs = true
      device.proxy.stall(true)
    } else if (what === 9 || dialect !== 'rooms') await device.visitor.settled()
    else {
      const chat = of(chats)
      note(`${device.joined.has(chat) ? 'leave' : 'join'} ${chats.indexOf(chat)}`, device)
      if (device.joined.delete(chat)) await device.visitor.ask('leaveRoom', { roomId: chat.id })
      else {
        const entered = enter(device, chat)
        if (below(3) > 0) await entered
      }
    }
  }
  try {
    const first = await connect()
    if (dialect === 'rooms') for (const chat of chats) await enter(first, chat)
    for (let step = 0; step < 30; step++) await act()
    for (const device of [...here]) await end(device, false)
    const last = await connect()
    for (const chat of chats) {
      if (dialect === 'rooms') await enter(last, chat)
      const text = await send(chat, 1)
      await last.visitor.socket.inbox.until(() => (said(last).includes(text) ? true : undefined), text, 20_000)
    }
    const told = new Set(all.flatMap(said))
    for (const [number, chat] of chats.entries()) {
      const texts = sent.get(chat) ?? []
      expect(
        texts.filter((text) => !told.has(text)),
        'missing',
      ).toEqual([])
      for (const device of all) {
        const own = said(device).filter((text) => String(text).startsWith(`${number}:`))
        expect(own, `what ${all.indexOf(device)} was told`).toEqual(texts.filter((text) => own.includes(text)))
      }
    }
  } catch (error) {
    throw new Error(`seed ${seed}\n${story.join('\n')}`, { cause: error })
  } finally {
    for (const { visitor } of here) visitor.socket.close()
    for (const { proxy } of all) void proxy[Symbol.asyncDispose]()
  }
}

describe.concurrent('random lives', () => {
  for (const dialect of ['marketplace', 'messenger', 'lms', 'rooms'] as const)
    for (const devices of [1, 2])
      test.each(seeds)(`${dialect}, ${devices} at a time, seed %i`, (seed) => live(seed, dialect, devices))
})
