/** The pages of docs/ say what the contract says. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { dialectNames } from '../server/dialects/index.ts'
import { commands } from '../shared/commands.ts'
import { events } from '../shared/events.ts'
import { pages } from './reference.ts'

test.each(Object.keys(pages))('docs/%s is as `npm run docs` would write it', (name) => {
  expect(readFileSync(new URL(`../docs/${name}`, import.meta.url), 'utf8')).toBe(pages[name])
})

test('every command and every event has its place, and every link leads somewhere', () => {
  const headings = (name: string) => [...(pages[name] ?? '').matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading)
  expect(headings('commands.md')).toEqual(expect.arrayContaining(Object.keys(commands)))
  expect(headings('events.md')).toEqual(expect.arrayContaining(Object.keys(events)))
  expect(headings('dialects.md')).toEqual(expect.arrayContaining([...dialectNames]))
  const anchors = new Set(headings('model.md').map((heading) => heading?.toLowerCase()))
  const links = Object.values(pages).flatMap((text) => [...text.matchAll(/model\.md#([^)]*)\)/g)].map(([, to]) => to))
  expect(links.length).toBeGreaterThan(0)
  expect(links.filter((to) => !anchors.has(to))).toEqual([])
})
