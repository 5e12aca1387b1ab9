/**
 * A dialect as AsyncAPI 3.0, made from its page alone and seen from the server: a channel is a namespace, `receive` is what a
 * client says, `send` is what it hears, a message is named as its event, and a callback is a reply. Payloads are the one
 * argument of the event, as they are on the wire. What a page's functions decide (who hears it, and when) is not in it.
 */
import { z } from 'zod'
import type { Dialect } from './dialect.ts'
import type { Inbound } from './inbound.ts'

/** Where a token may be, in the order in which it is looked for. Security schemes know nothing of `auth.token`. */
const CREDENTIALS = {
  'auth.token': {
    type: 'apiKey',
    in: 'password',
    description: "The handshake's `auth.token`; clients before 3.0 have none",
  },
  'query.token': { type: 'httpApiKey', in: 'query', name: 'token' },
  bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
  'access-token': { type: 'httpApiKey', in: 'header', name: 'access-token' },
  cookie: { type: 'httpApiKey', in: 'cookie', name: 'token' },
} as const
const SHARED_PATH = '/socket.io'

const ref = (...path: readonly string[]) => ({
  $ref: `#/${path.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
})
const quoted = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(', ')

export function asyncapi(dialect: Dialect) {
  const { name, namespaces, paths, guests } = dialect
  const channels = namespaces.map((namespace) => channel(dialect, namespace))
  const answers = acknowledges(dialect)
  return {
    asyncapi: '3.0.0',
    info: {
      title: `Parley: ${name}`,
      version: '1.0.0',
      description: `The Socket.IO events of clients of \`${name}\`. Namespaces: ${quoted(namespaces)}.`,
    },
    defaultContentType: 'application/json',
    servers: Object.fromEntries(
      [SHARED_PATH, ...paths].map((path) => [path.slice(1).replaceAll('/', '.'), server(path)]),
    ),
    channels: {
      ...Object.fromEntries(channels.map(({ key, value }) => [key, value])),
      ...(answers && {
        callback: {
          address: null,
          description: 'The callback of an event, if the client gave one.',
          messages: { answer: { name: 'answer', payload: schema(dialect.ack, 'output') } },
        },
      }),
    },
    operations: Object.fromEntries(channels.flatMap((one) => operations(one, answers))),
    components: { securitySchemes: CREDENTIALS },
  }

  function server(path: string) {
    const fixed = path === SHARED_PATH ? `Say \`?dialect=${name}\` or \`auth.dialect\` to be sure of it` : 'Settles it'
    const trusted = guests === undefined ? '' : ' Where the operator trusts them, clients need no credential.'
    return {
      host: '{host}',
      pathname: `${path}/`,
      protocol: 'ws',
      description: `Socket.IO (EIO 4 and 3), by polling and WebSocket. ${fixed}.${trusted}`,
      variables: { host: { default: 'localhost:4000' } },
      security: Object.keys(CREDENTIALS).map((scheme) => ref('components', 'securitySchemes', scheme)),
    }
  }
}

interface Said {
  readonly action: 'receive' | 'send'
  readonly event: string
  readonly message: object
}

function channel(dialect: Dialect, namespace: string) {
  const place = dialect.place(namespace)
  const said: Said[] = [
    ...[...place.inbound].map(
      ([event, row]): Said => ({
        action: 'receive',
        event,
        message: {
          ...{ name: event, summary: row.command ?? 'about this socket alone' },
          description: `Client to server, namespace \`${namespace}\`.${allowance(row)}`,
          payload: schema(row.form, 'input'),
        },
      }),
    ),
    ...place.says.map(
      (event): Said => ({
        action: 'send',
        event,
        message: {
          name: event,
          description: `Server to client, namespace \`${namespace}\`.`,
          payload: schema(dialect.emits[event] ?? z.unknown(), 'output'),
        },
      }),
    ),
  ]
  return {
    key: namespace === '/' ? 'main' : namespace.slice(1),
    said,
    value: {
      address: namespace,
      description: `Namespace \`${namespace}\`.`,
      messages: Object.fromEntries(said.map(({ action, event, message }) => [`${action}.${event}`, message])),
    },
  }
}

function operations({ key, said }: ReturnType<typeof channel>, answers: boolean) {
  const answer = ['channels', 'callback', 'messages', 'answer']
  const reply = { channel: ref('channels', 'callback'), messages: [ref(...answer)] }
  return said.map(({ action, event }) => {
    const message = `${action}.${event}`
    const operation = {
      ...{ action, channel: ref('channels', key), messages: [ref('channels', key, 'messages', message)] },
      ...(answers && action === 'receive' && { reply }),
    }
    return [`${key}.${message}`, operation] as const
  })
}

const allowance = ({ limit }: Inbound) => (limit ? ` At most ${limit.points} in ${limit.seconds} s for each user.` : '')

/** Whether callbacks are ever called. */
const acknowledges = ({ ack }: Dialect) => !['undefined', 'void', 'never'].includes(ack._zod.def.type)

/** Draft 7, which AsyncAPI's own schemas are made of. What refers to itself would need a place of its own: no wire does. */
function schema(form: z.ZodType, io: 'input' | 'output') {
  const { $schema: _, ...made } = z.toJSONSchema(form, {
    ...{ io, target: 'draft-7', unrepresentable: 'any', cycles: 'throw' },
    override: ({ zodSchema: { _zod }, jsonSchema }) => {
      // The pattern of a date and time is longer than all the rest.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern
      if (_zod.def.type === 'pipe' && _zod.def.in._zod.def.type === 'transform')
        jsonSchema.description = 'Other forms of it are understood too.'
    },
  })
  return made
}
