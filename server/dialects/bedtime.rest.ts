/**
 * `bedtime` over HTTP: diagnostics for operators, and schedules. A schedule is either a `bedtime` (a time of day on weekdays,
 * counted from Sunday, 0) or a `cron` expression, on the clocks of its time zone; its `payload` is what the notification says.
 */
import { z } from 'zod'
import { Id, JsonObject, type Schedule, Text, TimeZone, When } from '../../shared/model.ts'
import { choice, group, route } from './rest.ts'

const Time = z.iso.datetime()
const Payload = z.object({
  title: Text(200).min(1).optional(),
  message: Text(2_000).optional(),
  data: JsonObject(2_000).nullable().optional(),
})
const [Bedtime, Cron] = [When.options[0].shape, When.options[1].shape]
const EVERY_DAY = [0, 1, 2, 3, 4, 5, 6]
const Times = {
  time: Bedtime.time,
  weekdays: Bedtime.weekdays.default(EVERY_DAY),
}
