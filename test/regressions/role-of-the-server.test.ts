/** The server's own role is nobody's: no token and no administrator gives it away. */
import { expect, test } from 'vitest'
import { toAppError } from '../../shared/errors.ts'
import { startServer } from '../harness.ts'

test('no user is given the role of the server', async () => {
  await using server = await startServer()
  const { core } = server.app
  const admin = await server.actor('root', { role: 'admin' })
  for (const role of ['system', 'SYSTEM']) {
    const given = await core.execute(admin, 'user.upsert', { id: 'eve', role }).catch(toAppError)
    expect(given).toMatchObject({ code: 'INVALID_INPUT' })
    for (const claimed of [undefined, role]) {
      const eve = await server.actor('eve', { role: claimed })
      expect(eve.role).toBe('user')
      expect(await core.subscribe(eve, { kind: 'log' }).catch(toAppError)).toMatchObject({ code: 'FORBIDDEN' })
    }
  }
})
