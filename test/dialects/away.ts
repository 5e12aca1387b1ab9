/** People who come and go by the old clients, and what they were told: for tests of what happens in between. */
import { expect } from 'vitest'
import type { Actor, Core } from '../../shared/ports.ts'
import type { TestServer } from '../harness.ts'
import { Inbox } from '../inbox.ts'
import { PlayedSocket, type Transport, type Version } from '../transcript.socket.ts'

export interface Way {
  readonly dialect?: string
  readonly version?: Version
  readonly transport?: Transport
  readonly namespace?: string
  /** Whose connection it shares. */
  readonly on?: Visitor
  /** Where it connects, if not directly. */
  readonly url?: string
  readonly claims?: object
}

/** One socket; `events` are those that it was told. */
export class Visitor {
  readonly socket: PlayedSocket
  constructor(socket: PlayedSocket) {
    this.socket = socket
  }

  /** What a field of an event said, each time it came: `new-message` its `content` by default. */
  said(event = 'new-message', field = 'content'): unknown[] {
    return this.socket.inbox.items.flatMap(([name, payload]) =>
      name === event ? [Reflect.get(Object(payload), field)] : [],
    )
  }
  async heard(text: string, event?: string): Promise<void> {
    await this.socket.inbox.until(() => (this.said(event).includes(text) ? true : undefined), text, 20_000)
  }
  /** Waits until it was told exactly that, in that order. */
  async hears(texts: readonly string[], event?: string): Promise<void> {
    await this.heard(texts.at(-1) ?? '', event)
    expect(this.said(event)).toEqual(texts)
  }
  ask(event: string, payload: unknown): Promise<unknown> {
    return new Promise((resolve) => this.socket.emit(event, payload, resolve))
  }
  /** Whatever was sent to it before has arrived. */
  async settled(): Promise<void> {
    await this.ask('are you there', {})
  }
  async gone(): Promise<void> {
    await this.socket.inbox.until((items) => items.find(([name]) => name === 'disconnect'), 'the disconnection', 20_000)
  }
  async leave(): Promise<void> {
    this.socket.close()
    await this.gone()
  }
  async cut(): Promise<void> {
    await this.socket.cut()
    await this.gone()
  }
}

let pairs = 0
/** Two whom no other test knows. */
export function names(): { ann: string; bob: string } {
  pairs += 1
  return { ann: `ann${pairs}`, bob: `bob${pairs}` }
}

type Server = Pick<TestServer, 'url' | 'token'>

export async function visit(server: Server, user: string, way: Way = {}): Promise<Visitor> {
  const { dialect = 'marketplace', version = 4, transport = 'websocket', url = server.url, namespace = '/', on } = way
  const approach = {
    ...{ dialect: dialect === 'auto' ? undefined : dialect, token: server.token(user, way.claims) },
    ...{ via: undefined, cookies: [], path: undefined, on: undefined, namespace },
  }
  const socket = on ? on.socket.beside(version, approach) : PlayedSocket.open(url, version, transport, approach)
  const first = await socket.inbox.until((items) => items[0], `${user} to connect`, 20_000)
  expect(first).toEqual(['connect'])
  return new Visitor(socket)
}

/** A conversation of two, and the one who writes in it by the typed API. */
export class Chat {
  readonly id: string
  readonly #core: Core
  readonly #writer: Actor
  /** Delivered marks of the other one. */
  readonly #marks = new Inbox<number>()

  private constructor(core: Core, id: string, writer: Actor) {
    this.#core = core
    this.id = id
    this.#writer = writer
  }
  static async between(server: TestServer, writer: string, reader: string): Promise<Chat> {
    const { core } = server.app
    await server.actor(reader)
    const actor = await server.actor(writer)
    const { conversation } = await core.execute(actor, 'conversation.create', { memberIds: [reader] })
    const chat = new Chat(core, conversation.id, actor)
    const feed = await core.subscribe(actor, { kind: 'conversation', conversationId: conversation.id })
    for await (const _ of feed.replay());
    feed.attach({
      push: ({ name, payload }) => name === 'receipt.delivered' && chat.#marks.push(payload.seq),
      end: () => {},
    })
    return chat
  }

  /** Resolves when this node has told everybody. */
  async write(...texts: string[]): Promise<void> {
    await Promise.all(
      texts.map((content) => this.#core.execute(this.#writer, 'message.send', { conversationId: this.id, content })),
    )
  }
  /** Waits until the other one has received so many messages, as far as the server knows. */
  async received(seq: number): Promise<void> {
    await this.#marks.until((marks) => marks.find((mark) => mark >= seq), `delivery up to ${seq}`, 20_000)
  }
}
