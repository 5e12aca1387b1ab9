/** What transcripts of `lms` do not show: a going takes the time of a reconnect, a token may stand in two places. */
import { io } from 'socket.io-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../harness.ts'
import { play } from '../transcript.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server?.close())

test('a user has gone with the last socket, for whom the school names', () =>
  play(
    `connect boss lms {fullName: "Boss", role: "Admin", schoolId: "s-<boss>"}
$ boss presence.online {schoolId: "s-<boss>"} ~ {users: [{userId: <boss>, ...}]}
connect sue lms {fullName: "Sue", role: "Student", schoolId: "s-<boss>", classIds: ["c1-<boss>"]}
< boss user:online {userId: <sue>, userRole: "Student", timestamp: <time>}
connect sue/phone lms
connect sam lms {fullName: "Sam", role: "Student", schoolId: "s-<boss>", classIds: ["c1-<boss>"]}
<~ boss user:online {userId: <sam>, ...}
<~ sue user:online {userId: <sam>, ...}
<~ sue/phone user:online {userId: <sam>, ...}
connect sam/phone lms
connect tom lms {fullName: "Tom", role: "Teacher", schoolId: "s-<boss>", classIds: ["c2-<boss>"]}
< boss user:online {userId: <tom>, ...}
close sue
cut sam
close sam/phone
<~ boss user:offline {userId: <sam>, timestamp: <time>}
<~ sue/phone user:offline {userId: <sam>, timestamp: <time>}
- boss
- tom
- sue/phone`,
    { server },
  ))

test('the token of the query counts before that of auth', async () => {
  const arrive = (path: string) =>
    new Promise((resolve) => {
      const socket = io(server.url, {
        ...{ path, forceNew: true, reconnection: false, transports: ['websocket'] },
        ...{ query: { token: server.token('ann') }, auth: { token: 'an.old.one' } },
      })
      const done = (outcome: unknown) => {
        socket.close()
        resolve(outcome)
      }
      socket.on('connect', () => done('connected'))
      socket.on('connect_error', ({ message }) => done(message))
    })
  expect(await arrive('/chat-socket/')).toBe('connected')
  expect(await arrive('/lms/socket.io/')).toBe('connected')
  expect(await arrive('/rooms/socket.io/')).toBe('Authentication failed')
})
