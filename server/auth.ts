/**
 * Who acts, from the handshake alone: the only maker of actors. A token is verified with the operator's secret (HS256) or
 * public key (RS256, ES256; never both, so one cannot pass for the other); its claims create or refresh the user. Refused:
 * no token, a bad or expired one, one without a user id, a user who has been deactivated, a token from before the user's were
 * revoked. `iat` counts seconds: one that may be older than a revocation is refused, also one without `iat`; an `iat` with a
 * fraction, as in the tokens made here, tells more. What a refused token says of its user is not kept.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import jwt from 'jsonwebtoken'
import { z } from 'zod'
import { AppError } from '../shared/errors.ts'
import { Id, Text, type User } from '../shared/model.ts'
import type { Actor } from '../shared/ports.ts'

const text = (max: number) => Text(max).min(1).optional().catch(undefined)
const id = z
  .union([Id, z.number().transform(String)])
  .optional()
  .catch(undefined)

/** The claims of all five legacy systems and of Parley's own tokens. */
const Claims = z.object({
  userId: id,
  sub: id,
  id,
  _id: id,
  role: text(32),
  fullName: text(200),
  name: text(200),
  username: text(200),
  email: text(320),
  profilePicture: text(2_000),
  avatar: text(2_000),
  schoolId: id,
  classIds: z.array(Id).max(200).optional().catch(undefined),
  exp: z.number().optional(),
  iat: z.number().optional().catch(undefined),
})
type Claims = z.output<typeof Claims>

/** What a token tells of its user: the input of `user.upsert`. */
export interface Identity {
  id: string
  name?: string
  role?: string
  email?: string
  avatar?: string
  schoolId?: string
  classIds?: string[]
}

export interface AuthOptions {
  secret: string | undefined
  publicKey: string | undefined
  newId: () => string
  /** Users of the server itself: no token is theirs. */
  reserved?: ReadonlySet<string>
  /** The user as the directory has it, and up to when their tokens are revoked. */
  standing: (userId: string) => Promise<{ user: User; tokensAfter: Date | null } | null>
  /** Creates or refreshes the user that a verified token names. */
  admit: (identity: Identity) => Promise<User>
}

export interface Auth {
  /** The actor of a fresh connection, under an id of its own or a new one. Throws UNAUTHENTICATED in words fit for the client. */
  authenticate(token: string | undefined, connectionId?: string): Promise<Actor>
  /** Somebody without a credential, who may hear what is for everybody. */
  guest(connectionId: string): Actor
  /**
   * Whoever a connection without a credential says it is: for the one dialect that knows no credentials, where the operator
   * trusts it (TRUST_REGISTER). Unseen names are created. Throws as `authenticate`.
   */
  claim(userId: string, connectionId: string): Promise<Actor>
  /** A token for development and tests. Needs the secret. `expiresIn` in seconds. */
  sign(claims: object, expiresIn: number): string
}

/** The server itself: may do everything, is nobody's token. */
export const system: Actor = actor(
  { userId: 'system', name: 'system', role: 'system', email: null, avatar: null, schoolId: null },
  'system',
  null,
)

/** The user of all who have not said who they are: its notifications are for everybody, its messages for nobody. */
export const GUEST = 'guest'

/** A bot of this server: like the server itself nobody's token. */
export const botActor = ({ userId, name }: Pick<Actor, 'userId' | 'name'>, connectionId: string): Actor =>
  actor({ userId, name, role: 'bot', email: null, avatar: null, schoolId: null }, connectionId, null)

export function createAuth({ secret, publicKey, newId, reserved, standing, admit }: AuthOptions): Auth {
  // Key objects: of a text, every look would first find out that it is no PEM.
  const secretKey = secret === undefined ? undefined : createSecretKey(Buffer.from(secret))
  const key = publicKey === undefined ? secretKey : createPublicKey(publicKey)
  if (key === undefined) throw new Error('createAuth needs a secret or a public key')
  const algorithms: jwt.Algorithm[] = publicKey === undefined ? ['HS256'] : ['RS256', 'ES256']
  const isReserved = (userId: string) => userId === 'system' || userId === GUEST || reserved?.has(userId) === true
  return {
    async authenticate(token, connectionId = newId()) {
      if (token === undefined || token === '') throw new AppError('UNAUTHENTICATED', 'Authentication token required')
      const claims = verify(token, key, algorithms)
      const userId = claims.userId ?? claims.sub ?? claims.id ?? claims._id
      if (userId === undefined || isReserved(userId)) throw new AppError('UNAUTHENTICATED', 'The token names no user')
      const known = await standing(userId)
      if (known?.tokensAfter && !issuedAfter(claims, known.tokensAfter))
        throw new AppError('UNAUTHENTICATED', 'The token has been revoked')
      const identity = identityOf(userId, claims)
      const user = known && agrees(known.user, identity) ? known.user : await admit(identity)
      if (!user.active) throw inactive()
      return actor({ ...user, userId }, connectionId, claims.exp === undefined ? null : claims.exp * 1000)
    },
    guest: (connectionId) =>
      actor({ userId: GUEST, name: GUEST, role: GUEST, email: null, avatar: null, schoolId: null }, connectionId, null),
    async claim(userId, connectionId) {
      if (isReserved(userId)) throw new AppError('FORBIDDEN', 'This user cannot be registered')
      const user = (await standing(userId))?.user ?? (await admit({ id: userId }))
      if (!user.active) throw inactive()
      return actor({ ...user, userId }, connectionId, null)
    },
    sign(claims, expiresIn) {
      if (secretKey === undefined) throw new Error('Tokens are issued elsewhere: this server has a public key only')
      return jwt.sign({ iat: Date.now() / 1000, ...claims }, secretKey, { algorithm: 'HS256', expiresIn })
    },
  }
}

const inactive = () => new AppError('UNAUTHENTICATED', 'User not found', { data: { inactive: true } })

/** What a token says, unverified: good for choosing words, never for deciding rights. */
export function peek(token: string): Readonly<Record<string, unknown>> | null {
  const claims = jwt.decode(token)
  return typeof claims === 'object' ? claims : null
}

function verify(token: string, key: KeyObject, algorithms: jwt.Algorithm[]): Claims {
  try {
    return Claims.parse(jwt.verify(token, key, { algorithms }))
  } catch (error) {
    const expired = error instanceof jwt.TokenExpiredError
    throw new AppError('UNAUTHENTICATED', expired ? 'The token has expired' : 'Invalid authentication token')
  }
}

const issuedAfter = ({ iat }: Claims, moment: Date) => iat !== undefined && Math.round(iat * 1000) > moment.getTime()

/** Whether a token tells nothing new of its user: most handshakes. */
const agrees = (user: User, identity: Identity) => isDeepStrictEqual({ ...user, ...identity }, user)

/** Only what the token states: what it leaves out stays as the directory has it. */
function identityOf(userId: string, claims: Claims): Identity {
  const name = claims.fullName ?? claims.name ?? claims.username
  const avatar = claims.profilePicture ?? claims.avatar
  return {
    id: userId,
    ...(name !== undefined && { name }),
    // The server's own role cannot be claimed.
    ...(claims.role !== undefined && claims.role.toLowerCase() !== 'system' && { role: claims.role }),
    ...(claims.email !== undefined && { email: claims.email }),
    ...(avatar !== undefined && { avatar }),
    ...(claims.schoolId !== undefined && { schoolId: claims.schoolId }),
    ...(claims.classIds !== undefined && { classIds: claims.classIds }),
  }
}

function actor(
  user: Pick<Actor, 'userId' | 'name' | 'role' | 'email' | 'avatar' | 'schoolId'>,
  connectionId: string,
  expiresAt: number | null,
): Actor {
  const { userId, name, role, email, avatar, schoolId } = user
  // The brand says "made here"; it exists in the type alone, so this is the one place that writes it by a cast.
  return { userId, name, role, email, avatar, schoolId, connectionId, expiresAt } as Actor
}
