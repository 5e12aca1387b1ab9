/** Users, and what others see of them. */
import { z } from 'zod'
import { Id } from './base.ts'

export const Profile = z.object({ id: Id, name: z.string(), role: z.string(), avatar: z.string().nullable() })
export type Profile = z.output<typeof Profile>

export const User = Profile.extend({
  email: z.string().nullable(),
  schoolId: z.string().nullable(),
  classIds: z.array(z.string()),
  active: z.boolean(),
  createdAt: z.date(),
  updatedAt: z.date(),
})
export type User = z.output<typeof User>
