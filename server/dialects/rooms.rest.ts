/** `rooms` over HTTP: what its operators look at. */
import { z } from 'zod'
import { group, route } from './rest.ts'

export const roomsRest = group({
  name: 'rooms',
  failure: z.object({ success: z.literal(false), message: z.string() }),
  error: ({ message }) => ({ success: false, message }),
  routes: [
    route('GET /debug/sockets', {
      command: 'admin.rooms',
      summary: 'How many users, rooms and sockets there are',
      access: 'operator',
      input: () => ({ limit: 1 }),
      answer: z.object({
        stats: z.object({ totalUsers: z.number(), totalRooms: z.number(), totalSockets: z.number() }),
        timestamp: z.iso.datetime(),
      }),
      payload: ({ totalUsers, totalRooms, totalSockets }, { at }) => ({
        stats: { totalUsers, totalRooms, totalSockets },
        timestamp: at.toISOString(),
      }),
    }),
  ],
})
