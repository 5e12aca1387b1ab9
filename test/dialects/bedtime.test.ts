/** What transcripts of `bedtime` need a test around: the time has come, the server starts anew. */
import { expect, test } from 'vitest'
import { startServer } from '../harness.ts'
import { lastingDatabase } from '../store/databases.ts'
import { play } from '../transcript.ts'

test('a schedule tells its user, that of an administrator everybody, guests too; one that is off nobody', async () => {
  await using server = await startServer()
  const { core, system, store } = server.app
  /** As if the time of every schedule had come. */
  async function fire() {
    const { schedules } = await core.execute(system, 'schedule.list', { limit: 100 })
    const on = schedules.filter(({ enabled }) => enabled)
    const nextRunAt = new Date(Date.now() - 1_000)
    await store.write((tx) => tx.moveSchedules(on.map(({ id }) => ({ id, lastRunAt: null, nextRunAt }))))
    // A change that changes nothing makes the node look.
    for (const { id: scheduleId } of on) await core.execute(system, 'schedule.update', { scheduleId })
    expect(on.length).toBeGreaterThan(0)
  }
  await play(
    `given user root {role: "admin"}
connect guest bedtime none
connect ann bedtime none
connect bob bedtime none
> ann user:register <ann>
< ann user:registered {...}
> bob user:register <bob>
< bob user:registered {...}
% ann POST /api/schedules {name: "Evening", time: "21:00", weekdays: [0, 6], payload: {title: "Bed", message: "It is time"}} = 201 {_id: <s>, userId: <ann>, ...}
! fire
< ann schedule:notification {type: "bedtime", title: "Bed", message: "It is time", scheduleName: "Evening", timestamp: <time>}
- bob
- guest
% ann POST /api/schedules/<s>/toggle {} = 200 {enabled: false, ...}
% ann POST /api/schedules {name: "By cron", cron: "0 21 * * *", payload: {title: "Lights out"}} = 201 {_id: <c>, type: "cron", ...}
! fire
< ann schedule:notification {type: "bedtime", title: "Lights out", message: "", scheduleName: "By cron", timestamp: <time>}
% ann POST /api/schedules/<c>/toggle {} = 200 {enabled: false, ...}
% root POST /api/schedules {name: "House rules", time: "22:00", timeZone: "Europe/Berlin", payload: {title: "All to bed"}} = 201 {_id: <all>, userId: null, ...}
! fire
< guest schedule:notification {type: "bedtime", title: "All to bed", message: "", scheduleName: "House rules", timestamp: <time>}
< ann schedule:notification {type: "bedtime", title: "All to bed", message: "", scheduleName: "House rules", timestamp: <time>}
< bob schedule:notification {type: "bedtime", title: "All to bed", ...}
# It is stored for those who are known.
$ bob notification.list {} = {notifications: [{title: "All to bed", type: "system", ...}], ...}
- ann
- bob
- guest`,
    { server, verbs: { fire } },
  )
})

test('what nobody has received yet waits for its user over a restart: in order, once', async () => {
  await using database = await lastingDatabase()
  const start = () => startServer(database)
  let current = await start()
  const server = {
    get url() {
      return current.url
    },
    token: current.token,
  }
  async function restart() {
    await current.close()
    current = await start()
  }
  try {
    await play(
      `connect bob bedtime none
> bob user:register <bob>
< bob user:registered {...}
connect ann bedtime none
> ann user:register <ann>
< ann user:registered {...}
> ann message:send {content: "Live", recipientId: <bob>}
< ann message:sent {...}
< bob message:received {content: "Live", ...}
< bob message:receive {...}
close bob
> ann message:send {content: "One", recipientId: <bob>}
< ann message:sent {_id: <one>, ...}
> ann message:send {content: "Two", recipientId: <bob>}
< ann message:sent {_id: <two>, ...}
! restart
< ann disconnect
connect bob bedtime none
> bob user:register <bob>
< bob user:registered {userId: <bob>, ...}
< bob message:received {_id: <one>, senderId: <ann>, content: "One", ...}
< bob message:receive {_id: <one>, ...}
< bob message:received {_id: <two>, ...}
< bob message:receive {_id: <two>, ...}
close bob
connect bob bedtime none
> bob user:register <bob>
< bob user:registered {...}
- bob`,
      { server, verbs: { restart } },
    )
  } finally {
    await current.close()
  }
})
