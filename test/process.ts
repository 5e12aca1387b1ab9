/** The server as an operator runs it: a process of its own, that can be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { Inbox } from './inbox.ts'

export interface ServerProcess {
  readonly url: string
  readonly output: Inbox<string>
  /** Resolves with the exit code, or the signal that ended it. */
  stop(signal: NodeJS.Signals): Promise<number | string>
}

/** A port that was free a moment ago: the server comes back on the same one after a crash. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** Starts the server and waits until it says that it is ready. */
export async function startProcess(env: Record<string, string>): Promise<ServerProcess> {
  const output = new Inbox<string>((line) => line)
  const { PARLEY_MAIN } = process.env
  const program = PARLEY_MAIN === undefined ? ['--import', 'tsx', 'server/main.ts'] : [PARLEY_MAIN]
  const child: ChildProcess = spawn(process.execPath, program, {
    env: { ...process.env, HOST: '127.0.0.1', LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // Whatever becomes of the test, nothing of it runs on.
  const orphan = () => child.kill('SIGKILL')
  process.once('exit', orphan)
  child.once('exit', () => process.off('exit', orphan))
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(signal ?? code ?? -1)),
  )
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line.trim() !== '') output.push(line)
    })
  }
  void ended.then((end) => output.push(`ended: ${end}`))
  const line = await output.next(
    (text) => text.includes('ready at') || text.startsWith('ended'),
    'the server to be ready',
    90_000,
  )
  if (line.startsWith('ended')) throw new Error(`the server did not start:\n${output.items.join('\n')}`)
  return {
    url: `http://127.0.0.1:${env.PORT}`,
    output,
    stop: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}
