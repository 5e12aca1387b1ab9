/** An embedded database in a folder: what was acknowledged survives `kill -9`, and nobody else gets in. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../server/store/store.ts'
import { dataFolder, template } from './databases.ts'
import { addMember, checkGapless, createConversation, draft } from './drafts.ts'

const SENDER = new URL('./sender.ts', import.meta.url).pathname

/** A process that sends; `lines` grows with what it acknowledges. */
function startSender(dataDir: string, run: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', SENDER, dataDir, run])
  const lines: string[] = []
  let rest = ''
  let errors = ''
  const watchers = new Set<() => void>()
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts)
    for (const watcher of watchers) watcher()
  })
  const until = (count: number) =>
    new Promise<void>((resolve, reject) => {
      const look = () => lines.length >= count && resolve()
      watchers.add(look)
      void ended.then((code) =>
        reject(new Error(`the sender ended with ${code} after ${lines.length} lines: ${errors}`)),
      )
      look()
    })
  return { child, lines, until, ended, errors: () => errors }
}

async function kill9(child: ChildProcessWithoutNullStreams, ended: Promise<unknown>): Promise<void> {
  child.kill('SIGKILL')
  await ended
}

describe('embedded Postgres in a folder', () => {
  let dataDir: string
  beforeAll(async () => {
    dataDir = dataFolder()
    const store = await openStore({ dataDir })
    for (const id of ['c0', 'c1', 'c2']) await createConversation(store, id, ['ann', 'bob'])
    await store.close()
  })
  afterAll(() => fs.rmSync(dataDir, { recursive: true, force: true }))

  it('keeps every acknowledged send once, gapless, through kill -9, and knows the lock left behind for stale', async () => {
    const acknowledged: string[] = []
    for (const run of ['first', 'second']) {
      const sender = startSender(dataDir, run)
      await sender.until(400)
      await kill9(sender.child, sender.ended)
      expect(fs.existsSync(path.join(dataDir, 'postgres.lock'))).toBe(true)
      acknowledged.push(...sender.lines.filter((line) => line !== 'ready'))
    }
    const store = await openStore({ dataDir })
    const stored = new Map<string, string>()
    for (const id of ['c0', 'c1', 'c2'])
      for (const message of await store.reads.messages.range(id, { fromSeq: 1, toSeq: 1e9, limit: 1e6, newest: false }))
        stored.set(`${id} ${message.clientId}`, String(message.seq))
    const { events } = await store.log.page(null, 0, 1e6)
    const positions = new Map(
      events.flatMap((event) =>
        event.name === 'message.created'
          ? [[`${event.payload.message.conversationId} ${event.payload.message.clientId}`, String(event.position)]]
          : [],
      ),
    )
    for (const line of acknowledged) {
      const [id, run, n, round, seq, position] = line.split(' ')
      const key = `${id} ${run} ${n} ${round}`
      expect([key, stored.get(key), positions.get(key)]).toEqual([key, seq, position])
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(798)
    await checkGapless(store, ['c0', 'c1', 'c2'])
    const retried = await store.send(draft('c0', 'bob', 'first 0 0'))
    expect(retried).toMatchObject({ position: null, message: { seq: Number(stored.get('c0 first 0 0')) } })
    await store.close()
  })

  it('refuses a second opening while the first is there, from this process and from another', async () => {
    const store = await openStore({ dataDir })
    const { epoch } = store
    await expect(openStore({ dataDir })).rejects.toThrow('is in use by another process')
    const other = startSender(dataDir, 'other')
    expect(await other.ended).toBe(1)
    expect(other.errors()).toContain('is in use by another process')
    await addMember(store, 'c0', 'cid')
    await store.close()
    const again = await openStore({ dataDir })
    expect(again.epoch).toBe(epoch)
    await again.close()
    expect(fs.readdirSync(dataDir)).toEqual(['postgres'])
  })

  it('lets in exactly one of those who find a stale lock at once', async () => {
    const sender = startSender(dataDir, 'third')
    await sender.until(10)
    await kill9(sender.child, sender.ended)
    const rivals = [1, 2].map((n) => startSender(dataDir, `rival ${n}`))
    const outcomes = await Promise.allSettled(rivals.map((rival) => rival.until(10)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const rival of rivals) await kill9(rival.child, rival.ended)
  })

  it('takes a folder that was left half made for none', async () => {
    const half = fs.mkdtempSync(path.join(os.tmpdir(), 'parley-half-'))
    fs.mkdirSync(path.join(half, 'postgres.new'))
    fs.writeFileSync(path.join(half, 'postgres.new', 'PG_VERSION'), '18')
    const store = await openStore({ dataDir: half, template: template() })
    await store.ping()
    await store.close()
    fs.rmSync(half, { recursive: true, force: true })
  })

  it('syncs the disk before it acknowledges', async () => {
    const real = { fdatasyncSync: fs.fdatasyncSync, fsyncSync: fs.fsyncSync }
    let files = 0
    let folders = 0
    fs.fdatasyncSync = (file) => {
      files++
      real.fdatasyncSync(file)
    }
    fs.fsyncSync = (file) => {
      if (fs.fstatSync(file).isDirectory()) folders++
      real.fsyncSync(file)
    }
    try {
      const store = await openStore({ dataDir })
      for (let n = 0; n < 5; n++) {
        const before = files
        await store.send(draft('c1', 'ann', `synced ${n}`))
        expect(files).toBeGreaterThan(before)
      }
      await store.close()
      expect(folders).toBeGreaterThan(0)
    } finally {
      Object.assign(fs, real)
    }
  })
})
