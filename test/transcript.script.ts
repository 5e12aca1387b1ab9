/**
 * `npm run transcript -- rooms [--url http://localhost:4000] [--client 2|3|4] [--transport polling|websocket|upgrade]
 * [--secret ...] [--all]`: plays the transcripts of a dialect, or files, against a running server, and shows each that
 * came out differently. `--all`: also those that want settings of their own, which the server must have. Tokens are signed
 * with the given secret, JWT_SECRET or the development secret, as by `npm run token`. Exit code: 1 if anything differs, 2 if
 * there is nothing to play, or no server.
 */
import { existsSync } from 'node:fs'
import { parseArgs, styleText } from 'node:util'
import { createAuth } from '../server/auth.ts'
import { readConfig } from '../server/config.ts'
import { dialectNames } from '../server/dialects/index.ts'
import { idSource } from '../server/id.ts'
import { developmentSecret } from '../server/secret.ts'
import { readTranscript, type Settings, type Transcript, transcripts } from './transcript.lines.ts'
import { type Transport, transports, type Version, versions } from './transcript.socket.ts'
import { Difference, play } from './transcript.ts'

const USAGE =
  'usage: npm run transcript -- <dialect or file> ... [--url http://localhost:4000] [--client 2|3|4] [--transport polling|websocket|upgrade] [--secret ...] [--all]'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string', default: 'http://localhost:4000' },
    client: { type: 'string', default: '4' },
    transport: { type: 'string', default: 'websocket' },
    secret: { type: 'string' },
    all: { type: 'boolean', default: false },
  },
})
const client = versions.find((version) => String(version) === values.client)
const transport = transports.find((name) => name === values.transport)
const chosen = positionals.flatMap(choose)
if (chosen.length === 0 || !client || !transport) {
  const folders = [...new Set(transcripts().map(({ path }) => path.split('/')[0]))].join(', ')
  console.error(
    `${USAGE}\n${positionals.length > 0 ? `nothing to play for ${positionals.join(' ')}; ` : ''}there are ${folders}`,
  )
  process.exit(2)
}

const { jwt, dataDir } = readConfig(dialectNames)
const auth = createAuth({
  secret: values.secret ?? jwt.secret ?? (jwt.publicKey === undefined ? developmentSecret(dataDir) : undefined),
  publicKey: undefined,
  newId: idSource(),
  standing: async () => null,
  admit: () => Promise.reject(new Error('no user is admitted here')),
})
const server = {
  url: values.url.replace(/\/+$/, ''),
  token: (userId: string, claims: object = {}, expiresIn = 3_600) =>
    auth.sign({ userId, role: 'client', ...claims }, expiresIn),
}

/** Colours are for people. */
const paint = (style: 'red' | 'green' | 'yellow' | 'bold', text: string) =>
  process.stdout.isTTY ? styleText(style, text) : text

await fetch(server.url).catch(() => {
  console.error(`no server answers at ${server.url}`)
  process.exit(2)
})
let different = 0
for (const transcript of chosen) {
  const reason = whyNot(transcript.settings, client)
  if (reason === undefined) await playOne(transcript, client, transport)
  else console.log(`${paint('yellow', 'skipped')}  ${transcript.path}: ${reason}`)
}
if (different > 0) console.log(`\n${different} of ${chosen.length} differ`)
process.exit(different > 0 ? 1 : 0)

function choose(name: string): Transcript[] {
  if (existsSync(name) && name.endsWith('.txt')) return [readTranscript(name, '')]
  return transcripts().filter(({ path }) => path === name || path === `${name}.txt` || path.startsWith(`${name}/`))
}

function whyNot({ env, acts, clients }: Settings, version: Version): string | undefined {
  if (acts) return 'it needs a test around it'
  if (clients && !clients.includes(version)) return `socket.io-client ${version} cannot play it`
  const needs = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return needs.length > 0 && !values.all ? `it needs a server with ${needs.join(' ')}` : undefined
}

async function playOne({ path, text }: Transcript, version: Version, by: Transport): Promise<void> {
  const title = `${path} (socket.io-client ${version}, ${by})`
  try {
    await play(text, { server, client: version, transport: by, timeoutMs: 5_000 })
    console.log(`${paint('green', 'as written')}  ${title}`)
  } catch (error) {
    different += 1
    console.log(`${paint('red', 'different')}  ${title}`)
    if (!(error instanceof Difference)) throw error
    const { number, line, came, why, arrived } = error
    console.log(`  ${number === undefined ? '' : `line ${number}: `}${line}`)
    if (came !== undefined) {
      console.log(paint('red', `  - ${line.replace(/^\S+\s+\S+\s+/, '')}`))
      console.log(paint('green', `  + ${came}`))
    }
    console.log(`  ${paint('bold', why)}\n${arrived.replace(/^/gm, '    ')}`)
  }
}
