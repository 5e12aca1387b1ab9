/**
 * The folder of an embedded database: locked against a second process, made in one step, and really synced.
 * The lock is a socket that listens beside the folder: the kernel closes it with the process, so one left by `kill -9`
 * refuses connections and is known to be stale, whatever the pids (also between containers that share the folder).
 */
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import type { LogLine } from './driver.ts'

/** What we use of Emscripten's NODEFS, which its types leave out. */
interface SyncHook {
  stream_ops: { fsync?: (stream: { nfd: number; node: { mode: number } }) => number }
}

const isDirectory = (mode: number) => (mode & fs.constants.S_IFMT) === fs.constants.S_IFDIR

/**
 * Files on disk with a real fsync, for files and directories alike: PGlite's own NodeFS has none, so Postgres would believe
 * in commits that only the page cache knows. Needs `fsync=on` and `wal_sync_method=fsync` (Emscripten's fdatasync does nothing).
 */
export class SyncedFS extends NodeFS {
  override async init(...args: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(...args)
    const hook: NonNullable<typeof emscriptenOpts.preRun>[number] = (module) => {
      // Boundary: PGlite's types know NODEFS only as a name.
      const { stream_ops: streams } = module.NODEFS as unknown as SyncHook
      streams.fsync = ({ nfd, node }) => {
        if (isDirectory(node.mode)) fs.fsyncSync(nfd)
        else fs.fdatasyncSync(nfd)
        return 0
      }
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), hook] } }
  }
}

/** Syncs everything below: what was unpacked by PGlite was never synced. */
function syncTree(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const name = path.join(folder, entry.name)
    if (entry.isDirectory()) syncTree(name)
    else if (entry.isFile()) sync(name)
  }
  sync(folder)
}

function sync(name: string): void {
  const file = fs.openSync(name, 'r')
  try {
    fs.fsyncSync(file)
  } finally {
    fs.closeSync(file)
  }
}

/** Makes the database in a folder beside it and renames that, so that one half made is never taken for a database. */
export async function makeFolder(folder: string, make: (folder: string) => Promise<void>): Promise<void> {
  if (fs.existsSync(path.join(folder, 'PG_VERSION'))) return
  const draft = `${folder}.new`
  fs.rmSync(draft, { recursive: true, force: true })
  await make(draft)
  syncTree(draft)
  fs.renameSync(draft, folder)
  sync(path.dirname(folder))
}

const LONGEST = 100

const answers = (name: string) =>
  new Promise<boolean>((resolve) => {
    const socket = net.connect(name)
    const done = (alive: boolean) => {
      socket.destroy()
      resolve(alive)
    }
    socket
      .once('connect', () => done(true))
      .once('error', (error: NodeJS.ErrnoException) => done(error.code === 'EAGAIN'))
  })

const listen = (server: net.Server, name: string) =>
  new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(name, resolve)
  })

/** Locks `folder`, or throws if another process has it. Gives what unlocks. */
export async function lockFolder(folder: string, log: LogLine): Promise<() => Promise<void>> {
  const name = `${folder}.lock`
  if (Buffer.byteLength(name) > LONGEST)
    throw new Error(`${name} is too long: at most ${LONGEST} bytes, choose another folder`)
  const own = `${name}.${process.pid}`
  fs.rmSync(own, { force: true })
  const server = net.createServer((socket) => socket.destroy())
  try {
    await listen(server, own)
  } catch (error) {
    log('warn', 'this file system has no sockets: nothing stops a second server from opening the folder', {
      folder,
      error,
    })
    return async () => {}
  }
  server.unref()
  // A link is made or refused in one step; the socket behind it listens already.
  for (let attempt = 0; ; attempt++) {
    try {
      fs.linkSync(own, name)
      break
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
      if (taken && attempt < 3 && !(await answers(name))) {
        fs.rmSync(name, { force: true })
        continue
      }
      server.close()
      fs.rmSync(own, { force: true })
      if (!taken) throw error
      throw new Error(`${folder} is in use by another process`)
    }
  }
  fs.rmSync(own, { force: true })
  return async () => {
    fs.rmSync(name, { force: true })
    await new Promise((resolve) => server.close(resolve))
  }
}
