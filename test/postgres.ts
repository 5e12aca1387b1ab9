/** A native Postgres for tests and benches: a throw-away cluster in a temporary folder, on a free port of 127.0.0.1. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'

export interface Cluster {
  /** Address of one of its databases. */
  url(database?: string): string
  start(): Promise<void>
  /** As an administrator would: sessions are cut off, nothing committed is lost. */
  stop(): Promise<void>
  /** Stops it and removes its folder. */
  remove(): Promise<void>
}

/** Folder of the programs of the newest Postgres installed; null without one. */
export function findPrograms(): string | null {
  const root = '/usr/lib/postgresql'
  const versions = fs.existsSync(root) ? fs.readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [
    ...versions.map((version) => path.join(root, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ]
  return folders.find((folder) => folder !== '' && fs.existsSync(path.join(folder, 'initdb'))) ?? null
}

/** Postgres refuses to run as root: then the first of these users that exists. */
function owner(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  for (const name of ['postgres', 'nobody']) {
    const line = fs
      .readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.startsWith(`${name}:`))
    const [, , uid, gid] = line?.split(':') ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new Error('no user to run Postgres as')
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

/** `synced`: with fsync, as in production. Tests do without: no machine fails in them. */
export async function createCluster(programs: string, { synced = false } = {}): Promise<Cluster> {
  const user = owner()
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'parley-postgres-'))
  if (user.uid !== undefined && user.gid !== undefined) fs.chownSync(folder, user.uid, user.gid)
  const data = path.join(folder, 'data')
  const options = { ...user, cwd: folder, stdio: 'pipe', env: { ...process.env, LC_ALL: 'C.UTF-8' } } as const
  const initdb = ['-D', data, '-U', 'parley', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8']
  execFileSync(path.join(programs, 'initdb'), initdb, options)
  const port = await freePort()
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    'max_connections=200',
  ]
  if (!synced) settings.push('fsync=off')
  const url = (database = 'postgres') => `postgres://parley@127.0.0.1:${port}/${database}`
  let server: ChildProcessWithoutNullStreams | undefined

  async function start(): Promise<void> {
    const args = ['-D', data, ...settings.flatMap((setting) => ['-c', setting])]
    // The shell stops Postgres when its input ends: also when this process was killed.
    const script = '"$@" & cat > /dev/null; kill -INT $!; wait'
    const child = spawn('/bin/sh', ['-c', script, 'sh', path.join(programs, 'postgres'), ...args], options)
    server = child
    let said = ''
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => {
        said = (said + chunk.toString()).slice(-10_000)
        if (said.includes('ready to accept connections')) resolve()
      })
      child.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${said}`)))
    })
  }

  async function stop(): Promise<void> {
    const child = server
    server = undefined
    if (!child || child.exitCode !== null) return
    // `close`: the last of its processes has let go of the output.
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.stdin.end()
    await ended
  }

  await start()
  return {
    url,
    start,
    stop,
    async remove() {
      await stop()
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Runs statements at an address, outside of any store. */
export async function withSql<T>(url: string, run: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await run(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}
