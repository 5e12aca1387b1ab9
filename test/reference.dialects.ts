/**
 * The page of the dialects: what each makes of what can happen and of what can be asked, and its words. Found from the tables of
 * the dialects and by trying them (test/probe.ts).
 */
import { asyncapi } from '../server/dialects/asyncapi.ts'
import type { Dialect } from '../server/dialects/dialect.ts'
import { dialects } from '../server/dialects/index.ts'
import { drop } from '../server/dialects/outbound.ts'
import { type CommandName, commands } from '../shared/commands.ts'
import type { EventName } from '../shared/events.ts'
import { answered, type Hearer, spoken, type Word } from './probe.ts'
import { table } from './reference.table.ts'
import type { Schema } from './schema.ts'

/** Every event of the contract, in the words of somebody who sees it on a screen. */
const HAPPENINGS = {
  Messages: {
    'message.created': 'a message arrives',
    'message.accepted': 'a message is on its way and shown before it is stored',
    'message.failed': 'such a message could not be stored',
    'message.reacted': 'somebody reacts to a message',
  },
  'Edits and deletions': {
    'message.updated': 'a message is edited',
    'message.deleted': 'a message is deleted for everybody',
    'message.hidden': 'my other device has deleted a message for me alone',
  },
  Receipts: {
    'receipt.delivered': 'somebody has received messages',
    'receipt.read': 'somebody has read messages',
    'receipt.unread': 'my other device has marked messages unread',
    'receipt.marked': 'my other device has read, in a large conversation',
    'receipt.counted': 'how many have read my message, in a large conversation',
  },
  Typing: { 'typing.changed': 'somebody begins or ceases to type' },
  Presence: { 'presence.changed': 'somebody comes, goes, or changes status' },
  Locks: {
    'lock.acquired': 'somebody begins to edit a message and holds its lock',
    'lock.released': 'the lock is free again',
  },
  Notifications: {
    'notification.created': 'I am notified of something',
    'notification.read': 'my other device has read notifications',
    'notification.deleted': 'my other device has deleted notifications',
  },
  'Conversations and members': {
    'conversation.created': 'a conversation begins',
    'conversation.updated': 'its title or settings change',
    'conversation.viewed': 'my other device has opened it',
    'conversation.configured': 'my other device has muted, archived or pinned it',
    'member.added': 'somebody joins',
    'member.updated': 'the role of a member changes',
    'member.removed': 'somebody leaves or is removed',
  },
  'Users and connections': {
    'user.updated': 'name or picture of a user change',
    'user.blocked': 'my other device has blocked somebody',
    'user.revoked': 'my tokens are refused from now on',
    'connection.opened': 'I have logged in elsewhere',
    'connection.kicked': 'an administrator closes my connection',
    'call.signaled': 'somebody calls me',
    'admin.tested': 'an administrator tries the wire',
  },
} as const satisfies Record<string, Partial<Record<EventName, string>>>
type Placed = { [G in keyof typeof HAPPENINGS]: keyof (typeof HAPPENINGS)[G] }[keyof typeof HAPPENINGS]
// An event without a phrase does not compile.
true satisfies EventName extends Placed ? true : never

const HEARERS: Record<Hearer, string> = {
  all: 'all there',
  rest: 'all there but the socket that caused it',
  others: 'all there but who caused it',
  origin: 'the socket that caused it',
  members: 'all members',
  users: 'certain users',
}

const names = (values: Iterable<string>) => [...new Set(values)].map((name) => `\`${name}\``).join(', ')
const NO = '-'

interface Known {
  readonly dialect: Dialect
  /** Of the contract's events. */
  readonly spoken: readonly Word[]
  readonly answered: readonly Word[]
}
const known: Known[] = []
for (const dialect of dialects) {
  known.push({
    dialect,
    spoken: Object.values(dialect.wordings).flatMap(spoken),
    answered: await answered(dialect),
  })
}

const isAbout = (event: string) => (word: Word) => 'event' in word.cause && word.cause.event === event
const drops = ({ wordings }: Dialect, event: EventName) =>
  Object.values(wordings).every((outbound) => outbound[event] === drop)
function heardOf({ dialect, spoken }: Known, event: EventName): string {
  if (drops(dialect, event)) return NO
  const said = new Set(spoken.filter(isAbout(event)).map(({ name }) => name))
  return names(Object.keys(dialect.emits).filter((name) => said.has(name))) || 'in rare cases'
}

const columns = dialects.map(({ name }) => name)
const happenings = Object.entries(HAPPENINGS).flatMap(([group, phrases]) => [
  `### ${group}`,
  table(
    ['what happens', 'event', ...columns],
    (Object.entries(phrases) as [EventName, string][]).map(([event, phrase]) => [
      phrase,
      `\`${event}\``,
      ...known.map((one) => heardOf(one, event)),
    ]),
  ),
])

const places = ({ namespaces, place }: Dialect) => namespaces.map((namespace) => ({ namespace, ...place(namespace) }))
function asks(dialect: Dialect, command: CommandName): string {
  const rows = places(dialect).flatMap(({ inbound }) => [...inbound])
  return names(rows.flatMap(([event, row]) => (row.command === command ? [event] : []))) || NO
}
// Object.keys of the table gives its very names.
const asked = (Object.keys(commands) as CommandName[]).map((command) => [
  `\`${command}\``,
  ...dialects.map((dialect) => asks(dialect, command)),
])
const isAsked = (row: readonly string[]) => row.slice(1).some((cell) => cell !== NO)

const asSchema = (schema: Schema | boolean | undefined): Schema => (typeof schema === 'object' ? schema : {})
/** The keys of a payload: `{ chatId, content, messageType? }`, or what it is if it has none. */
function keys(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map((one) => keys(asSchema(one))))].join(' or ')
  if (schema.allOf) return keys(asSchema(schema.allOf.at(-1)))
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.type === 'array') return `list of ${keys(asSchema(Array.isArray(schema.items) ? {} : schema.items))}`
  const fields = Object.entries(schema.properties ?? {})
  if (fields.length === 0) return schema.type === 'object' ? 'object' : String(schema.type ?? 'anything')
  const optional = (name: string) => (schema.required?.includes(name) ? '' : '?')
  const all = fields.map(([name, value]) => `${name}${optional(name)}${inner(asSchema(value))}`)
  return `{ ${[...all, ...(schema.additionalProperties ? ['...'] : [])].join(', ')} }`
}
/** Of a field only what has fields of its own. */
function inner(schema: Schema): string {
  const inside = schema.type === 'array' && !Array.isArray(schema.items) ? asSchema(schema.items) : schema
  if (!inside.properties) return ''
  return `${schema.type === 'array' ? '[]' : ''}: ${keys(inside)}`
}

interface Line {
  readonly namespaces: Set<string>
  readonly cells: readonly string[]
}
/** One line for each event; where namespaces agree, one for all of them. */
function lines(dialect: Dialect, action: 'receive' | 'send', last: (event: string, namespace: string) => string) {
  const found = new Map<string, Line>()
  for (const { address, messages } of Object.values(asyncapi(dialect).channels)) {
    for (const [key, { name, payload }] of Object.entries(messages ?? {})) {
      if (address === null || !key.startsWith(`${action}.`)) continue
      // Old clients send an id alone where an object is expected; the schema of what comes before a mapping knows nothing of it.
      const bare = action === 'receive' && dialect.place(address).inbound.get(name)?.accepts('id')
      const forms = new Set([...(bare ? ['string'] : []), keys(payload)])
      const cells = [`\`${name}\``, `\`${[...forms].join(' or ')}\``, last(name, address)]
      const line = found.get(cells.join()) ?? { namespaces: new Set(), cells }
      found.set(cells.join(), line)
      line.namespaces.add(address)
    }
  }
  return [...found.values()].map(({ namespaces, cells }) =>
    dialect.namespaces.length > 1 ? [...cells, names(namespaces)] : cells,
  )
}

function why({ dialect, spoken, answered }: Known, word: string): string {
  const causes = spoken.flatMap(({ name, cause }) => (name === word && 'event' in cause ? [cause] : []))
  const told = Object.entries(HEARERS).flatMap(([to, hearers]) => {
    const by = causes.flatMap((cause) => (cause.to === to ? [cause.event] : []))
    return by.length > 0 ? [`${names(by)}: ${hearers}`] : []
  })
  const asked = new Set(
    answered.flatMap(({ name, cause }) => (name === word && 'answer' in cause ? [cause.answer] : [])),
  )
  const any = places(dialect).every(({ inbound }) => [...inbound.keys()].every((event) => asked.has(event)))
  return [...told, ...(asked.size > 0 ? [`in answer to ${any ? 'anything' : names(asked)}`] : [])].join('; ')
}

function section(one: Known): string[] {
  const { dialect } = one
  const more = dialect.namespaces.length > 1 ? ['namespaces'] : []
  const command = (event: string, namespace: string) => {
    const row = dialect.place(namespace).inbound.get(event)
    return row?.command ? `\`${row.command}\`` : 'this socket alone'
  }
  return [
    `## ${dialect.name}`,
    `Engine paths ${names(['/socket.io', ...dialect.paths])}; namespaces ${names(dialect.namespaces)}. In full: \`/asyncapi/${dialect.name}.json\`.`,
    'Client to server:',
    table(['event', 'payload', 'is', ...more], lines(dialect, 'receive', command)),
    'Server to client ("there" is the conversation, or the sockets of the user whom it is about):',
    table(
      ['event', 'payload', 'when, and who hears it', ...more],
      lines(dialect, 'send', (event) => why(one, event)),
    ),
  ]
}

export const dialectsPage: readonly string[] = [
  'The wires of the legacy systems beside each other. One message crosses all of them, each in its own words; what a wire has no word for, its clients are not told.',
  '## What each cannot express',
  `What a client hears when something happens. \`${NO}\`: nothing, its wire has no word for it.`,
  ...happenings,
  '## What each can ask',
  `The event by which a client asks for it. \`${NO}\`: none; REST or the typed entrance may.`,
  table(['command', ...columns], asked.filter(isAsked)),
  `No wire asks for: ${names(asked.filter((row) => !isAsked(row)).map(([command]) => command?.replaceAll('`', '') ?? ''))}.`,
  ...known.flatMap(section),
]
