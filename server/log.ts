/** Structured logging (pino): JSON lines in production, readable ones at a terminal. Secrets are redacted by key. */
import { createRequire } from 'node:module'
import { type Logger, pino } from 'pino'
import type { Config } from './config.ts'

export type { Logger } from 'pino'

const SECRET_KEYS = ['token', 'authorization', 'cookie', 'password', 'secret', 'access-token']

export function createLog({ logLevel, production }: Pick<Config, 'logLevel' | 'production'>): Logger {
  const redact = {
    paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
    censor: '[redacted]',
  }
  const pretty = !production && process.stdout.isTTY && hasPretty()
  return pino({
    level: logLevel,
    redact,
    ...(pretty && {
      transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' } },
    }),
  })
}

/** A development dependency: there in a checkout, not in an installation. */
function hasPretty(): boolean {
  try {
    createRequire(import.meta.url).resolve('pino-pretty')
    return true
  } catch {
    return false
  }
}
