/** Settings under which two systems want the same place were found with the database open: its folder stayed in use. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'

test('a start that is refused for its settings has touched nothing', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-'))
  await expect(startServer({ env: { DATA_DIR: folder, LMS_REST_PREFIX: '/api' } })).rejects.toThrow(
    'POST /api/messages is of lms and of messenger: move one (LMS_REST_PREFIX)',
  )
  expect(await readdir(folder)).toEqual([])
  await rm(folder, { recursive: true })
})
