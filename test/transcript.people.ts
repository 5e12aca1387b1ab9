/** Who is who in one transcript: ids that no other transcript has, and tokens as each of the old systems makes them. */
import { randomBytes } from 'node:crypto'
import { type Bindings, bind, parse } from './transcript.values.ts'

/** Signs `{ userId, role: 'client' }` with `claims` added. Seconds. */
export type Sign = (userId: string, claims?: object, expiresIn?: number) => string

interface Person {
  readonly id: string
  readonly name: string
}
/** The claims of each system's own tokens, and nothing else: by them a socket is known that says no dialect. */
const SYSTEMS: Readonly<Record<string, (person: Person) => object>> = {
  'rooms-token': ({ id, name }) => ({ id, username: name, email: `${name.toLowerCase()}@example.org` }),
  'messenger-token': ({ id }) => ({ id }),
  'lms-token': ({ id }) => ({ sub: id, iss: 'feathers', aud: 'https://lms.example.org' }),
  'marketplace-token': ({ id }) => ({ userId: id, role: 'client' }),
}

export class People {
  readonly #sign: Sign
  readonly #bindings: Bindings
  /** What was last said of a user's tokens: a system, and claims. */
  readonly #said = new Map<string, { system: string | undefined; claims: object }>()
  readonly #salt = randomBytes(3).toString('hex')

  constructor(sign: Sign, bindings: Bindings) {
    this.#sign = sign
    this.#bindings = bindings
  }

  /** An id that nobody has used. */
  fresh(name: string): string {
    return `${name}-${this.#salt}`
  }
  id(user: string): string {
    const id = this.fresh(user)
    this.#bindings.set(user, id)
    return id
  }

  /**
   * The token that words ask for: nothing (as the user's last one), `none`, `bad`, `expired`, `lms-token` and the like, claims
   * in JSON, `token=<name>`.
   */
  token(user: string, parts: readonly string[] = []): string | undefined {
    const id = this.id(user)
    const given = parts.find((part) => part.startsWith('token='))
    if (given !== undefined) return String(bind(parse(given.slice('token='.length), this.#bindings), this.#bindings))
    if (parts.includes('none')) return undefined
    if (parts.includes('bad')) return 'a.bad.token'
    const before = this.#said.get(user)
    const system = parts.find((part) => Object.hasOwn(SYSTEMS, part))
    const json = parts.find((part) => part.startsWith('{'))
    if (json !== undefined) {
      this.#said.set(user, { system, claims: Object(bind(parse(json, this.#bindings), this.#bindings)) })
    } else if (system !== undefined && system !== before?.system) this.#said.set(user, { system, claims: {} })
    return this.#made(user, id, parts.includes('expired') ? -10 : undefined)
  }

  #made(user: string, id: string, expiresIn: number | undefined): string {
    const name = user.replace(/^./, (letter) => letter.toUpperCase())
    const { system, claims } = this.#said.get(user) ?? { system: undefined, claims: {} }
    const own = system === undefined ? undefined : SYSTEMS[system]?.({ id, name })
    const all = own ? { userId: undefined, role: undefined, ...own, ...claims } : { fullName: name, ...claims }
    return this.#sign(id, all, expiresIn)
  }
}
