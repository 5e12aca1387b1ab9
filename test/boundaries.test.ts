/** Rules 3 and 9: who may import what, and who may read the environment, make actors, know every part. */
import { readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'

/** Folder to what it may import; the first match counts. Node's own modules are free everywhere but in shared and client. */
const RULES: readonly (readonly [RegExp, RegExp])[] = [
  [/^shared\/router\//, /^(shared\/|zod$|@trpc\/server(\/|$)|superjson$)/],
  [/^shared\/index\.ts$/, /^shared\//],
  [/^shared\//, /^(shared\/(?!router)|zod$)/],
  [/^client\//, /^(client\/|shared\/|@trpc\/(client$|server(\/|$))|superjson$|#websocket$|ws$)/],
  [/^server\/core\/calendar\.ts$/, /^(shared\/(?!router)|server\/core\/|croner$)/],
  [/^server\/core\//, /^(shared\/(?!router)|server\/core\/|zod$)/],
  [
    /^server\/store\//,
    /^(shared\/(?!router)|server\/core\/ports|server\/store\/|drizzle-orm|postgres$|@electric-sql\/pglite|superjson$|zod$)/,
  ],
  [/^server\/cluster\//, /^(shared\/(?!router)|server\/core\/ports|server\/cluster\/)/],
  [/^server\/bots\//, /^(shared\/(?!router)|server\/bots\/|server\/core\/bot|zod$)/],
  [/^server\/dialects\//, /^(shared\/(?!router)|server\/dialects\/|zod$)/],
  [/^server\/transports\//, /^(?!server\/(core|store|cluster|app|main)\b)/],
]

const files = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? files(path) : /\.ts$/.test(path) ? [path] : []
  })
const sources = ['shared', 'client', 'server'].flatMap(files)

interface Import {
  name: string
  typeOnly: boolean
}
function imports(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^'"]*?from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  )
  return [...found].map(([, typeOnly, from, dynamic, bare]) => {
    const name = from ?? dynamic ?? bare ?? ''
    return {
      name: name.startsWith('.') ? relative('.', resolve(dirname(file), name)) : name,
      typeOnly: Boolean(typeOnly),
    }
  })
}

const own = (name: string) => name.startsWith('node:') || builtinModules.includes(name)

test.each(sources)('%s imports only what its layer may', (file) => {
  const allowed = RULES.find(([from]) => from.test(file))?.[1]
  const strict = /^(shared|client)\//.test(file)
  const wrong = imports(file).filter(({ name }) => (own(name) ? strict : allowed && !allowed.test(name)))
  expect(wrong).toEqual([])
})

test("the client knows routers and tRPC's server as types only", () => {
  const wrong = files('client').flatMap((file) =>
    imports(file).filter(
      ({ name, typeOnly }) => /^(shared\/router|@trpc\/server(?!\/observable$))/.test(name) && !typeOnly,
    ),
  )
  expect(wrong).toEqual([])
})

const lines = (pattern: RegExp, except: RegExp) =>
  sources.filter((file) => !except.test(file) && pattern.test(readFileSync(file, 'utf8')))

test('only the programs hand the environment to config.ts', () => {
  expect(lines(/process\.env/, /^server\/config\.ts$/)).toEqual([])
})
test('only auth.ts makes actors', () => {
  expect(lines(/as Actor\b/, /^server\/auth\.ts$/)).toEqual([])
})
test('only app.ts knows every part', () => {
  const parts = [
    /^server\/core\/core/,
    /^server\/store\/store/,
    /^server\/cluster\//,
    /^server\/transports\/trpc/,
    /^server\/transports\/socketio/,
  ]
  const all = sources.filter((file) => parts.every((part) => imports(file).some(({ name }) => part.test(name))))
  expect(all).toEqual(['server/app.ts'])
})

test('no file is two nouns: at most 300 lines', () => {
  const long = sources.filter((file) => readFileSync(file, 'utf8').split('\n').length > 301)
  expect(long).toEqual([])
})
