/**
 * Once per test run: the server as one file, for tests that start it as a process (tsx takes a second each time); a migrated embedded database as a dump (initdb takes seconds, unpacking it half of one), and native Postgres,
 * at DATABASE_URL or as a throw-away cluster, with a migrated database to copy for each test file.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import { build } from 'esbuild'
import type { TestProject } from 'vitest/node'
import { openStore } from '../server/store/store.ts'
import { type Cluster, createCluster, findPrograms, withSql } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A migrated, empty embedded database that nobody has open: a dump of it, and its folder, to copy. */
    embedded: { dump: string; folder: string }
    /** A native server: its administrator's address and the database to copy. Null: none, and native tests are skipped. */
    native: { url: string; template: string } | null
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'parley-tests-'))
  const [native, program] = await Promise.all([startNative(), compile()])
  // Alone: initdb holds the event loop for seconds.
  const embedded = await createEmbedded(folder)
  process.env.PARLEY_MAIN = path.join(program, 'server/store/main.mjs')
  project.provide('embedded', embedded)
  project.provide('native', native && { url: native.url, template: native.template })
  return async () => {
    await native?.stop()
    for (const made of [folder, program]) fs.rmSync(made, { recursive: true, force: true })
  }
}

async function createEmbedded(dataDir: string): Promise<{ dump: string; folder: string }> {
  const dump = path.join(dataDir, 'embedded.tar')
  const folder = path.join(dataDir, 'postgres')
  const store = await openStore({ dataDir })
  await store.close()
  const pg = await PGlite.create(folder)
  // Seen elsewhere: each copy takes an epoch of its own.
  await pg.exec(`update log set identity = 'template'; checkpoint`)
  fs.writeFileSync(dump, Buffer.from(await (await pg.dumpDataDir('none')).arrayBuffer()))
  await pg.close()
  return { dump, folder }
}

/** The folder of the server as one file: inside node_modules, where its imports are found, with its migrations. */
async function compile(): Promise<string> {
  fs.mkdirSync('node_modules/.parley', { recursive: true })
  const folder = fs.mkdtempSync(path.resolve('node_modules/.parley/test-'))
  fs.cpSync('migrations', path.join(folder, 'migrations'), { recursive: true })
  const outfile = path.join(folder, 'server/store/main.mjs')
  await build({
    ...{ entryPoints: ['server/main.ts'], outfile, bundle: true, packages: 'external', logLevel: 'error' },
    ...{ platform: 'node', format: 'esm', target: 'node20' },
  })
  return folder
}

async function startNative() {
  const given = process.env.DATABASE_URL
  const programs = findPrograms()
  if (given === undefined && programs === null) {
    console.warn(
      'SKIPPED: tests on native Postgres. No DATABASE_URL, and no initdb in /usr/lib/postgresql/*/bin or PATH.',
    )
    return null
  }
  let cluster: Cluster | undefined
  if (given === undefined && programs !== null) cluster = await createCluster(programs)
  const url = given ?? cluster?.url() ?? ''
  const template = `parley_template_${process.pid}`
  await withSql(url, (sql) => sql.unsafe(`create database ${template}`))
  const store = await openStore({ databaseUrl: databaseAt(url, template) })
  await store.close()
  return {
    url,
    template,
    async stop() {
      if (cluster) await cluster.remove()
      else await withSql(url, (sql) => sql.unsafe(`drop database if exists ${template}`))
    },
  }
}

function databaseAt(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${name}`
  return address.href
}
