/**
 * The text of transcripts: lines that go on, lines that belong together, and the settings at the top. A line that is indented or
 * begins with `=` goes on with the one before it; `<~` lines that follow each other are one step.
 */
import { readdirSync, readFileSync } from 'node:fs'

export interface Step {
  /** Of its first line, from 1. */
  readonly number: number
  /** More than one if they are to be matched as a set. */
  readonly lines: readonly [string, ...string[]]
}

export function steps(text: string): Step[] {
  const found: { number: number; lines: [string, ...string[]] }[] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const last = found.at(-1)
    const goesOn = /^\s|^=/.test(raw)
    if (last && goesOn) last.lines.push(`${last.lines.pop()} ${line}`)
    else if (last && line.startsWith('<~') && last.lines[0].startsWith('<~')) last.lines.push(line)
    else found.push({ number: index + 1, lines: [line] })
  }
  return found
}

/** What the comments at the top say of how a transcript is to be played. */
export interface Settings {
  /** Environment of a server of its own; shared by transcripts that want the same. */
  readonly env: Readonly<Record<string, string>>
  /** Nobody else may be on its server. */
  readonly alone: boolean
  /** Versions of the client that can play it; undefined: all. */
  readonly clients: readonly number[] | undefined
  /** Whether it needs acts (`! name`) that only a test can give. */
  readonly acts: boolean
}

export function settings(text: string): Settings {
  const header = (name: string) => new RegExp(`^# ${name}:(.*)$`, 'm').exec(text)?.[1]
  const pairs = (header('server') ?? '').matchAll(/(\w+)=("[^"]*"|\S*)/g)
  return {
    env: Object.fromEntries([...pairs].map(([, name = '', value = '']) => [name, value.replace(/^"(.*)"$/, '$1')])),
    alone: /^# alone\b/m.test(text),
    clients: header('clients')?.match(/\d/g)?.map(Number),
    acts: /^! /m.test(text),
  }
}

export const FOLDER = new URL('./transcripts/', import.meta.url)

export interface Transcript {
  /** Inside the folder of transcripts. */
  readonly path: string
  readonly text: string
  readonly settings: Settings
}

export const readTranscript = (path: string, folder: URL | string = FOLDER): Transcript => {
  const text = readFileSync(folder instanceof URL ? new URL(path, folder) : path, 'utf8')
  return { path, text, settings: settings(text) }
}
export const transcripts = (): Transcript[] =>
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.txt'))
    .sort()
    .map((path) => readTranscript(path))
