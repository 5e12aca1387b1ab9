/**
 * Encode once. A live event is serialised once and becomes one shared text frame per request id in use; a lane carries those
 * frames past tRPC's generator straight to its socket. How it gets its request id: the stream first yields the lane's marker
 * (an empty page, so also the client's ready sign); the transformer sees the marker, the encoder sees what it became together
 * with the id of the request, before anything else of that stream is sent. Order holds because a lane attaches only when its
 * generator has been resumed, that is after its last page went out, and from then on the generator yields nothing.
 */
import type { TRPCCombinedDataTransformer } from '@trpc/server'
import type { Encoder } from '@trpc/server/adapters/ws'
import superjson, { type SuperJSONResult } from 'superjson'
import type { Event } from '../../shared/events.ts'
import type { Sink } from '../../shared/ports.ts'

type RequestId = number | string

/** Where a lane sends: a WebSocket that cuts off who does not read. */
export interface Outlet {
  send(frame: Buffer, options: { binary: boolean }): void
}

const TEXT = { binary: false }
/** Request ids whose frame of an event is kept; the SDK opens its stream first, so most agree. */
const SHARED_IDS = 16
/** Events whose frames are kept, the latest: the hub passes one to all of its sinks before the next. */
const SHARED_EVENTS = 16
/** A request id is repeated in every frame. */
const ID_LENGTH = 64

/** One page on the wire: the text behind the request id, and whole frames for the ids met first. */
class Encoded {
  readonly cursor: string
  readonly #tail: Buffer
  readonly #frames = new Map<RequestId, Buffer>()

  constructor(events: readonly Event[], cursor: string) {
    this.cursor = cursor
    const data = JSON.stringify(superjson.serialize({ id: cursor, data: events }))
    this.#tail = Buffer.from(`,"result":{"type":"data","data":${data},"id":${JSON.stringify(cursor)}}}`)
  }

  /** `head` is the text before, of that same id. */
  frame(id: RequestId, head: Buffer): Buffer {
    const kept = this.#frames.get(id)
    if (kept !== undefined) return kept
    // Copied, not encoded again: ws writes buffers cheaper than strings.
    const frame = Buffer.concat([head, this.#tail])
    if (this.#frames.size < SHARED_IDS) this.#frames.set(id, frame)
    return frame
  }
}

const encodings = new Map<Event, Encoded>()
let quiet = new Encoded([], '-')

function encodingOf(event: Event, cursor: string): Encoded {
  const kept = encodings.get(event)
  if (kept?.cursor === cursor) return kept
  const encoded = new Encoded([event], cursor)
  encodings.set(event, encoded)
  for (const oldest of encodings.keys()) {
    if (encodings.size <= SHARED_EVENTS) break
    encodings.delete(oldest)
  }
  return encoded
}

/** By the marker, then by what the transformer made of the marker. */
const lanes = new WeakMap<object, Lane>()

/** One WebSocket subscription. `closed` resolves at its `end`, which the hub or the subscription's signal calls. */
export class Lane implements Sink {
  readonly entrance = 'websocket'
  readonly marker: readonly Event[] = []
  readonly closed: Promise<void>
  readonly #outlet: Outlet
  #id: RequestId = 0
  #head: Buffer | undefined
  #close!: () => void

  constructor(outlet: Outlet) {
    this.#outlet = outlet
    this.closed = new Promise((resolve) => {
      this.#close = resolve
    })
    lanes.set(this.marker, this)
  }

  /** Whether the marker has been sent. */
  get bound(): boolean {
    return this.#head !== undefined
  }
  bind(id: RequestId): void {
    this.#id = id
    this.#head = Buffer.from(`{"id":${JSON.stringify(id)}`)
  }

  push(event: Event, cursor: string): void {
    this.#send(encodingOf(event, cursor))
  }
  tick(cursor: string): void {
    if (quiet.cursor !== cursor) quiet = new Encoded([], cursor)
    this.#send(quiet)
  }
  end(): void {
    this.#close()
  }

  #send(encoded: Encoded): void {
    if (this.#head) this.#outlet.send(encoded.frame(this.#id, this.#head), TEXT)
  }
}

/** Writes what superjson reads, and keeps markers recognisable. */
export const transformer: TRPCCombinedDataTransformer = {
  input: { serialize: superjson.serialize, deserialize: read },
  output: {
    serialize(value: unknown) {
      const serialized = superjson.serialize(value)
      const lane = isObject(value) && isObject(value.data) ? lanes.get(value.data) : undefined
      if (lane) lanes.set(serialized, lane)
      return serialized
    },
    deserialize: superjson.deserialize,
  },
}

/** JSON in text frames. Binds lanes on the way out; refuses binary frames and outsized ids on the way in. */
export const encoder: Encoder = {
  encode(message) {
    if (isObject(message) && isObject(message.result) && isObject(message.result.data)) {
      const lane = lanes.get(message.result.data)
      if (lane && isRequestId(message.id)) lane.bind(message.id)
    }
    return JSON.stringify(message)
  },
  decode(frame) {
    if (typeof frame !== 'string') throw new Error('binary frames are not read')
    const message: unknown = JSON.parse(frame)
    for (const one of Array.isArray(message) ? message : [message]) {
      if (isObject(one) && typeof one.id === 'string' && one.id.length > ID_LENGTH) throw new Error('id too long')
    }
    return message
  },
}

/**
 * What a client wrote, as a tree: shared references are not restored, as a thousand bytes of them can stand for a tree that
 * takes years to walk. What they stand for is written out as well.
 */
function read(given: unknown): unknown {
  const { json, meta } = isObject(given) ? given : {}
  const values = isObject(meta) && isObject(meta.values) ? { values: meta.values, v: meta.v } : undefined
  // superjson looks at what it gets, whatever its type says.
  return superjson.deserialize({ json, meta: values } as SuperJSONResult)
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null
const isRequestId = (value: unknown): value is RequestId => typeof value === 'number' || typeof value === 'string'
