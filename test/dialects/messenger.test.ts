/** What transcripts of `messenger` cannot see: which signs of life count as an answer to the server's own heartbeat. */
import { expect, test } from 'vitest'
import type { Doors } from '../../server/dialects/inbound.ts'
import { messenger } from '../../server/dialects/messenger.ts'
import { startServer } from '../harness.ts'

test("only a heartbeat with the time of the server's last one is a round trip, by the server's clock", async () => {
  await using server = await startServer()
  const actor = await server.actor('ann')
  const row = messenger.place('/messages').inbound.get('heartbeat')
  const at = new Date('2026-01-02T03:04:05.678Z')
  async function told(payload: unknown, ageMs: number | null): Promise<unknown> {
    const inputs: unknown[] = []
    const doors: Doors = {
      execute: (name, input) => {
        inputs.push(input)
        return server.app.core.execute(actor, name, input)
      },
      claim: () => Promise.reject(new Error('nobody claims')),
    }
    const pulse = ageMs === null ? null : { at, ageMs }
    await row?.begin(payload, { actor, id: '0'.repeat(24), at: new Date(), pulse }).run(doors)
    return inputs[0]
  }
  expect(await told({ timestamp: at.getTime() }, 345)).toEqual({ roundTripMs: 345 })
  expect(await told({ timestamp: at.toISOString() }, 345)).toEqual({ roundTripMs: 345 })
  expect(await told({ timestamp: at.getTime() }, 100_000)).toEqual({ roundTripMs: 60_000 })
  expect(await told({ timestamp: at.getTime() - 1 }, 345)).toEqual({})
  expect(await told({ timestamp: at.getTime() }, null)).toEqual({})
  expect(await told(undefined, 345)).toEqual({})
})
