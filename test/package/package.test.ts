/**
 * The package as its users get it: packed, installed in an empty project, type-checked there, run against a live server in Node
 * and as a bundle for browsers. Everything is built in a copy, so that nobody else's `dist` is touched.
 */
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { CONSUMER, RUN } from './consumer.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
let server: TestServer
let folder: string
let consumer: string

beforeAll(async () => {
  server = await startServer()
  folder = await mkdtemp(join(tmpdir(), 'parley-package-'))
  const source = join(folder, 'source')
  consumer = join(folder, 'consumer')
  await mkdir(source)
  await mkdir(consumer)
  for (const name of [
    'package.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'client',
    'server',
    'shared',
    'migrations',
  ]) {
    await cp(join(root, name), join(source, name), { recursive: true })
  }
  await symlink(join(root, 'node_modules'), join(source, 'node_modules'))
  const { stdout } = await run('npm', ['pack', '--json', '--loglevel=error'], { cwd: source })
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('['))) as { filename: string }[]
  if (!packed) throw new Error(`npm pack said ${stdout}`)

  await writeFile(join(consumer, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }))
  const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error']
  await run('npm', ['install', ...quietly, join(source, packed.filename)], { cwd: consumer })
}, 120_000)

afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

/** Lines of the consumer that do not compile. */
async function errors(compilerOptions: object): Promise<number[]> {
  const strict = { strict: true, noEmit: true, target: 'ES2022', exactOptionalPropertyTypes: true }
  const config = { compilerOptions: { ...strict, ...compilerOptions }, files: ['consumer.ts'] }
  await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { stdout } = await run(tsc, ['-p', '.', '--pretty', 'false'], { cwd: consumer }).catch((error) => error)
  const lines = String(stdout)
    .split('\n')
    .filter((line) => /error TS/.test(line))
  return [...new Set(lines.map((line) => Number(/^consumer\.ts\((\d+)/.exec(line)?.[1] ?? Number.NaN)))]
}

test.each([
  // tRPC's own types want the DOM's, so without it only those who skip libraries compile.
  ['Node', { module: 'NodeNext', lib: ['ES2024', 'ESNext.Disposable'], types: ['node'], skipLibCheck: true }],
  [
    'a bundler',
    { module: 'ESNext', moduleResolution: 'bundler', lib: ['ES2024', 'ESNext.Disposable', 'DOM'], types: [] },
  ],
])('a consumer compiles for %s, but for its mistakes', async (_, options) => {
  await writeFile(join(consumer, 'consumer.ts'), CONSUMER)
  const wrong = CONSUMER.split('\n').flatMap((line, index) => (line.endsWith('// wrong') ? [index + 1] : []))
  expect(wrong.length).toBeGreaterThan(8)
  // The types of Node are this repository's own: a project brings them itself.
  expect(await errors({ ...options, typeRoots: [join(root, 'node_modules/@types')] })).toEqual(wrong)
})

test('it runs in Node, and its process ends by itself', async () => {
  await writeFile(join(consumer, 'run.js'), RUN)
  const { stdout } = await run(process.execPath, ['run.js', 'parley/client', server.url, server.token('ann')], {
    cwd: consumer,
    timeout: 20_000,
  })
  expect(stdout).toBe('hello, once\n')
})

test('its bundle for browsers has nothing of the server, and runs on their WebSocket', async () => {
  await writeFile(join(consumer, 'entry.js'), "export { createClient } from 'parley/client'")
  const outfile = join(consumer, 'bundle.js')
  const { metafile } = await build({
    ...{ entryPoints: [join(consumer, 'entry.js')], outfile, absWorkingDir: consumer },
    ...{ bundle: true, minify: true, format: 'esm', platform: 'browser', metafile: true, logLevel: 'error' },
  })
  const inputs = Object.keys(metafile.inputs).map((path) => relative('node_modules', path))
  const allowed = [
    /^parley\/dist\/client\/(?!index\.js$)/,
    /^parley\/dist\/shared\/errors\.js$/,
    /^@trpc\/(client|server)\/dist\//,
    /^(superjson|copy-anything|is-what)\//,
    /^\.\.\/entry\.js$/,
  ]
  expect(inputs.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([])
  expect(inputs).toContain('parley/dist/client/browser.js')
  const [output] = Object.values(metafile.outputs)
  expect(output?.imports).toEqual([])
  expect(output?.bytes).toBeLessThan(64_000)

  const browser = "import { WebSocket } from 'ws'\nglobalThis.WebSocket = class extends WebSocket {}\n"
  await writeFile(join(consumer, 'browser.js'), browser + RUN)
  const { stdout } = await run(process.execPath, ['browser.js', './bundle.js', server.url, server.token('ann')], {
    cwd: consumer,
    timeout: 20_000,
  })
  expect(stdout).toBe('hello, once\n')
})
