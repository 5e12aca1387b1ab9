/** Who sees whose coming and going in a school: for each pair of roles, in the same school, the same class, or neither. */
import { expect, test } from 'vitest'
import { Rights } from '../../server/core/rights.ts'

const ROLES = ['Admin', 'teacher', 'STUDENT', 'parent'] as const
/** Rows: viewers. Columns: the others, in the order of ROLES. Who is of the own class is of the own school. */
const SCHOOL = { Admin: '++++', teacher: '++--', STUDENT: '+---', parent: '----' }
const CLASS = { Admin: '++++', teacher: '+++-', STUDENT: '+++-', parent: '----' }

const near = (viewer: string, other: string, where: 'school' | 'class' | 'elsewhere') =>
  new Rights().seesNear(
    { role: viewer, schoolId: 's', classIds: ['a', 'b'] },
    { role: other, schoolId: where === 'elsewhere' ? 't' : 's', classIds: where === 'class' ? ['b', 'c'] : ['c'] },
  )
const row = (viewer: string, where: 'school' | 'class' | 'elsewhere') =>
  ROLES.map((other) => (near(viewer, other, where) ? '+' : '-')).join('')

test.each(ROLES)('%s', (viewer) => {
  expect(row(viewer, 'school')).toBe(SCHOOL[viewer])
  expect(row(viewer, 'class')).toBe(CLASS[viewer])
  expect(row(viewer, 'elsewhere')).toBe('----')
})

test('no school is not the same school', () => {
  const none = { role: 'admin', schoolId: null, classIds: [] }
  expect(new Rights().seesNear(none, none)).toBe(false)
})
