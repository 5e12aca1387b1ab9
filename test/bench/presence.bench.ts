/**
 * `npm run bench:presence`: users in rooms of 50 connect at once; how many frames of presence are sent, to how many viewers. All in
 * one tick (a node that restarts) and one after the other as fast as the core lets them in. Told one by one it would be a frame
 * for each pair that shares a room: 49 to each viewer. Frames must grow with viewers and windows: met if twice the users cost no
 * more frames per viewer and window, and nobody gets more frames than there were windows.
 * Last figures: see the end of this comment.
 */
import { startBackend } from '../trpc.entrance.ts'
import { prepare } from './presence.storm.ts'

const WINDOW_MS = 100

async function measure(rooms: number, apart: boolean): Promise<boolean> {
  await using backend = await startBackend({ presence: { windowMs: WINDOW_MS } })
  const { count, feeds, connect } = await prepare(backend, rooms, 50)
  const began = performance.now()
  await connect(apart)
  const connected = performance.now() - began
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
    `${feeds.size} users, ${rooms} rooms of 50, ${apart ? 'one by one' : 'in one tick'} (${connected.toFixed(0)} ms): ` +
      `${total} frames, ${(total / feeds.size).toFixed(2)} per viewer (at most ${most}), ${count.changes} changes in them, ` +
      `${(count.bytes / 1e6).toFixed(1)} MB; one by one ${(feeds.size * 49) / 2} to ${feeds.size * 49} frames`,
  )
  return most <= windows
}

const met: boolean[] = []
for (const apart of [false, true]) for (const rooms of [10, 20, 40]) met.push(await measure(rooms, apart))
console.log(met.every(Boolean) ? 'targets met' : 'TARGETS MISSED')
process.exitCode = met.every(Boolean) ? 0 : 1
