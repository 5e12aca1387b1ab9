/** `npm run transcript` as a process of its own, against a server that runs. */
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SECRET, startServer, type TestServer } from '../harness.ts'

let server: TestServer
const folder = mkdtempSync(join(tmpdir(), 'parley-transcript-'))
beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    const env = { ...process.env, JWT_SECRET: '', DATA_DIR: folder, NODE_ENV: 'test' }
    const script = ['--import', 'tsx', 'test/transcript.script.ts', ...args]
    execFile(process.execPath, script, { env }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, stdout, stderr }),
    )
  })
const written = (name: string, text: string) => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}
const sending = () => readFileSync('test/transcripts/marketplace/sending.txt', 'utf8')
const here = () => ['--url', server.url, '--secret', SECRET]

test('what is as written is said to be so, what is different is shown', async () => {
  const wrong = written('wrong.txt', sending().replace('success: true', 'success: false'))
  const own = written('own.txt', `# server: LOCK_TIMEOUT=5\n${sending()}`)
  const { code, stdout } = await run(
    'marketplace/sending',
    wrong,
    own,
    '--client',
    '2',
    '--transport',
    'upgrade',
    ...here(),
  )
  expect(code).toBe(1)
  expect(stdout).toMatch(/^as written {2}marketplace\/sending.txt \(socket.io-client 2, upgrade\)$/m)
  expect(stdout).toMatch(/^different .*wrong.txt/m)
  expect(stdout).toMatch(/^ {2}line \d+: < ann message-sent \{success: false/m)
  expect(stdout).toMatch(/^ {2}- message-sent \{success: false.*\n {2}\+ message-sent \{"success":true/m)
  expect(stdout).toMatch(/^ {2}\.success should be false; it is true$/m)
  expect(stdout).toMatch(/^skipped .*own.txt: it needs a server with LOCK_TIMEOUT=5$/m)
  expect(stdout).toMatch(/^1 of 3 differ$/m)
})

test('what is as written is a success', async () => {
  const { code, stdout, stderr } = await run('marketplace/sending', ...here())
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe('as written  marketplace/sending.txt (socket.io-client 4, websocket)\n')
})

test('nothing to play, or nobody there', async () => {
  const [unknown, nobody] = await Promise.all([
    run('klingon', ...here()),
    run('rooms', '--url', 'http://127.0.0.1:1', '--secret', SECRET),
  ])
  expect(unknown.code).toBe(2)
  expect(unknown.stderr).toMatch(/^usage: npm run transcript[\s\S]*nothing to play for klingon; there are .*rooms/)
  expect(nobody).toMatchObject({ code: 2, stderr: 'no server answers at http://127.0.0.1:1\n' })
})
