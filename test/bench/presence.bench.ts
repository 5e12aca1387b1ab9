/**
 * `npm run bench:presence`: users in rooms of 50 connect at once, in one tick and one after the other as fast as the core lets them
 * in: how many frames of presence are sent. Frames must grow with viewers and windows, not with pairs: met if nobody gets more
 * than there were windows. Last figures (2 cores, busy with other work), 1,000 users in 20 rooms: in one tick 1,000 frames, one per
 * viewer; one after the other within 4.6 s 2,096 frames, 2.1 per viewer and 5 at most, for 35,025 changes; 500 users in 10 rooms:
 * 500 frames, and 676 within 0.9 s.
 */
import { openStore } from '../../server/store/store.ts'
import { startBackend } from '../trpc.entrance.ts'
import { prepare } from './presence.storm.ts'

const WINDOW_MS = 100

async function measure(rooms: number, apart: boolean): Promise<boolean> {
  await using backend = await startBackend({ store: await openStore(), presence: { windowMs: WINDOW_MS } })
  const { count, feeds, connect } = await prepare(backend, rooms, 50)
  const connected = await connect(apart)
  // Quiet for two of the longest windows: all has been told.
  for (let before = -1; before !== count.changes; ) {
    before = count.changes
    await new Promise((resolve) => setTimeout(resolve, 2_500))
  }
  const frames = [...count.frames.values()]
  const total = frames.reduce((sum, some) => sum + some, 0)
  const most = Math.max(...frames)
  const windows = Math.ceil(connected / WINDOW_MS) + 1
  console.log(
    `${feeds.size} users, ${rooms} rooms of 50, connected ${apart ? 'one after the other' : 'in one tick'} in ${connected.toFixed(0)} ms: ` +
      `${total} frames, ${(total / feeds.size).toFixed(2)} per viewer (at most ${most}), ${count.changes} changes in them, ` +
      `${(count.bytes / 1e6).toFixed(1)} MB; a frame for each change would be ${count.changes}`,
  )
  return most <= windows
}

const met: boolean[] = []
for (const apart of [false, true]) for (const rooms of [10, 20]) met.push(await measure(rooms, apart))
console.log(met.every(Boolean) ? 'targets met' : 'TARGETS MISSED')
process.exitCode = met.every(Boolean) ? 0 : 1
