/** Logins in the database, embedded and native: each is one user's, all of a registration or none. */
import { beforeAll, expect, test } from 'vitest'
import type { Store } from '../../server/core/ports.ts'
import { AppError, toAppError } from '../../shared/errors.ts'
import { onEachDatabase } from './databases.ts'
import { newId } from './drafts.ts'

onEachDatabase('accounts', (opened) => {
  let store: Store
  beforeAll(() => {
    store = opened()
  })
  const register = (id: string, logins: string[]) =>
    store
      .write(async (tx) => {
        await tx.upsertUser({ id, name: id, email: `${id}@example.org` })
        if (!(await tx.addLogins(id, logins, `hash of ${id}`))) throw new AppError('CONFLICT')
      })
      .then(
        () => 'made',
        (error) => toAppError(error).code,
      )

  test('a login finds its user and the hash', async () => {
    const id = newId()
    expect(await register(id, [`${id}@a`, `name ${id}`])).toBe('made')
    for (const login of [`${id}@a`, `name ${id}`]) {
      const found = await store.reads.accounts.find(login)
      expect(found).toMatchObject({ user: { id, name: id, email: `${id}@example.org` }, passwordHash: `hash of ${id}` })
    }
    expect(await store.reads.accounts.find(id)).toBeNull()
  })

  test('one that is taken stays whose it was, and nothing of the other registration is left', async () => {
    const [first, second] = [newId(), newId()]
    await register(first, [`taken ${first}`])
    expect(await register(second, [`free ${second}`, `taken ${first}`])).toBe('CONFLICT')
    expect(await store.reads.accounts.find(`free ${second}`)).toBeNull()
    expect(await store.reads.users.get(second)).toBeNull()
    expect((await store.reads.accounts.find(`taken ${first}`))?.user.id).toBe(first)
  })

  test('of many that want the same two at once, in either order, one gets them', async () => {
    const [a, b] = [newId(), newId()]
    const ids = Array.from({ length: 8 }, newId)
    const made = await Promise.all(ids.map((id, n) => register(id, n % 2 === 0 ? [a, b] : [b, a])))
    expect(made.toSorted()).toEqual([...Array.from({ length: 7 }, () => 'CONFLICT'), 'made'])
    const [one, other] = [await store.reads.accounts.find(a), await store.reads.accounts.find(b)]
    expect(one?.user.id).toBe(ids[made.indexOf('made')])
    expect(other).toEqual(one)
  })
})
