/** What waited for `ready` when the client was closed waited for ever. */
import { expect, test } from 'vitest'
import { createClient } from '../../client/index.ts'

test('close rejects it', async () => {
  const client = createClient({ url: 'http://127.0.0.1:9', token: 't' })
  const ready = client.ready()
  await client.close()
  await expect(ready).rejects.toMatchObject({ code: 'CLOSED' })
})
