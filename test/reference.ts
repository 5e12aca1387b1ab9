/** The pages of docs/ that are made from the contract: `npm run docs` writes them, test/docs.test.ts refuses old ones. */
import { handlers } from '../server/core/core.ts'
import type { Contract } from '../shared/commands/contract.ts'
import { COMMON_ERRORS, type CommandName, commands } from '../shared/commands.ts'
import { CLOSES, ERRORS, type ErrorCode } from '../shared/errors.ts'
import { events } from '../shared/events.ts'
import { dialectsPage } from './reference.dialects.ts'
import { models, named, shape, table, whole } from './reference.table.ts'

const page = (title: string, ...parts: readonly string[]) =>
  `${[`# ${title}`, '<!-- Made from the contract by `npm run docs`. Do not edit. -->', ...parts].join('\n\n')}\n`
const nounOf = (name: string) => name.replace(/\..*$/, '')
const errors = (codes: readonly ErrorCode[]) =>
  table(
    ['error', 'http', 'trpc', 'retry'],
    codes.map((code) => [code, String(ERRORS[code].http), ERRORS[code].trpc, ERRORS[code].retry ? 'yes' : 'no']),
  )

function command(name: CommandName): string {
  const { kind, cost, input, output, errors: own }: Contract = commands[name]
  const facts = [kind, `cost ${cost}`, `policy [${handlers[name].policy.name}](../server/core/policy.ts)`]
  const raised = own.map((code) => `${code} (${ERRORS[code].http}, ${ERRORS[code].retry ? 'retry' : 'no retry'})`)
  return [
    `### ${name}`,
    `${facts.join(', ')}. Errors: ${raised.join(', ') || 'the common ones only'}.`,
    whole('Input', shape(input, 'input')),
    whole('Output', shape(output, 'output')),
  ].join('\n\n')
}

const NOTATION = 'A `?` after a field, or a default: it may be missing. Linked types are in [model.md](model.md).'

export const pages: Readonly<Record<string, string>> = {
  'commands.md': page(
    'Commands',
    `Everything a client may ask. ${NOTATION} Codes are explained by [errors.md](errors.md).`,
    'Any command may end with one of these; what it may raise besides is said with it:',
    errors(COMMON_ERRORS),
    ...[...new Set(Object.keys(commands).map(nounOf))].flatMap((noun) => [
      `## ${noun}`,
      // Object.keys of the table gives its very names.
      ...(Object.keys(commands) as CommandName[]).filter((name) => nounOf(name) === noun).map(command),
    ]),
  ),
  'events.md': page(
    'Events',
    `Everything that can have happened. A durable event reaches everyone concerned, even who was away; an ephemeral one only who is attached. ${NOTATION}`,
    ...Object.entries(events).map(([name, { kind, topic, payload }]) =>
      [
        `## ${name}`,
        `${kind}, topic ${topic === 'either' ? '`conversation:<id>` or `user:<id>`' : `\`${topic}:<id>\``}.`,
        whole('Payload', shape(payload, 'output')),
      ].join('\n\n'),
    ),
  ),
  'dialects.md': page('Dialects', ...dialectsPage),
  'model.md': page(
    'Model',
    `The named types of commands and events. ${NOTATION}`,
    ...models.map((model) => `## ${model.name}\n\n${whole('Is', named(model))}`),
  ),
  'errors.md': page(
    'Errors',
    '`retry`: the same call may be tried again unchanged.',
    errors(Object.keys(ERRORS) as ErrorCode[]),
    '## Closes',
    'How the typed WebSocket ends. `come back`: reconnect and resume from the cursor.',
    table(
      ['close', 'code', 'reason', 'come back'],
      Object.entries(CLOSES).map(([name, { code, reason, comeBack }]) => [
        ...[name, String(code), reason],
        comeBack ? 'yes' : 'no',
      ]),
    ),
  ),
}
