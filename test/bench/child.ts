/** What the benches with child processes share. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const start = (file: string, execArgv: readonly string[] = []) =>
  fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ['--import', 'tsx', ...execArgv] })

/** The next message of a child that has `key`. */
export function said<K extends string>(child: ChildProcess, key: K): Promise<Record<K, number>> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`a child did not say ${key}`)), 60_000)
    const listen = (message: Record<K, number>) => {
      if (!(key in message)) return
      clearTimeout(late)
      child.off('message', listen)
      resolve(message)
    }
    child.on('message', listen)
  })
}

export const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
