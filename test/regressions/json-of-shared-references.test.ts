import { expect, test } from 'vitest'
import { Metadata } from '../../shared/model.ts'

test('JSON that is small in memory and endless as a tree is refused at once', () => {
  let value: Record<string, unknown> = { leaf: 1 }
  for (let level = 0; level < 14; level++) value = { a: value, b: value, c: value, d: value, e: value, f: value }
  const started = performance.now()
  expect(Metadata.safeParse(value).success).toBe(false)
  // Six to the fourteenth values would take hours.
  expect(performance.now() - started).toBeLessThan(5_000)
})
