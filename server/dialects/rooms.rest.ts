/** `rooms` over HTTP: what its operators look at. */
import { z } from 'zod'
import { answers, group } from './rest.ts'

const Counted = z.object({
  stats: z.object({ totalUsers: z.number(), totalRooms: z.number(), totalSockets: z.number() }),
  timestamp: z.iso.datetime(),
})

const failure = z.object({ success: z.literal(false), message: z.string() })

export const roomsRest = group({ name: 'rooms', failure }).define({
  error: ({ message }) => ({ success: false, message }),
  routes: [
    answers(Counted).route('GET /debug/sockets', {
      command: 'admin.rooms',
      summary: 'How many users, rooms and sockets there are',
      access: 'operator',
      input: () => ({ limit: 1 }),
      payload: ({ totalUsers, totalRooms, totalSockets }, { at }) => ({
        stats: { totalUsers, totalRooms, totalSockets },
        timestamp: at.toISOString(),
      }),
    }),
  ],
})
