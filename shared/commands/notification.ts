/** A user's notifications: newest first, filtered by type; what they want none of; and sending one. */
import { z } from 'zod'
import { Id, JsonObject, Notification, NotificationType, Priority, Text } from '../model.ts'
import { type Contract, Empty, limit, Skip } from './contract.ts'

const Types = z.array(NotificationType).max(NotificationType.options.length)
const OfTypes = z.object({ types: Types.min(1).optional() })
const Listed = OfTypes.extend({
  /** Only what is not read, or only what is. */
  unread: z.boolean().optional(),
})
const ListInput = Listed.extend({
  /** The `next` of the page before. */
  before: Id.optional(),
  skip: Skip,
  limit: limit(100, 50),
}).refine(({ before, skip }) => before === undefined || skip === 0, { message: 'give either before or skip' })
const ByIds = z.object({ notificationIds: z.array(Id).min(1).max(100) })
/** `changed`: how many this was new for. */
const Changed = z.object({ changed: z.number().int(), unread: z.number().int() })

/** What every notification says, whoever makes it. */
export const Notice = z.object({
  priority: Priority.default('normal'),
  title: Text(200).min(1),
  body: Text(2_000).default(''),
  data: JsonObject(4_000).nullable().default(null),
  actionUrl: Text(2_000).min(1).nullable().default(null),
})

export const notification = {
  'notification.list': {
    kind: 'read',
    input: ListInput,
    /** Newest first. `next` is null at the end; `unread`: how many are in all, of these types. */
    output: z.object({ notifications: z.array(Notification), next: Id.nullable(), unread: z.number().int() }),
    errors: [],
    cost: 2,
  },
  /** How many there are in all pages of such a list. */
  'notification.count': {
    kind: 'read',
    input: Listed.default({}),
    output: z.object({ count: z.number().int().min(0) }),
    errors: [],
    cost: 1,
  },
  'notification.unreadCount': {
    kind: 'read',
    input: OfTypes.default({}),
    output: z.object({ unread: z.number().int() }),
    errors: [],
    cost: 1,
  },
  'notification.get': {
    kind: 'read',
    input: z.object({ notificationId: Id }),
    output: Notification,
    errors: ['NOT_FOUND'],
    cost: 1,
  },
  /** Those that are not there, or somebody else's, are passed over. Read ones are forgotten 7 days later. */
  'notification.read': { kind: 'write', input: ByIds, output: Changed, errors: [], cost: 1 },
  'notification.readAll': { kind: 'write', input: OfTypes.default({}), output: Changed, errors: [], cost: 2 },
  'notification.delete': { kind: 'write', input: ByIds, output: Changed, errors: [], cost: 1 },
  /** `read`: only those that are read. */
  'notification.deleteAll': {
    kind: 'write',
    input: z.object({ read: z.boolean().default(false) }).default({ read: false }),
    output: Changed,
    errors: [],
    cost: 2,
  },
  /** From now on none of these types are made for the actor, and all others are. */
  'notification.mute': {
    kind: 'write',
    input: z.object({ types: Types }),
    output: z.object({ types: Types }),
    errors: [],
    cost: 1,
  },
  'notification.muted': { kind: 'read', input: Empty, output: z.object({ types: Types }), errors: [], cost: 1 },
  /** To one user. `made` is false if they want none of this type, are not active, or had one for this `cause`. */
  'notification.send': {
    kind: 'write',
    input: Notice.extend({ userId: Id, type: NotificationType.default('system'), cause: Id.optional() }),
    output: z.object({ made: z.boolean() }),
    errors: ['FORBIDDEN', 'NOT_FOUND'],
    cost: 2,
  },
} as const satisfies Record<string, Contract>
