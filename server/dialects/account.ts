/**
 * Registering and logging in, as the front ends of the old systems do it: what they may send, one answer in which each finds what
 * it looks for, and the claims of each system's own tokens, so that a token made here is taken for that system's and no other's.
 */
import { z } from 'zod'
import { Text, type User } from '../../shared/model.ts'

const Login = Text(320).trim().min(1)
const Name = Text(200).trim().min(1)

const logins = {
  email: Login.regex(/^[^\s@]+@[^\s@]+$/, 'not an e-mail address').optional(),
  username: Name.optional(),
}
export const Registration = z
  .object({
    ...logins,
    password: z.string().min(8).max(200),
    name: Name.optional(),
    fullName: Name.optional(),
    role: Text(32).trim().min(1).default('client'),
  })
  .refine(({ email, username }) => email !== undefined || username !== undefined, 'give an email or a username')
  .meta({ id: 'Registration' })
/** A password that was never allowed is wrong, not malformed. */
export const Credentials = z
  .object({ email: Login.optional(), username: Login.optional(), password: z.string().min(1).max(200) })
  .refine(({ email, username }) => email !== undefined || username !== undefined, 'give an email or a username')
  .meta({ id: 'Credentials' })

const Me = z.object({
  ...{ _id: z.string(), id: z.string(), userId: z.string() },
  ...{ username: z.string(), name: z.string(), fullName: z.string(), role: z.string() },
  ...{ email: z.string().nullable(), avatar: z.string().nullable(), profilePicture: z.string().nullable() },
})
const Token = z.object({ token: z.string(), accessToken: z.string() })
const Answer = z.object({ success: z.literal(true), message: z.string() })

/** `user` and `token` stand where each system has them: at the top (messenger), in `data` (marketplace), spread there (rooms). */
export const LoggedIn = Answer.extend({
  ...{ user: Me, ...Token.shape },
  data: Me.extend({ user: Me, ...Token.shape }),
}).meta({ id: 'LoggedIn' })
export const Known = Answer.extend({ user: Me, data: Me.extend({ user: Me }) }).meta({ id: 'Account' })
export const LoggedOut = Answer.meta({ id: 'LoggedOut' })
export const Refused = z
  .object({ success: z.literal(false), message: z.string(), error: z.string(), code: z.string() })
  .meta({ id: 'Refused' })

export function known({ id, name, role, email, avatar }: User, message: string): z.input<typeof Known> {
  const user = {
    ...{ _id: id, id, userId: id, username: name, name, fullName: name },
    ...{ role, email, avatar, profilePicture: avatar },
  }
  return { success: true, message, user, data: { ...user, user } }
}
export function loggedIn(user: User, token: string, message: string): z.input<typeof LoggedIn> {
  const answer = known(user, message)
  const tokens = { token, accessToken: token }
  return { ...answer, ...tokens, data: { ...answer.data, ...tokens } }
}

/** By dialect: exactly what the tokens of that system claim. */
const CLAIMS: Readonly<Record<string, (user: User) => object>> = {
  marketplace: ({ id, role }) => ({ userId: id, role }),
  lms: ({ id }) => ({ sub: id, iss: 'feathers' }),
  messenger: ({ id }) => ({ id }),
  rooms: ({ id, name, email }) => ({ email: email ?? '', username: name, id }),
}

/** Where the system is not known, or has no tokens: no system's, so that the socket is found out by what it says. */
export function claimsOf(user: User, dialect: string | undefined): object {
  const own = dialect === undefined ? undefined : CLAIMS[dialect]
  if (own) return own(user)
  const { id, role, name, email } = user
  return { userId: id, role, fullName: name, ...(email !== null && { email }) }
}
